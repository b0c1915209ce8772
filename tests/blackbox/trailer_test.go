package blackbox

import "testing"

func TestTrailer_isReadApartFromTheHeader(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, source: "trailer.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1"})}).waitReady()
		for _, row := range []struct{ target, body, want string }{
			{"/", "5\nhello\n0\n\n", "first none (0), in header none, body hello"},
			{"/", "5\nhello\n0\nX-Sum: 1\nOther:\nx-sum: \t2 3 \n\n", "X-Sum=1 Other= x-sum=2 3 first 1 (1), in header none, body hello"},
			{"/", "0\nX-Sum: 1\n\n", "X-Sum=1 first 1 (1), in header none, body "},
			{"/", "5\nhello\n0\nHost: evil\nX-Sum: 1\nContent-Length: 7\n\n", "X-Sum=1 first 1 (1), in header none, body hello"},
			{"/edges", "0\nX-Sum: 1\n\n", "1 0 1 0 -1 -1"},
		} {
			c := p.dial().send(wire("POST " + row.target + " HTTP/1.1\nHost\nTransfer-Encoding: chunked\n\n" + row.body))
			if got := c.receive("POST"); got.StatusCode != 200 || got.body != row.want {
				t.Errorf("%q: %d %q", row.body, got.StatusCode, got.body)
			}
		}
	})
}
