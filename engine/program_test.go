package engine

import (
	"fmt"
	"hash/crc32"
	"reflect"
	"strings"
	"sync"

	"libforker/engine/memory"
	"libforker/engine/message"
)

// program is one in Go: handlers by path. It does with a response's memory what capi/exchange/response.c does.
type program struct {
	handlers map[string]func(*call)

	admissions map[string]*Admission
	onBody     map[string]func(c *call, piece []byte, last int)

	blocks memory.Pool
	lent   map[uintptr][]byte // Blocks that parts of responses are in, by address.
	call   call
	trims  int // Owned by the loop.
	frees  int // Likewise.

	mu    sync.Mutex
	lines []string // Guarded by mu.
}

// call is one request inside its handler, which must not keep it.
type call struct {
	program *program
	req     *Request
	method  []byte
	path    []byte
	early   bool // The body has not come yet.
	outcome Outcome
}

func newProgram() *program {
	p := &program{
		admissions: map[string]*Admission{},
		onBody:     map[string]func(*call, []byte, int){},
		lent:       map[uintptr][]byte{},
	}
	hello := func(c *call) { c.respond(200, "hello") }
	p.handlers = map[string]func(*call){
		"/":      hello,
		"/hello": hello,
		"/echo":  func(c *call) { c.respond(200, string(c.body())) },
		"/shut":  func(c *call) { c.req.Response.Flags |= ResponseClose; c.respond(200, "bye") },
		"/tell":  func(c *call) { c.respond(200, fmt.Sprintf("%s %s %d", c.method, c.path, len(c.body()))) },
	}
	return p
}

func (p *program) Serve(request *Call) {
	if request.Found.Is && request.Found.Route != fingerprint(request) {
		panic(fmt.Sprintf("%s %s has what was found for another request", request.Method, request.Path))
	}
	handler := p.handlers[string(request.Path)]
	if handler == nil {
		request.Outcome.Status = 404
		return
	}
	if admission := p.admissions[string(request.Path)]; request.Early && (admission == nil || !admission.Stream) {
		request.Outcome = Outcome{Next: WantsBody, Skip: 1}
		return
	}
	p.call = call{program: p, req: request.Req, method: request.Method, path: request.Path, early: request.Early}
	handler(&p.call)
	request.Outcome = p.call.outcome
}

// fingerprint stands for the route of a request.
func fingerprint(request *Call) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(request.Method), crc32.IEEETable, request.Path) + uint32(request.Skip)
}

// anyBody is for the paths that a test has said nothing of: with a handler, and without.
var anyBody = [2]Admission{{Most: 1 << 20}, {Most: 1 << 20, None: true}}

// Admit gives what the test has said of the path.
func (p *program) Admit(request *Call) *Admission {
	request.Found = Found{Is: true, Route: fingerprint(request)}
	if admission := p.admissions[string(request.Path)]; admission != nil {
		return admission
	}
	if p.handlers[string(request.Path)] == nil {
		return &anyBody[1]
	}
	return &anyBody[0]
}

// Body calls the onBody of the request's handler.
func (p *program) Body(request *Call, piece []byte, last int) {
	p.call = call{program: p, req: request.Req, method: request.Method, path: request.Path}
	if last != BodyGoesOn {
		request.Req.OnBody = 0
	}
	p.onBody[string(request.Path)](&p.call, piece, last)
	request.Outcome = p.call.outcome
}

// Collect, Stream and Close are for requests that are answered later, which the tests through the C API have.
func (p *program) Collect([]Event) int                { return 0 }
func (p *program) Interim() (Interim, bool)           { return Interim{}, false }
func (p *program) Stream(*Request) Piece              { return Piece{} }
func (p *program) Failure(*Request) string            { return "" }
func (p *program) Closed(*Request, int) bool          { return true }
func (p *program) Done(*Request)                      {}
func (p *program) Judge(*Call, uintptr, []byte) bool  { return false }
func (p *program) Resumed(*Request)                   {}
func (p *program) Head(*Request, int)                 {}
func (p *program) Error(*Request, *ProgramError) bool { return false }
func (p *program) Retain(left []memory.Mapping) int   { return 0 }

func (p *program) Free(req *Request) {
	p.frees++
	for _, block := range []*Block{&req.Response.Fields, &req.Response.Body} {
		if block.Cap > 0 {
			p.blocks.Put(memory.View(block.Data, block.Cap))
		}
		*block = Block{}
	}
}

func (p *program) Release(req *Request) {
	for _, part := range memory.Array[Part](req.Response.Parts.Data, req.Response.Parts.Len) {
		if part.Kind == PartLent {
			p.blocks.Put(p.lent[part.Data])
			delete(p.lent, part.Data)
		}
	}
	if !req.Response.isLarge() {
		return
	}
	p.trims++
	for _, block := range []*Block{&req.Response.Fields, &req.Response.Body} {
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
func (c *call) text(s message.Span) string {
	return string(memory.View(c.req.Base+uintptr(s.Off), uint64(s.Len)))
}

// answer sets the status and appends to the body.
func (c *call) respond(status int, body string) {
	c.req.Response.Status, c.req.Response.State = uint16(status), ResponseStarted
	c.program.add(&c.req.Response.Body, body)
}

// field adds a header field.
func (c *call) field(name, value string) {
	c.program.add(&c.req.Response.Fields, name)
	c.program.add(&c.req.Response.Fields, ": ")
	c.program.add(&c.req.Response.Fields, value)
	c.program.add(&c.req.Response.Fields, "\r\n")
}

// part adds a piece to the body, behind what is there.
func (c *call) part(part Part) {
	response := &c.req.Response
	response.Status, response.State = 200, ResponseStarted
	if response.Body.Len > response.Parted {
		c.program.addPart(response, Part{Kind: PartBody, Off: response.Parted, Len: response.Body.Len - response.Parted})
		response.Parted = response.Body.Len
	}
	c.program.addPart(response, part)
	response.Extra += part.Len
}

// lent adds bytes that the program takes back when the request ends.
func (c *call) lent(text string) {
	b := c.program.block(len(text))
	copy(b, text)
	c.program.lent[memory.Address(b)] = b
	c.part(Part{Kind: PartLent, Data: memory.Address(b), Len: uint64(len(text))})
}

func (p *program) addPart(response *Response, part Part) {
	size := int(reflect.TypeFor[Part]().Size())
	p.reserve(&response.Parts, size)
	response.Parts.Len += uint64(size)
	parts := memory.Array[Part](response.Parts.Data, response.Parts.Len)
	parts[len(parts)-1] = part
}

func (p *program) add(block *Block, text string) {
	copy(p.reserve(block, len(text)), text)
	block.Len += uint64(len(text))
}

// reserve returns room for size more bytes in a block.
func (p *program) reserve(block *Block, size int) []byte {
	if need := block.Len + uint64(size); need > block.Cap {
		larger := p.block(int(max(need, 2*block.Cap)))
		copy(larger, memory.View(block.Data, block.Len))
		if block.Cap > 0 {
			p.blocks.Put(memory.View(block.Data, block.Cap))
		}
		block.Data, block.Cap = memory.Address(larger), uint64(len(larger))
	}
	return memory.View(block.Data, block.Cap)[block.Len:]
}

func (p *program) block(size int) []byte {
	b, err := p.blocks.Get(size)
	if err != nil {
		panic(err)
	}
	return b
}
