package engine

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"libforker/engine/access"
	"libforker/engine/grpc"
	"libforker/engine/http1"
	"libforker/engine/http2"
	"libforker/engine/inventory"
	"libforker/engine/memory"
	"libforker/engine/message"
	"libforker/engine/poller"
)

// The loop: its phases, and what belongs to it.

// Loop serves connections from one epoll instance. An iteration has these phases:
//
//  1. wait for events, no longer than until the next deadline
//  2. read the clock, renew Date
//  3. handle events: watched descriptors, connections, listeners; once a second look at the listeners without one, let
//     idle threads of the pool end and unused memory go; go on with connections that have more to serve
//  4. expire deadlines
//  5. when draining: decide whether everything is done
//  6. publish the heartbeat
//
// All of it is owned by the goroutine that calls Run or Poll; nothing is locked.
type Loop struct {
	cfg      Config // Immutable.
	clock    clock
	measured measured
	tenure   tenure
	blocks   memory.Pool

	polling
	listening
	connections
	requests
	collecting
	ending
	filing
	checking

	securing
	compressing
	decoding

	sendFile sendFile
}

// polling is what the loop waits for. Phases 1, 3 and 4.
type polling struct {
	poll     *poller.Poller
	special  []func() // By fd: watched descriptors and listeners, which have tag 0.
	wheel    wheel
	expired  func(*timer)
	expireNs int64 // Deadlines are not looked at before.
	lookNs   int64 // When idle threads of the pool and unused memory are looked for.
	timerFd  int   // With Config.Polled: in the poller, for the next thing that is due.
	timerNs  int64 // When it rings; 0: it is not set.
}

// listening is where connections come from. Phase 3.
type listening struct {
	listeners   []listener
	redirects   bool            // One of them leads to HTTPS.
	pausedUntil int64           // Listeners are not watched until then; 0: they are.
	full        bool            // MaxConnections are open.
	peers       map[peerKey]int // Connections by client; nil: not counted.
}

// connections are those that were accepted. Phases 3 and 4.
type connections struct {
	conns         []*conn // By fd.
	open          int     // How many are open.
	lastTag       uint32
	freeConns     []*conn     // Free list.
	freeH1        []*h1       // Free list.
	freeH2        []*h2       // Free list.
	freeH2Streams []*h2stream // Free list.
	h2            *http2.Shared
	h2Text        []byte         // Where the head of an HTTP/2 request is decoded.
	inflater      *grpc.Inflater // Of messages of calls; nil: none was compressed yet.
	deflater      *grpc.Deflater // Of their replies, likewise.
	freeMessages  []*h1message   // Free list.
	dead          []*conn        // Closed in this step.
	turns         []nextTurn     // Connections that have more to serve, in the next iteration.
	freeTurns     []nextTurn     // Room for them.
}

// requests are those that are being received, handled or answered. Phases 3 and 4.
type requests struct {
	byIndex      []*request // All that were made, by Request.Index.
	requestSlab  memory.Slab[Request]
	freeRequests []*request   // Free list.
	inSize       int          // Bytes of an input buffer, beyond which one more is kept for a NUL.
	bodyBytes    int64        // Of memory that collected bodies are in, besides input buffers.
	box          uintptr      // Where a request is noted while the loop's thread has it in a handler.
	root         []byte       // "/", off the heap.
	left         message.Head // For trailer fields that nobody reads.
	pool         *pool
	done         []*request // Whose handler has returned from the pool; room for the next ones.
	events       [64]Event
}

// collecting is the output of the connection that is being handled. Empty between the steps of a phase.
type collecting struct {
	out       []byte
	outLen    int
	common    []byte    // Server and Date lines,
	serverLen int       // of which the first one has so many bytes.
	text      []byte    // The body of a response of the engine's own,
	location  []byte    // and the URL that it redirects to.
	added     []byte    // Fields of a response that the gates add.
	headers   [][]byte  // Fields of a request that the access log has.
	h2Common  [4][]byte // Server and Date of HTTP/2, by the bits of Response.Flags that leave them out.
	ok        []byte    // The beginning of a 200 response, up to the number of Content-Length.
}

// ending is the end of the loop. Phase 5.
type ending struct {
	draining     bool
	drainGraceNs int64 // When idle connections are closed.
	drainNs      int64 // When all are closed.
	lingering    int   // Connections in stateLinger,
	lingerLookNs int64 // which are looked at then, while draining.
	stopped      bool  // Nobody is served any more.
	ended        bool  // Everything is closed; with Config.Hosted handlers of the pool may still run.
}

const (
	outSize   = 192 << 10            // A head of the greatest size fits, with a small body and the greatest trailer section.
	leastRoom = http1.MaxTrailer + 1 // Behind the largest head: a trailer section, or the first of a body in chunks.
	pauseNs   = 100 * int64(time.Millisecond)
	maxWaitMs = 1000 // The heartbeat is never older.
)

