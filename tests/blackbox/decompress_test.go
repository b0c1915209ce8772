package blackbox

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Bodies that come compressed, to handlers of every kind.

// everyWay are the routes of form.c by which a handler has its form: whole and part by part, paused and deferred, on the loop's thread and
// on one of the pool, behind a function of a group.
var everyWay = []string{"/whole", "/before/whole", "/whole-pool", "/parts", "/parts-whole", "/own", "/paused", "/paused-whole", "/paused-pool"}

// compressed returns a body in a coding.
func compressed(t *testing.T, coding, body string) string {
	t.Helper()
	var packed bytes.Buffer
	var w io.WriteCloser
	if coding == "gzip" {
		w = gzip.NewWriter(&packed)
	} else {
		encoder, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1))
		must(t, err)
		w = encoder
	}
	_, err := io.WriteString(w, body)
	must(t, err)
	must(t, w.Close())
	return packed.String()
}

func postCompressed(target, coding, packed, contentType string, chunk int) string {
	return strings.Replace(postForm(target, packed, contentType, chunk), "Host: t\r\n", "Host: t\r\nContent-Encoding: "+coding+"\r\n", 1)
}

// TestDecompress_everyHandlerHasWhatWasMeant: the form is the same as if it had come as it is, and the connection goes on.
func TestDecompress_everyHandlerHasWhatWasMeant(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startForms(t, b, "body_buffer=64k", "decompress=on")
		for i, parts := range someForms {
			body, contentType := multipartForm(parts)
			want := formText(parts)
			for _, coding := range []string{"gzip", "zstd"} {
				packed := compressed(t, coding, body)
				for _, target := range everyWay {
					for _, chunk := range []int{0, 100} {
						c := p.dial().sendAside(postCompressed(target, coding, packed, contentType, chunk) + hello)
						if a := c.receive("POST"); a.StatusCode != 200 || a.body != want {
							t.Fatalf("form %d by %s, %s in chunks of %d: %s %.300q, want %.300q", i, coding, target, chunk, a.Status, a.body, want)
						}
						c.receive("GET")
						must(t, c.Close())
					}
				}
			}
		}
		p.expectNoForms()
	})
}

// TestDecompress_countsAgainstMaxBodyEverywhere: what counts is what comes out, to the byte, and little that would become much is
// refused wherever it goes.
func TestDecompress_countsAgainstMaxBodyEverywhere(t *testing.T) {
	const most = 100_000
	form := func(size int) (string, string, []part) { // A form of so many bytes in all.
		parts := []part{{"a", "", "1"}, {"f", "f.txt", ""}}
		empty, _ := multipartForm(parts)
		parts[1].content = strings.Repeat("x", size-len(empty))
		body, contentType := multipartForm(parts)
		if len(body) != size {
			t.Fatalf("%d bytes, not %d", len(body), size)
		}
		return body, contentType, parts
	}
	p := startForms(t, plain, "body_buffer=64k", "decompress=on", fmt.Sprintf("max_body=%d", most))
	for _, coding := range []string{"gzip", "zstd"} {
		for _, size := range []int{most, most + 1, 100 * most} {
			body, contentType, parts := form(size)
			packed, want := compressed(t, coding, body), 200
			if size > most {
				want = 413
			}
			if len(packed) > most/5 {
				t.Fatalf("%d bytes are too many to be let in by their length", len(packed))
			}
			for _, target := range everyWay {
				a := p.dial().sendAside(postCompressed(target, coding, packed, contentType, 0)).receive("POST")
				if a.StatusCode != want || want == 200 && a.body != formText(parts) {
					t.Errorf("%d bytes by %s, %s: %s %.200q, want %d", size, coding, target, a.Status, a.body, want)
				}
			}
		}
	}
	p.expectNoForms()
}

// TestDecompress_clientsThatLeaveAreForgotten: in the middle of what is to be decoded, whatever the handler is doing with it.
func TestDecompress_clientsThatLeaveAreForgotten(t *testing.T) {
	p := startForms(t, plain, "decompress=on")
	body, contentType := multipartForm([]part{{"a", "", "1"}, {"f", "f.txt", content(300000)}})
	packed := compressed(t, "gzip", body)
	for _, target := range everyWay {
		request := postCompressed(target, "gzip", packed, contentType, 0)
		for _, cut := range []int{len(request) - len(packed) + 20, len(request) - len(packed)/2, len(request) - 1} {
			c := p.dial().sendAside(request[:cut])
			c.waitRead()
			must(t, c.Close())
		}
	}
	p.expectNoForms()
	if a := p.dial().sendAside(postCompressed("/paused-pool", "gzip", packed, contentType, 0)).receive("POST"); a.StatusCode != 200 {
		t.Errorf("%s %.200q", a.Status, a.body)
	}
}
