package engine

import (
	"bytes"
	"errors"

	"golang.org/x/sys/unix"

	"libforker/engine/static"
)

// Files of directories that are served: how a request comes to one, with the disk or without.

// filing is what serves files. Phases 1 and 3.
type filing struct {
	files       static.Cache
	disk        *offload      // nil: no directory is served.
	freeAnswers []*fileAnswer // Free list.
	ranges      [static.MostRanges]static.Range
	merged      []byte // The fields of a response, where the program has set some.
}

// Which files are looked for, one after the other.
type lookStep uint8

const (
	stepFile     lookStep = iota // The one that the path names.
	stepIndex                    // The one that stands for the directory.
	stepList                     // None: the directory is listed.
	stepFallback                 // The one that is there for all pages.
)

const (
	// diskThreads is how many threads wait for disks at most: a disk has little use for more.
	diskThreads = 8
	// diskQueue is how much may be asked of them when another request is to be. A disk may not answer for long.
	diskQueue = 4096

	// filesMost is how many files a worker keeps open,
	filesMost = 1000
	// filesShare is how many times that many descriptors it may have at least.
	filesShare = 8
)

// startFiles makes ready for serving directories, if there are any.
func (l *Loop) startFiles() error {
	if len(l.cfg.Mounts) == 0 {
		return nil
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	l.files.SetMost(int(min(filesMost, limit.Cur/filesShare)))
	var err error
	l.disk, err = l.openOffload(diskThreads, diskQueue)
	return err
}

// closeFiles gives up all that is kept of directories.
func (l *Loop) closeFiles() {
	if l.disk != nil {
		l.files.Clear()
	}
	for _, m := range l.cfg.Mounts {
		m.Close()
	}
}

// serveFile responds to a request for a file of a directory, as the handler of such a route.
func (l *Loop) serveFile(r *request) {
	m, req := r.call.Outcome.Mount, r.shared
	r.call.Outcome = Outcome{}
	if int(req.ParamCount) == m.Params { // It is for the directory itself, without a slash.
		l.redirectToDirectory(r)
		return
	}
	rest := req.Params[m.Params].In(r.call.Path)
	if !static.IsServable(rest) || r.path != nil && static.EscapesSlash(req.Head.Path.In(r.text)) {
		l.respondWith(r, Outcome{Status: 404})
		return
	}
	a := l.newAnswer(r, m)
	a.name = append(a.name[:0], rest...)
	if len(rest) == 0 || rest[len(rest)-1] == '/' {
		a.step = stepIndex
		a.name = append(a.name, m.Index...)
	}
	if m.Fallback != "" && static.IsPage(rest) {
		wishes := static.Read(&req.Head, r.text, !r.isHead)
		a.wantsPage = wishes.WantsPage()
	}
	l.findFile(r)
}

// findFile looks for the file that r.file names, and for what is served in its place.
func (l *Loop) findFile(r *request) {
	a := r.file
	for {
		f := l.files.Get(a.mount, a.name, l.clock.now)
		var err error
		if f == nil {
			f, err = a.mount.Load(string(a.name), false, l.files.Known(a.mount, a.name))
			if errors.Is(err, static.ErrWouldBlock) {
				l.loadFile(r)
				return
			}
			f = l.keepFile(a.mount, string(a.name), f, err)
		}
		if l.foundFile(r, f, err) {
			return
		}
	}
}

// keepFile takes in what has been loaded.
func (l *Loop) keepFile(m *static.Mount, name string, f *static.File, err error) *static.File {
	if err != nil {
		l.files.Remove(m, name)
		return nil
	}
	return l.files.Put(m, name, f, l.clock.now)
}

// foundFile responds with what was found. false: the next name is to be looked for.
func (l *Loop) foundFile(r *request, f *static.File, err error) bool {
	a := r.file
	missing := errors.Is(err, static.ErrNotFound) || errors.Is(err, static.ErrIsDirectory)
	switch {
	case err == nil:
		l.answerFile(r, f)
	case errors.Is(err, static.ErrIsDirectory) && a.step == stepFile:
		l.redirectToDirectory(r)
	case missing && a.step == stepIndex && a.mount.Listing:
		l.listDirectory(r)
	case missing && a.step < stepFallback && a.wantsPage:
		a.step = stepFallback
		a.name = append(a.name[:0], a.mount.Fallback...)
		return false
	case missing:
		l.respondWith(r, Outcome{Status: 404})
	case errors.Is(err, static.ErrForbidden):
		l.respondWith(r, Outcome{Status: 403})
	default:
		l.failFile(r, err)
	}
	return true
}

// failFile responds where the system has failed.
func (l *Loop) failFile(r *request, err error) {
	l.cfg.Log(LogError, "a file of "+r.file.mount.Directory()+" cannot be opened: "+err.Error())
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) {
		l.files.Clear()
		l.respondWith(r, Outcome{Status: 503, Detail: "too many files are open", RetryAfter: 1})
		return
	}
	l.respondWith(r, Outcome{Status: 500})
}

// redirectToDirectory sends the client to the path with a slash at its end, from which the links in an index count.
func (l *Loop) redirectToDirectory(r *request) {
	path := r.shared.Head.Path.In(r.text)
	if bytes.HasSuffix(path, []byte("/")) { // By a rule for another path: it would lead to itself.
		l.respondWith(r, Outcome{Status: 404})
		return
	}
	at := append(appendPath(l.location[:0], path), '/')
	l.finishRedirect(r, &r.call.Outcome, appendQuery(at, r))
	l.respond(r)
}

// askDisk has the disk asked on a request's behalf. What `work` returns is called on the loop's thread then; gone: the
// request has no client any more.
func (l *Loop) askDisk(r *request, work func() (finish func(gone bool))) {
	if l.disk.isFull() {
		l.respondWith(r, Outcome{Status: 503, Detail: "too many files are waited for", RetryAfter: 1})
		return
	}
	if l.outLen > 0 {
		l.send(r.stream.conn()) // Earlier responses do not wait for it.
	}
	l.awaitProgram(r)
	r.become(statePooled)
	finish := func(bool) {} // If the loop ends before.
	l.disk.submit(offloadJob{
		work: func() { finish = work() },
		finish: func() {
			if r.stream == nil {
				finish(true)
				l.finishDetached(r)
				return
			}
			c := r.stream.conn()
			r.become(stateHandling)
			finish(false)
			c.protocol.proceed(l)
		},
	})
}

// loadFile goes on with findFile when the disk has been asked.
func (l *Loop) loadFile(r *request) {
	m, name := r.file.mount, string(r.file.name)
	known := l.files.Known(m, r.file.name)
	l.askDisk(r, func() func(bool) {
		f, err := m.Load(name, true, known)
		return func(gone bool) {
			f = l.keepFile(m, name, f, err)
			if !gone && !l.foundFile(r, f, err) {
				l.findFile(r)
			}
		}
	})
}

// listDirectory responds with a page of what is in a directory.
func (l *Loop) listDirectory(r *request) {
	a := r.file
	a.step = stepList
	m, path := a.mount, string(r.call.Path)
	name := string(bytes.TrimSuffix(a.name, []byte(m.Index)))
	l.askDisk(r, func() func(bool) {
		page, err := m.List(name, path)
		return func(gone bool) {
			switch {
			case gone:
			case err == nil:
				l.answerPage(r, page)
			case !l.foundFile(r, nil, err):
				l.findFile(r)
			}
		}
	})
}