// NewLoop makes a loop, which closes the listeners when it ends, or now if it cannot be made. It reads nothing before
// it runs or is polled.
func NewLoop(cfg Config) (*Loop, error) {
	l := &Loop{cfg: cfg, tenure: newTenure(), sendFile: poller.SendFile}
	l.box = memory.AddressOf(&cfg.Slot.Box)
	l.expired = func(t *timer) {
		t.owner.expire(l)
		l.bury()
	}
	if cfg.Hosted {
		l.sendFile = poller.SendFileQuietly
	}
	l.inSize = max(cfg.ReadBuffer, cfg.Limits.Head+leastRoom) - 1
	if cfg.MaxPipelined <= 0 {
		l.cfg.MaxPipelined = math.MaxInt
	}
	if cfg.MaxConnectionsPerPeer > 0 {
		l.peers = map[peerKey]int{}
	}
	l.h2 = http2.NewShared(cfg.Limits, cfg.HTTP2.Streams)
	if err := l.acquire(); err != nil {
		l.undo()
		return nil, err
	}
	l.renewDate()
	l.wheel.start(l.clock.now)
	return l, nil
}

// acquire gets what a loop takes of the system.
func (l *Loop) acquire() error {
	for _, ln := range l.cfg.Listeners {
		l.listeners = append(l.listeners, listener{fd: inventory.Add(ln.Fd), place: ln.Place, tls: ln.TLS, redirect: ln.Redirect, proxied: ln.Proxied})
		l.redirects = l.redirects || ln.Redirect != 0
		l.watch(ln.Fd, l.acceptFrom(len(l.listeners)-1))
	}
	var err error
	if l.poll, err = poller.Open(); err != nil {
		return err
	}
	if l.out, err = l.blocks.Get(outSize); err != nil {
		return err
	}
	if l.root, err = l.blocks.Get(2); err != nil {
		return err
	}
	l.root = l.root[:copy(l.root, "/\x00")-1]
	if l.h2Text, err = l.blocks.Get(l.cfg.Limits.Head); err != nil {
		return err
	}
	if err = l.clock.start(); err != nil {
		return err
	}
	if err = l.startHandlers(); err != nil {
		return err
	}
	if err = l.startFiles(); err != nil {
		return err
	}
	if err = l.startChecking(); err != nil {
		return err
	}
	if err = l.startDecoding(); err != nil {
		return err
	}
	if err = l.startSecuring(); err != nil {
		return err
	}
	if l.cfg.Polled {
		return l.openTimer()
	}
	return nil
}

// undo releases what a loop has that cannot be made.
func (l *Loop) undo() {
	l.closeListeners()
	if l.pool != nil {
		l.pool.release()
	}
	l.releaseOffloads()
	l.closeFiles()
	l.cfg.Memory.Retain(nil)
	l.closeAccess()
	l.blocks.Close()
	l.releaseSecuring()
	l.closePoller()
}

// startHandlers makes ready for handlers that do not answer at once.
func (l *Loop) startHandlers() error {
	var err error
	if l.pool, err = newPool(l.cfg.Pool, l.cfg.Handlers); err != nil {
		return err
	}
	if err = l.Watch(l.pool.fd, l.finishPooled); err != nil {
		return err
	}
	return l.Watch(l.cfg.EventFd, l.collect)
}

// Watch calls ready, on the loop's thread, whenever fd can be read. Before Run, or from such a call.
func (l *Loop) Watch(fd int, ready func()) error { return l.watchFor(fd, poller.In, ready) }

// WatchShared calls ready whenever fd, an eventfd that other loops watch too, is written to. None of them reads it.
func (l *Loop) WatchShared(fd int, ready func()) error {
	return l.watchFor(fd, poller.In|poller.Edge, ready)
}

func (l *Loop) watchFor(fd int, interest uint32, ready func()) error {
	l.watch(fd, ready)
	if err := l.poll.Add(fd, interest, 0); err != nil {
		return fmt.Errorf("watch descriptor %d: %w", fd, err)
	}
	return nil
}

func (l *Loop) watch(fd int, ready func()) {
	for len(l.special) <= fd {
		l.special = append(l.special, nil)
	}
	l.special[fd] = ready
}

// Run serves until Drain or Stop is done, after Start. It closes everything but the watched descriptors.
func (l *Loop) Run() error {
	defer l.Close()
	for {
		if over, err := l.iterate(l.waitMs()); over || err != nil {
			return err
		}
	}
}

// Start has the loop take connections, when it runs or is polled next. After an error Close is all that can follow.
func (l *Loop) Start() error {
	if err := l.resumeListeners(); err != nil || !l.cfg.Polled {
		return err
	}
	return l.setTimer()
}

// Fd can be read when there is something for Poll to do, if Config.Polled.
func (l *Loop) Fd() int { return l.poll.Fd() }

