package prefork

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
	"libforker/slot"
)

// memoryLink is one end of a control channel in memory.
type memoryLink struct {
	inbox  chan control.Message
	peer   *memoryLink
	closed chan struct{}
	once   sync.Once
}

func newMemoryLinks() (a, b *memoryLink) {
	a = &memoryLink{inbox: make(chan control.Message, 4096), closed: make(chan struct{})}
	b = &memoryLink{inbox: make(chan control.Message, 4096), closed: make(chan struct{}), peer: a}
	a.peer = b
	return a, b
}

func (l *memoryLink) TrySend(m *control.Message) error {
	select {
	case <-l.peer.closed:
		return unix.EPIPE
	case <-l.closed:
		return os.ErrClosed
	default:
	}
	select {
	case l.peer.inbox <- *m:
		return nil
	default:
		return control.ErrFull
	}
}

func (l *memoryLink) Send(m *control.Message) error { return l.TrySend(m) }

// malformed stands for a packet that control.Channel would refuse.
const malformed = control.Type(0xffff)

func (l *memoryLink) Receive() (control.Message, error) {
	select {
	case m := <-l.inbox:
		return checked(m)
	case <-l.closed:
		return control.Message{}, os.ErrClosed
	case <-l.peer.closed:
	}
	select {
	case m := <-l.inbox:
		return checked(m)
	default:
		return control.Message{}, io.EOF
	}
}

func checked(m control.Message) (control.Message, error) {
	if m.Type == malformed {
		return control.Message{}, fmt.Errorf("%w: for the test", control.ErrMalformed)
	}
	return m, nil
}

func (l *memoryLink) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// line is one that was logged, and what the shared memory said then.
type line struct {
	level int
	text  string
	phase slot.Phase
}

// fakeSpawner is everything around a master, in memory and in the time of a synctest bubble. The test is the spawner,
// and says what happens.
type fakeSpawner struct {
	t      *testing.T
	began  time.Time
	slots  *slot.Table
	link   *memoryLink
	result chan error
	random float64
	cfg    Config       // after a reload
	lost   atomic.Int64 // time that has passed while nothing ran

	days      atomic.Int64 // calls of Daily
	heldUntil atomic.Int64 // when log lines that are held back are to be told of; 0: there are none
	settled   atomic.Int64 // when SettleLog has done that
	countsOOM bool
	oomKills  atomic.Uint64

	published int // how many PUBLISHED have come
	told      int // and how many TOLD

	mu       sync.Mutex
	logs     map[int32]int
	resident map[int32]int64     // by pid
	files    map[int]*memoryLink // the descriptors that are under way
	nextFd   int
	lines    []line
}

// fakeWorker is a worker process that the test has made.
type fakeWorker struct {
	s    *fakeSpawner
	page *slot.Slot
	link *memoryLink
	slot uint32
	gen  uint32
	pid  int32
}

// newFakeSpawner makes room for so many workers, and the spare one.
func newFakeSpawner(t *testing.T, workers int) *fakeSpawner {
	t.Helper()
	slots := workers + 1
	mem := make([]byte, slot.MemorySize(slots))
	binary.NativeEndian.PutUint32(mem[0:], slot.SharedMagic)
	binary.NativeEndian.PutUint32(mem[4:], uint32(slots))
	table, err := slot.Open(mem, slots)
	if err != nil {
		t.Fatal(err)
	}
	return &fakeSpawner{t: t, began: time.Now(), slots: table, files: map[int]*memoryLink{}, logs: map[int32]int{}, resident: map[int32]int64{}, nextFd: 100, random: 0.5}
}

// now is a clock that did not begin with the test.
func (s *fakeSpawner) now() time.Duration {
	return time.Since(s.began) + time.Hour + time.Duration(s.lost.Load())
}

