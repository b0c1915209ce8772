package admin

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// HTTP/1.1 as far as GET of small pages needs it: one request on a connection, whose response ends it. It reads what RFC
// 9112 asks a server to read, refuses the rest, and has no use for a body.

// The bounds of what clients can take up.
const (
	maxConns        = 128
	idleGrace       = 50 * time.Millisecond // before an idle connection has to leave for another
	maxHead         = 8 << 10
	headTimeout     = 5 * time.Second
	responseTimeout = 10 * time.Second
	lingerTimeout   = time.Second // for the client to close
	lingerMost      = 1 << 20     // bytes that it may still send
)

const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT" // RFC 9110 §5.6.7

// request is what is used of one.
type request struct {
	method, path, query, host string
}

// response is what is said to one.
type response struct {
	status int
	kind   string // Content-Type
	fields string // further lines of the head
	body   []byte
}

var reasons = map[int]string{
	200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
	431: "Request Header Fields Too Large", 500: "Internal Server Error", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
}

func text(status int, body string) response {
	return response{status: status, kind: "text/plain; charset=utf-8", body: []byte(body)}
}

// refuse is the response that only names its status.
func refuse(status int) response { return text(status, reasons[status]+"\n") }

// encode writes a response as it is sent.
func (a *response) encode(now time.Time, isHead bool) []byte {
	head := "HTTP/1.1 " + strconv.Itoa(a.status) + " " + reasons[a.status] + "\r\n" +
		"Date: " + now.UTC().Format(httpDate) + "\r\n" +
		"Content-Type: " + a.kind + "\r\n" +
		"Content-Length: " + strconv.Itoa(len(a.body)) + "\r\n" +
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n" + a.fields + "Connection: close\r\n\r\n"
	if isHead {
		return []byte(head)
	}
	return append([]byte(head), a.body...)
}

// readHead reads up to the empty line that ends the head. status is what to refuse it with, 0 if it has come.
func readHead(conn net.Conn) (head string, status int, err error) {
	buffer := make([]byte, 0, maxHead)
	for {
		n, err := conn.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		switch end := bytes.Index(buffer, []byte("\r\n\r\n")); {
		case end >= 0:
			return string(buffer[:end]), 0, nil
		case len(buffer) == cap(buffer):
			return "", 431, nil
		case errors.Is(err, io.EOF) && len(buffer) > 0:
			return "", 400, nil
		case isTimeout(err) && len(buffer) > 0:
			return "", 408, nil
		case err != nil:
			return "", 0, err // Nothing was asked.
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// parse takes a head apart. status is what to refuse it with, 0 if it is one.
func parse(head string) (r request, status int) {
	lines := strings.Split(head, "\r\n")
	words := strings.Split(lines[0], " ")
	if len(words) != 3 || words[0] == "" || !strings.HasPrefix(words[1], "/") || !strings.HasPrefix(words[2], "HTTP/") {
		return r, 400
	}
	if words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0" {
		return r, 505
	}
	r.method = words[0]
	r.path, r.query, _ = strings.Cut(words[1], "?")
	hosts := 0
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsAny(line, "\r\n\x00") {
			return r, 400
		}
		if len(name) == len("Host") && strings.EqualFold(name, "Host") { // The length keeps letters beyond ASCII out.
			r.host = strings.Trim(value, " \t")
			hosts++
		}
	}
	if hosts > 1 || hosts == 0 && words[2] == "HTTP/1.1" { // RFC 9112 §3.2
		return r, 400
	}
	return r, 0
}

// receive reads a request, and gives what `respond` says to it. An error means that the client is gone, or too slow.
func receive(conn net.Conn, respond func(request) response) (a response, isHead bool, err error) {
	_ = conn.SetReadDeadline(time.Now().Add(headTimeout))
	head, status, err := readHead(conn)
	if err != nil {
		return a, false, err
	}
	var r request
	if status == 0 {
		r, status = parse(head)
	}
	if status != 0 {
		return refuse(status), r.method == "HEAD", nil
	}
	return respond(r), r.method == "HEAD", nil
}

func send(conn net.Conn, encoded []byte) error {
	_ = conn.SetWriteDeadline(time.Now().Add(responseTimeout))
	_, err := conn.Write(encoded)
	return err
}

// linger waits for the client to close, so that what it still sends does not get it a reset, which can overtake the
// response (RFC 9112 §9.6).
func linger(conn net.Conn) {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(lingerTimeout))
	_, _ = io.CopyN(io.Discard, conn, lingerMost)
}
