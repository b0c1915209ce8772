package engine

import (
	"libforker/engine/credential"
	"libforker/engine/gate"
)

// Users who show a name and a password. Whether these are right takes long to compute, on purpose, so a thread beside the
// loop does that; the request waits as if the pool had it. Those that were right are remembered.

// checking is what names and passwords are checked with. Phases 1 and 3.
type checking struct {
	hasher *offload // nil: nobody has to show who they are.
	known  *credential.Known
	shown  credential.BasicRoom
	checks map[credential.Digest]*check // Those that are under way.
}

// check is a name with a password, and the requests that show them.
type check struct {
	auth     *gate.Auth
	digest   credential.Digest
	name     string
	password []byte
	waiting  []*request
}

// checksMost is how many may wait for the one that is computed. It is some seconds of work.
const checksMost = 64

// startChecking makes ready for users, if there are any.
func (l *Loop) startChecking() error {
	if l.cfg.Front == nil || !l.cfg.Front.Users {
		return nil
	}
	l.known, l.checks = credential.NewKnown(), map[credential.Digest]*check{}
	var err error
	l.hasher, err = l.openOffload(1, checksMost)
	return err
}

// passUser asks who a request is from.
func (l *Loop) passUser(r *request, auth *gate.Auth) barrier {
	name, password, ok := auth.Read(&r.shared.Head, r.text, &l.shown)
	if !ok {
		return barredByUser
	}
	digest := l.known.Digest(auth.Users, name, password)
	if l.known.Has(digest) {
		r.nameUser(name)
		return passes
	}
	c := l.checks[digest]
	if c == nil {
		c = &check{auth: auth, digest: digest, name: string(name), password: append([]byte(nil), password...)}
	}
	r.gated.check = c
	return awaitsUser
}

// nameUser notes who the request is from.
func (r *request) nameUser(name []byte) {
	n := copy(r.shared.User[:], name)
	r.shared.User[n], r.shared.UserLen = 0, uint8(n)
}

// checkUser has the name and password checked that a request shows, and the request wait for that.
func (l *Loop) checkUser(r *request) {
	c := r.gated.check
	if under := l.checks[c.digest]; under != nil {
		c = under
	} else if l.hasher.isFull() {
		l.respondWith(r, Outcome{Status: 503, Detail: "too many users log in", RetryAfter: 1})
		return
	}
	if l.outLen > 0 {
		l.send(r.stream.conn()) // Earlier responses do not wait for it.
	}
	l.probe(r.stream.conn())
	r.become(statePooled)
	r.gated.check = c
	c.waiting = append(c.waiting, r)
	if len(c.waiting) > 1 {
		return
	}
	l.checks[c.digest] = c
	good := false // If the loop ends before.
	l.hasher.submit(offloadJob{
		work:   func() { good = c.auth.Users.Verify(c.name, c.password) },
		finish: func() { l.finishCheck(c, good) },
	})
}

// finishCheck goes on with the requests that have waited for it.
func (l *Loop) finishCheck(c *check, good bool) {
	delete(l.checks, c.digest)
	if good {
		l.known.Add(c.digest)
	}
	clear(c.password)
	for _, r := range c.waiting {
		r.gated.check = nil
		if r.stream == nil {
			l.finishDetached(r)
		} else {
			l.goOnAs(r, c, good)
		}
		l.bury()
	}
}

// goOnAs goes on with a request that is a user's, or nobody's.
func (l *Loop) goOnAs(r *request, c *check, good bool) {
	conn := r.stream.conn()
	r.become(stateHandling)
	if good {
		r.nameUser([]byte(c.name))
		r.gated.barrier = passes
		r.shared.Now, r.shared.Box = uint64(l.clock.now), l.box
		l.cfg.Handlers.Serve(&r.call)
	} else {
		r.gated.barrier = barredByUser
		l.bar(r, &r.call.Outcome)
	}
	l.carryOut(r)
	l.resume(r, conn)
}