// runMaster starts a master. The one before must have ended.
func (s *fakeSpawner) runMaster(cfg Config) {
	var mine *memoryLink
	s.link, mine = newMemoryLinks()
	s.result = make(chan error, 1)
	s.cfg = cfg
	sys := System{
		Spawner:   mine,
		Open:      s.open,
		Slots:     s.slots,
		Now:       s.now,
		Random:    func() float64 { return s.random },
		Reload:    func([]byte) Config { return s.cfg },
		Daily:     func() { s.days.Add(1) },
		SettleLog: s.settleLog,
		Resident: func(pid int32) (uint64, bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return uint64(s.resident[pid]), true
		},
		OOMKills: func() (uint64, bool) { return s.oomKills.Load(), s.countsOOM },
		TakeLog: func(which int32, fd int) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.logs[which] = fd
		},
		Logs: func() map[int32]int { return s.logs },
		Log: func(level int, text string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.lines = append(s.lines, line{level, text, s.slots.Shared().LoadPhase()})
		},
	}
	go func() { s.result <- Run(cfg, sys) }()
}

func (s *fakeSpawner) open(fd int) (Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	link, ok := s.files[fd]
	if !ok {
		return nil, unix.EBADF
	}
	delete(s.files, fd)
	return link, nil
}

// file makes a descriptor of a link.
func (s *fakeSpawner) file(link *memoryLink) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextFd++
	s.files[s.nextFd] = link
	return s.nextFd
}

// tell sends a message to the master.
func (s *fakeSpawner) tell(m control.Message) {
	s.t.Helper()
	if err := s.link.Send(&m); err != nil {
		s.t.Fatal(err)
	}
}

// within waits for the master's next message, and counts what it has published meanwhile. The SIGTERM of workers that
// are let go while they boot is nothing that most tests wait for: see expectTerm.
func (s *fakeSpawner) within(limit time.Duration) (control.Message, bool) {
	late := time.After(limit)
	for {
		select {
		case m := <-s.link.inbox:
			switch {
			case m.Type == control.Published:
				s.published++
			case m.Type == control.Told:
				s.told++
			case m.Type != control.Kill || m.Signal() != unix.SIGTERM:
				return m, true
			}
		case <-late:
			return control.Message{}, false
		}
	}
}

// expect waits for the master's next message, which must be of that type.
func (s *fakeSpawner) expect(want control.Type) control.Message {
	s.t.Helper()
	m, ok := s.within(10 * time.Minute)
	if !ok {
		s.t.Fatalf("no %v came; log: %v", want, s.log())
	}
	if m.Type != want {
		s.t.Fatalf("%v came, want %v; log: %v", m.Type, want, s.log())
	}
	return m
}

// expectNothing lets a time pass without a message.
func (s *fakeSpawner) expectNothing(d time.Duration) {
	s.t.Helper()
	if m, ok := s.within(d); ok {
		s.t.Fatalf("%v came, want none", m.Type)
	}
}

// handOver answers HELLO; nobody lives but these.
func (s *fakeSpawner) handOver(workers ...*fakeWorker) {
	s.t.Helper()
	s.expect(control.Hello)
	s.tell(control.Message{Type: control.Reload, Payload: []byte("the options")})
	for _, w := range workers {
		s.introduce(control.Adopt, w)
	}
	s.tell(control.Message{Type: control.AdoptedAll, Payload: control.TimeoutPayload(-1)})
}

// fork makes a worker without telling anybody.
func (s *fakeSpawner) fork(index uint32) *fakeWorker {
	page := s.slots.Slot(int(index))
	gen := atomic.AddUint32(&page.Generation, 1)
	w := &fakeWorker{s: s, page: page, slot: index, gen: gen, pid: int32(1000*(index+1) + gen)}
	atomic.StoreInt32(&page.Pid, w.pid)
	atomic.StoreUint64(&page.BornNs, uint64(s.now()))
	atomic.StoreUint64(&page.HeartbeatNs, 0)
	atomic.StoreUint64(&page.RequestsBefore, page.LoadRequests())
	atomic.StoreUint64(&page.ReadyNs, 0)
	atomic.StoreUint32(&page.ReachedReady, 0)
	atomic.StoreUint32(&page.Epoch, s.slots.Shared().LoadEpoch())
	w.enter(slot.Forked)
	return w
}