// Poll does what there is to do, and waits for it no longer than timeoutMs. over: Drain is done, and Close is all that
// can follow.
func (l *Loop) Poll(timeoutMs int) (over bool, err error) {
	over, err = l.iterate(min(timeoutMs, l.waitMs()))
	if l.cfg.Polled && !over && err == nil {
		err = l.setTimer()
	}
	return over, err
}

// iterate runs one iteration, which waits no longer than waitMs.
func (l *Loop) iterate(waitMs int) (over bool, err error) {
	var dueNs int64
	if l.draining {
		dueNs = l.clock.now + l.clock.sinceRead() + int64(waitMs)*int64(time.Millisecond)
	}
	events, err := l.poll.Wait(waitMs)
	if err != nil {
		return false, err
	}
	if l.clock.read() {
		l.renewDate()
	}
	if l.draining && dueNs > 0 {
		l.noticeSuspension(l.clock.now - dueNs)
	}
	l.tenure.goOn(&l.measured)
	l.beginShaking()
	for i := range events {
		l.handle(&events[i])
		l.bury()
		l.yieldIfDue()
	}
	if l.clock.now >= l.lookNs {
		l.lookNs = l.clock.now + int64(time.Second)
		if l.cfg.EverySecond != nil {
			l.cfg.EverySecond()
		}
		l.acceptOverlooked()
		l.pool.retire(l.clock.now)
		l.blocks.Trim()
	}
	l.takeTurns()
	l.expireDue()
	l.flushAccess(len(events) == 0)
	l.checkPause()
	if l.draining {
		l.checkDrain()
	}
	l.countReady()
	atomic.StoreUint64(&l.cfg.Slot.HeartbeatNs, uint64(l.clock.now))
	return l.stopped && l.end(), nil
}

func (l *Loop) handle(e *poller.Event) {
	fd, tag := int(e.Fd), uint32(e.Pad)
	if tag == 0 {
		if ready := l.special[fd]; ready != nil {
			ready()
		}
		return
	}
	// A connection that was closed earlier in this iteration may still have an event; its fd may even be another's by now.
	c := l.conns[fd]
	switch {
	case c == nil || c.tag != tag:
	case c.queued:
		// It has enough to do.
	case c.state == connLingering:
		l.discard(c)
	case c.state == connHandshake:
		l.hearHandshake(c, e.Events)
	default:
		c.protocol.hear(l, e.Events)
	}
}

// A client that is timed out costs some system calls, and as many when it comes again. Where thousands are due at the
// same time, as those of a slow loris are, others would wait for all of them. So few are timed out in a millisecond, and
// more the later they are: of n whose time is over at once, the last one is about sqrt(1000 n) ms late.
const (
	expireEvery = int64(time.Millisecond)
	expireMost  = 1
	lateTicks   = 32 // For so many ticks that they are late, one more.
)

func (l *Loop) expireDue() {
	if l.clock.now < l.expireNs {
		return
	}
	most := expireMost + int(l.wheel.late(l.clock.now)/lateTicks)
	if l.wheel.advance(l.clock.now, most, l.expired) {
		l.expireNs = l.clock.now + expireEvery
	}
}

func (l *Loop) waitMs() int {
	next := l.nextDue()
	if next < 0 {
		return maxWaitMs
	}
	return int(min(max((next-l.clock.now+int64(time.Millisecond)-1)/int64(time.Millisecond), 0), maxWaitMs))
}

// nextDue returns when there is something to do by itself; -1: not before something happens.
func (l *Loop) nextDue() int64 {
	if l.ended {
		return -1
	}
	if len(l.turns) > 0 {
		return l.clock.now
	}
	next := l.wheel.next()
	if next >= 0 {
		next = max(next, l.expireNs)
	}
	if l.pausedUntil > 0 && (next < 0 || l.pausedUntil < next) {
		next = l.pausedUntil
	}
	if l.draining {
		next = l.nextDrainCheck(next)
	}
	if soon := l.clock.now + int64(access.Idle); l.cfg.Access != nil && l.cfg.Access.Pending() && (next < 0 || soon < next) {
		next = soon
	}
	return next
}

func (l *Loop) renewDate() {
	l.common = l.common[:0]
	if l.cfg.ServerName != "" {
		l.common = append(append(append(l.common, "Server: "...), l.cfg.ServerName...), "\r\n"...)
	}
	l.serverLen = len(l.common)
	if !l.cfg.HideDate {
		l.common = append(append(append(l.common, "Date: "...), l.clock.date[:]...), "\r\n"...)
	}
	l.ok = http1.AppendPrefix(l.ok[:0], 200, l.common)
	for i := range l.h2Common {
		l.h2Common[i] = l.h2.AppendFields(l.h2Common[i][:0], l.commonFor(uint8(i)*ResponseHasDate))
	}
}

// Unwatch ends Watch. On the loop's thread.
func (l *Loop) Unwatch(fd int) {
	l.special[fd] = nil
	// It is watched, so removing it cannot fail.
	_ = l.poll.Remove(fd)
}
