package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// The same by calls of gRPC, the methods of ledger.Ledger by turns: Ask, with one message each way, and Talk, with Rounds, of which
// each but the first follows the response to the one before. A call is answered if all its messages are there, and status OK.

// Rounds are the messages each way in a call of Talk.
const Rounds = 3

const prefixLen = 5 // Of a message.

// framed is a message as it is sent.
func framed(message string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// messages are those of a body.
func messages(body []byte) (texts []string, err error) {
	for len(body) >= prefixLen {
		size := prefixLen + int(binary.BigEndian.Uint32(body[1:]))
		if size > len(body) {
			break
		}
		texts, body = append(texts, string(body[prefixLen:size])), body[size:]
	}
	if len(body) > 0 {
		err = fmt.Errorf("%w: the end of a message is missing: %.100q", errWrong, body)
	}
	return texts, err
}

// call begins a call.
func (c *streamer) call(s *stream) error {
	method := "Ask"
	if s.talks = c.next%4 == 3; s.talks { // Every other one: clients have odd numbers.
		method = "Talk"
	}
	err := c.writeHead(false, [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":authority", "ledger"},
		{":path", "/ledger.Ledger/" + method},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	})
	switch {
	case err != nil:
		return err
	case s.talks:
		return c.talkOn(c.next, s)
	}
	return c.framer.WriteData(c.next, true, framed(s.id))
}

// writeHead writes the head of the next stream.
func (c *streamer) writeHead(ends bool, fields [][2]string) error {
	c.head.Reset()
	for _, field := range fields {
		if err := c.fields.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			return err
		}
	}
	return c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: c.next, BlockFragment: c.head.Bytes(), EndStream: ends, EndHeaders: true,
	})
}

// talkOn sends the messages of a call of Talk that are due: the next one, when there is a response to that before.
func (c *streamer) talkOn(id uint32, s *stream) error {
	if texts, _ := messages(s.body); len(texts) != s.said || s.said > Rounds { // The response is on its way, or all is said.
		return nil
	}
	s.said++
	if s.said > Rounds {
		return c.framer.WriteData(id, true, nil)
	}
	return c.framer.WriteData(id, false, framed(fmt.Sprintf("%s.%d", s.id, s.said-1)))
}

// calledBy reads who has answered a call, and wants it to be whole.
func calledBy(s *stream) (by handled, err error) {
	texts, err := messages(s.body)
	want := 1
	if s.talks {
		want = Rounds
	}
	if err == nil && (s.code != "0" || len(texts) != want) {
		err = fmt.Errorf("%w: status %q, %d messages", errWrong, s.code, len(texts))
	}
	for i, text := range texts {
		id := s.id
		if s.talks {
			id = fmt.Sprintf("%s.%d", s.id, i)
		}
		if err == nil {
			by, err = handledBy(id, s.status, []byte(text), s.sent)
		}
	}
	return by, err
}

// checkBegun wants no call to have begun twice, and as many as were answered.
func checkBegun(path string, r *Report) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	begun := map[string]bool{}
	for line := range bytes.Lines(text) {
		id := strings.TrimSuffix(string(line), "\n")
		if begun[id] {
			return fmt.Errorf("call %s has begun twice: %s", id, r)
		}
		begun[id] = true
	}
	if len(begun) < r.Answered || len(begun) > r.Sent {
		return fmt.Errorf("%d calls have begun: %s", len(begun), r)
	}
	return nil
}