// introduce gives the master a worker by ADOPT or SPAWNED.
func (s *fakeSpawner) introduce(kind control.Type, w *fakeWorker) {
	s.t.Helper()
	var mine *memoryLink
	w.link, mine = newMemoryLinks()
	s.tell(control.Message{
		Type: kind, Slot: w.slot, Generation: w.gen,
		Payload: control.WorkerPayload(w.pid, w.page.LoadState()), Files: []int{s.file(mine)},
	})
}

// spawn waits for a SPAWN and obeys.
func (s *fakeSpawner) spawn() *fakeWorker {
	s.t.Helper()
	m := s.expect(control.Spawn)
	if known := s.slots.Slot(int(m.Slot)).LoadGeneration(); m.Generation != known {
		s.t.Fatalf("SPAWN knows generation %d of slot %d, the latest is %d", m.Generation, m.Slot, known)
	}
	w := s.fork(m.Slot)
	s.introduce(control.Spawned, w)
	return w
}

// spawnReady makes n workers that serve.
func (s *fakeSpawner) spawnReady(n int) []*fakeWorker {
	s.t.Helper()
	var all []*fakeWorker
	for range n {
		w := s.spawn()
		w.ready()
		all = append(all, w)
	}
	synctest.Wait()
	return all
}

// settleLog is System.SettleLog.
func (s *fakeSpawner) settleLog() (due time.Duration, held bool) {
	due = time.Duration(s.heldUntil.Load())
	if due == 0 || s.now() < due {
		return due, due != 0
	}
	s.heldUntil.Store(0)
	s.settled.Store(int64(s.now()))
	return 0, false
}

func (s *fakeSpawner) log() []line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]line(nil), s.lines...)
}

// linesWith gives the lines that contain a part.
func (s *fakeSpawner) linesWith(part string) (found []line) {
	for _, l := range s.log() {
		if strings.Contains(l.text, part) {
			found = append(found, l)
		}
	}
	return found
}

// expectLine looks for a line with that level and part.
func (s *fakeSpawner) expectLine(level int, part string) {
	s.t.Helper()
	synctest.Wait()
	for _, l := range s.log() {
		if l.level == level && strings.Contains(l.text, part) {
			return
		}
	}
	s.t.Errorf("no line of level %d with %q in %v", level, part, s.log())
}

// expectEnd waits for the end of Run, and for everything to be released.
func (s *fakeSpawner) expectEnd(want error) {
	s.t.Helper()
	select {
	case err := <-s.result:
		if !errors.Is(err, want) {
			s.t.Errorf("run gives %v, want %v", err, want)
		}
	case <-time.After(10 * time.Minute):
		s.t.Fatalf("run does not end; log: %v", s.log())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) > 0 {
		s.t.Errorf("%d descriptors were not closed", len(s.files))
	}
}

// stop ends a test: everything that serves leaves at once.
func (s *fakeSpawner) stop(workers ...*fakeWorker) {
	s.t.Helper()
	s.tell(control.Message{Type: control.Stop, Payload: control.TimeoutPayload(0)})
	for _, w := range workers {
		w.exit(0)
	}
	s.expect(control.Done)
	s.expectEnd(nil)
}

// stopRefusing ends a test in which SPAWNs are under way: they are answered as the spawner does while it stops.
func (s *fakeSpawner) stopRefusing() {
	s.t.Helper()
	s.tell(control.Message{Type: control.Stop, Payload: control.TimeoutPayload(0)})
	for {
		m, ok := s.within(time.Minute)
		switch {
		case !ok:
			s.t.Fatal("no DONE came")
		case m.Type == control.Done:
			s.expectEnd(nil)
			return
		case m.Type == control.Spawn:
			s.tell(control.Message{
				Type: control.Failed, Slot: m.Slot, Generation: m.Generation, Payload: control.ErrorPayload(unix.ECANCELED),
			})
		default:
			s.t.Fatalf("%v came", m.Type)
		}
	}
}

