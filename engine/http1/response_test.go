package http1

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"libforker/engine/message"
)

const common = "Server: s\r\nDate: d\r\n"

func TestAppendHead_saysHowTheEndIsTold(t *testing.T) {
	for _, c := range []struct {
		status  int
		length  int64
		version uint8
		closes  bool
		want    string
	}{
		{200, 11, 11, false, "HTTP/1.1 200 OK\r\n" + common + "Content-Length: 11\r\nA: b\r\n\r\n"},
		{200, 0, 10, false, "HTTP/1.1 200 OK\r\n" + common + "Content-Length: 0\r\nA: b\r\nConnection: keep-alive\r\n\r\n"},
		{404, 1, 11, true, "HTTP/1.1 404 Not Found\r\n" + common + "Content-Length: 1\r\nA: b\r\nConnection: close\r\n\r\n"},
		{299, -1, 11, false, "HTTP/1.1 299 \r\n" + common + "Transfer-Encoding: chunked\r\nA: b\r\n\r\n"},
		{200, -1, 10, true, "HTTP/1.1 200 OK\r\n" + common + "A: b\r\nConnection: close\r\n\r\n"},
		{204, 0, 11, false, "HTTP/1.1 204 No Content\r\n" + common + "A: b\r\n\r\n"},
		{304, 5, 11, false, "HTTP/1.1 304 Not Modified\r\n" + common + "A: b\r\n\r\n"},
	} {
		out := AppendHead([]byte("before"), c.status, []byte(common), c.length, c.version)
		out = AppendHeadEnd(append(out, "A: b\r\n"...), c.version, c.closes)
		if string(out) != "before"+c.want {
			t.Errorf("%d, length %d, version %d, closes %v: %q", c.status, c.length, c.version, c.closes, out)
		}
	}
}

func TestAppendPrefix_isAppendHeadInTwoSteps(t *testing.T) {
	for _, length := range []int64{0, 1, 1<<63 - 1} {
		want := string(AppendHead(nil, 200, []byte(common), length, message.Version11))
		if got := string(AppendKnown(AppendPrefix(nil, 200, []byte(common)), length)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAppendInterim_isAWholeHead(t *testing.T) {
	if got := string(AppendInterim(nil, 103, []byte("Link: </a>\r\n"))); got != "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

// What is written is read back by another reader of HTTP.
func TestAppendChunk_isReadByOthers(t *testing.T) {
	head := string(AppendHeadEnd(AppendHead(nil, 200, nil, -1, message.Version11), message.Version11, false))
	chunk := func(data string) string { return string(AppendChunkSize(nil, len(data))) + data }
	long := strings.Repeat("x", 70000)
	for _, body := range []string{
		chunk("a") + ChunkEnd + chunk(long) + ChunkEndLast,
		chunk("a"+long) + ChunkEnd + string(AppendLastChunk(nil)) + "Digest: 1\r\n" + ChunkEnd,
	} {
		response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head+body)), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		if err != nil || string(got) != "a"+long {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if strings.Contains(body, "Digest") != (response.Trailer.Get("Digest") == "1") {
			t.Errorf("trailers %v", response.Trailer)
		}
	}
}

func TestStatusLines_areOfRFC9112(t *testing.T) {
	for status, want := range map[int]string{200: "HTTP/1.1 200 OK\r\n", 431: "HTTP/1.1 431 Request Header Fields Too Large\r\n", 599: "HTTP/1.1 599 \r\n"} {
		if statusLines[status] != want {
			t.Errorf("%d: %q", status, statusLines[status])
		}
	}
}
