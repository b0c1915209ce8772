package engine

import (
	"time"

	"golang.org/x/sys/unix"

	"libforker/engine/memory"
	"libforker/engine/static"
)

// Files that the program responds with: what the client wants of one is found out as for files of directories.

// wholeFile returns the only piece of a response that is a file as a whole; nil: it is another response.
func (a *Response) wholeFile() *Part {
	parts := memory.Array[Part](a.Parts.Data, a.Parts.Len)
	if a.File == 0 || a.Status != 200 || a.Flags&(ResponseError|ResponseStream) != 0 || a.Body.Len > 0 || len(parts) != 1 {
		return nil
	}
	return &parts[0]
}

// answerOwnFile has the program's response, if that is a file, be what the client wants of it.
func (l *Loop) answerOwnFile(r *request) {
	response := &r.shared.Response
	part := response.wholeFile()
	if part == nil || r.file != nil || r.call.Outcome.Status != 0 || !r.isHead && string(r.shared.Head.Method.In(r.text)) != "GET" {
		return
	}
	a := l.newAnswer(r, nil)
	a.own.Represent(&static.Own{
		Fd: int(part.Fd), Size: int64(part.Len), Inode: response.Inode, Fields: r.setFields(),
		Modified: unix.Timespec{Sec: response.Modified, Nsec: int64(response.ModifiedNs)},
	}, time.Unix(0, l.clock.now+l.clock.wallNs))
	wishes := static.Read(&r.shared.Head, r.text, !r.isHead)
	if !l.decide(r, &wishes, &a.own) {
		r.call.Outcome = Outcome{Status: 412}
	}
}