func (w *fakeWorker) enter(state slot.State) { atomic.StoreUint32(&w.page.State, uint32(state)) }

// becomeReady writes to the shared page only.
func (w *fakeWorker) becomeReady() {
	atomic.StoreUint64(&w.page.ReadyNs, uint64(w.s.now()))
	atomic.StoreUint32(&w.page.ReachedReady, 1)
	w.enter(slot.Ready)
}

// ready says so too.
func (w *fakeWorker) ready() {
	w.becomeReady()
	w.say(control.Message{Type: control.Ready, Slot: w.slot, Generation: w.gen})
}

func (w *fakeWorker) say(m control.Message) {
	if err := w.link.Send(&m); err != nil {
		w.s.t.Error(err)
	}
}

// exit ends the process with a wait status.
func (w *fakeWorker) exit(status int32) {
	w.s.t.Helper()
	ready := w.page.LoadReachedReady()
	w.enter(slot.Empty)
	if w.link != nil {
		_ = w.link.Close()
	}
	w.s.tell(control.Message{
		Type: control.Exited, Slot: w.slot, Generation: w.gen,
		Payload: control.ExitPayload(control.Exit{Pid: w.pid, Status: status, ReachedReady: ready}),
	})
}

// expectDrain waits for DRAIN and gives its time.
func (w *fakeWorker) expectDrain() time.Duration {
	w.s.t.Helper()
	select {
	case m := <-w.link.inbox:
		if m.Type != control.Drain || m.Generation != w.gen || m.Slot != w.slot {
			w.s.t.Fatalf("%v of generation %d came, want DRAIN", m.Type, m.Generation)
		}
		return time.Duration(m.TimeoutMs()) * time.Millisecond
	case <-time.After(10 * time.Minute):
		w.s.t.Fatal("no DRAIN came")
	}
	return 0
}

// expectKill waits for the KILL of a worker, and kills it.
func (s *fakeSpawner) expectKill(w *fakeWorker) {
	s.t.Helper()
	m := s.expect(control.Kill)
	if m.Slot != w.slot || m.Generation != w.gen || m.Signal() != unix.SIGKILL {
		s.t.Fatalf("kill %d of slot %d, generation %d", m.Signal(), m.Slot, m.Generation)
	}
}

// expectTerm waits for the SIGTERM that a worker gets which is let go while it boots.
func (s *fakeSpawner) expectTerm(w *fakeWorker) {
	s.t.Helper()
	synctest.Wait()
	for len(s.link.inbox) > 0 {
		m := <-s.link.inbox
		if m.Type == control.Kill && m.Slot == w.slot && m.Generation == w.gen && m.Signal() == unix.SIGTERM {
			return
		}
	}
	s.t.Fatalf("no SIGTERM came for worker %d", w.slot)
}

// exitStatus and killStatus are wait statuses.
func exitStatus(code int32) int32 { return code << 8 }

func killStatus(signal unix.Signal) int32 { return int32(signal) }

// expectAround checks a duration that needs some scheduling, which takes no time in a bubble.
func expectAround(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want-time.Microsecond || got > want+time.Microsecond {
		t.Errorf("%s after %v, want %v", what, got, want)
	}
}

// inBubble runs a test with a spawner and a master.
func inBubble(t *testing.T, room int, cfg Config, test func(t *testing.T, s *fakeSpawner)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSpawner(t, room)
		s.runMaster(cfg)
		// A test that fails early must not leave a master behind, which the bubble would wait for.
		defer func() { _ = s.link.Close() }()
		test(t, s)
	})
}

func config(workers int) Config {
	return Config{Workers: workers, BootTimeout: 10 * time.Second, DrainTimeout: 30 * time.Second}
}
