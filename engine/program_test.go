package engine

import (
	"fmt"
	"strings"
	"sync"

	"libforker/engine/http1"
	"libforker/engine/memory"
)

// program is an App in Go: handlers by path. It does with an answer's memory what capi/response.c does.
type program struct {
	handlers map[string]func(*call)
	blocks   memory.Pool
	call     call
	trims    int // Owned by the loop.
	frees    int // Likewise.

	mu    sync.Mutex
	lines []string // Guarded by mu.
}

// call is one request inside its handler, which must not keep it.
type call struct {
	program *program
	req     *Request
	method  []byte
	path    []byte
	outcome Outcome
}

func newProgram() *program {
	p := &program{}
	hello := func(c *call) { c.answer(200, "hello") }
	p.handlers = map[string]func(*call){
		"/":      hello,
		"/hello": hello,
		"/echo":  func(c *call) { c.answer(200, string(c.body())) },
		"/shut":  func(c *call) { c.req.Answer.Flags |= AnswerClose; c.answer(200, "bye") },
		"/tell":  func(c *call) { c.answer(200, fmt.Sprintf("%s %s %d", c.method, c.path, len(c.body()))) },
	}
	return p
}

func (p *program) Serve(request *Call) Outcome {
	handler := p.handlers[string(request.Path)]
	if handler == nil {
		return Outcome{Status: 404}
	}
	p.call = call{program: p, req: request.Req, method: request.Method, path: request.Path}
	handler(&p.call)
	return p.call.outcome
}

// Collect, Stream and Close are for requests that are answered later, which the tests through the C API have.
func (p *program) Collect([]Event) int      { return 0 }
func (p *program) Stream(*Request) Piece    { return Piece{} }
func (p *program) Close(*Request, int) bool { return true }
func (p *program) Abandon() int             { return 0 }

func (p *program) Free(req *Request) {
	p.frees++
	for _, block := range []*Block{&req.Answer.Fields, &req.Answer.Body} {
		if block.Cap > 0 {
			p.blocks.Put(memory.View(block.Data, block.Cap))
		}
		*block = Block{}
	}
}

func (p *program) Release(req *Request) {
	if !req.Answer.isLarge() {
		return
	}
	p.trims++
	for _, block := range []*Block{&req.Answer.Fields, &req.Answer.Body} {
		if block.Cap > 0 {
			p.blocks.Put(memory.View(block.Data, block.Cap))
		}
		*block = Block{}
	}
}

func (p *program) Log(_ int, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, text)
}

// logged returns how many lines of the log contain text.
func (p *program) logged(text string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (c *call) body() []byte { return memory.View(c.req.Body, c.req.BodyLen) }

// text returns a piece of the head or of the trailer section.
func (c *call) text(s http1.Span) string {
	return string(memory.View(c.req.Base+uintptr(s.Off), uint64(s.Len)))
}

// answer sets the status and appends to the body.
func (c *call) answer(status int, body string) {
	c.req.Answer.Status, c.req.Answer.State = uint16(status), AnswerStarted
	c.program.add(&c.req.Answer.Body, body)
}

// field adds a header field.
func (c *call) field(name, value string) {
	c.program.add(&c.req.Answer.Fields, name)
	c.program.add(&c.req.Answer.Fields, ": ")
	c.program.add(&c.req.Answer.Fields, value)
	c.program.add(&c.req.Answer.Fields, "\r\n")
}

func (p *program) add(block *Block, text string) {
	if size := block.Len + uint64(len(text)); size > block.Cap {
		larger, err := p.blocks.Get(int(max(size, 2*block.Cap)))
		if err != nil {
			panic(err)
		}
		copy(larger, memory.View(block.Data, block.Len))
		if block.Cap > 0 {
			p.blocks.Put(memory.View(block.Data, block.Cap))
		}
		block.Data, block.Cap = memory.Address(larger), uint64(len(larger))
	}
	copy(memory.View(block.Data, block.Cap)[block.Len:], text)
	block.Len += uint64(len(text))
}
