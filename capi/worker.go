package main

/*
#include "base/process.h"
#include "exchange/deferred.h"
#include "exchange/dispatch.h"
#include "exchange/health.h"
#include "exchange/post.h"
#include "exchange/timer.h"
#include "log/log.h"
#include "log/logfile.h"
#include "log/loglimit.h"
#include "run/polled.h"
#include "setup/callback.h"
#include "setup/certificate.h"
#include "setup/listener.h"
#include "setup/reopen.h"
#include "setup/secretfile.h"
#include "supervisor/action.h"
#include "supervisor/asker.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/cgo"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"libforker/engine"
	"libforker/engine/errorpage"
	"libforker/engine/message"
	"libforker/engine/poller"
	"libforker/prefork/control"
	"libforker/slot"
)

// A worker as C starts it: what the engine needs of the C side.

// drainMargin is how long before its limit at most a worker ends what is still in flight.
const drainMargin = 200 * time.Millisecond

// killSlack is what a worker that drains because the spawner died gets beyond its limit, before it kills itself.
const killSlack = time.Second

// heartbeat is how often the master hears of a worker that is polled by the program: the least hang_timeout is a second.
const heartbeat = time.Second / 4

// worker is this process in the role of a worker, or the host process with workers=0.
type worker struct {
	server
	loop    *engine.Loop
	slot    *slot.Slot
	channel control.Socket
	drainFd int

	draining    bool       // the program knows
	askedStopMs int32      // with workers=0: within which time it is to stop, as the log has it
	tickets     C.uint32_t // the version of the keys of session tickets that are used
	users       userFiles

	over bool  // the loop is closed,
	err  error // for this reason
}

// goWorkerRun serves until drained. channel leads to the master, lifeline ends with the spawner. drain is an eventfd:
// something wants this process to stop.
//
//export goWorkerRun
func goWorkerRun(c *C.forker_server, channel, lifeline, drain C.int) (code C.int) {
	w := &worker{server: server{c}, channel: control.Socket(channel), drainFd: int(drain)}
	defer w.guard("worker", &code)
	var err error
	if w.users, err = w.loadUsers(); err != nil {
		return w.fail(err)
	}
	runtime.GOMAXPROCS(w.procs())
	cfg := w.config()
	cfg.Polled = w.isLent()
	if err := w.prepare(cfg); err != nil {
		return w.fail(err)
	}
	// The Go runtime gets what it needs for files now. Where there are no descriptors left it would end the process.
	go w.followLifeline(os.NewFile(uintptr(lifeline), "lifeline"))
	if err := w.loop.Watch(int(w.channel), w.onMessage); err != nil {
		return w.fail(err)
	}
	if err := w.loop.Start(); err != nil {
		w.close()
		return w.fail(err)
	}
	c.run.loop = C.uintptr_t(cgo.NewHandle(w))
	w.becomeReady()
	defer startProfile()()
	return w.serve()
}

// isLent reports whether a loop of the program's polls this one (the hook worker_loop).
func (w *worker) isLent() bool { return w.c.hooks.worker_loop.call != nil }

// serve serves until drained: on the program's loop, if it has one, and on the built-in one where that returns before.
func (w *worker) serve() C.int {
	if w.isLent() {
		if result := C.fk_poll_lend(w.c); result < 0 {
			w.log(C.FORKER_LOG_ERROR, fmt.Sprintf("the worker_loop hook failed (%d); draining", int(result)))
			w.drain(w.duration(C.FK_OPTION_DRAIN_TIMEOUT))
		}
	}
	if !w.over {
		w.end(w.loop.Run())
	}
	if w.err != nil {
		return w.fail(w.err)
	}
	return C.FORKER_OK
}

// poll is one iteration of the loop. over: nothing more is to come.
func (w *worker) poll(timeoutMs int) (over bool) {
	over, err := w.loop.Poll(timeoutMs)
	if over || err != nil {
		w.loop.Close()
		w.end(err)
	}
	return w.over
}

// end takes in that the loop is closed.
func (w *worker) end(err error) {
	w.over, w.err = true, err
	C.fk_post_close(w.c)
	C.fk_timers_close(w.c)
	if w.channel < 0 {
		w.leaveHost()
	}
}

// close ends the loop.
func (w *worker) close() {
	w.loop.Close()
	C.fk_post_close(w.c)
	C.fk_timers_close(w.c)
}

func (w *worker) fail(err error) C.int {
	if bad := (*certificateError)(nil); errors.As(err, &bad) {
		return w.refuse(bad)
	}
	if bad := (*secretError)(nil); errors.As(err, &bad) {
		return w.refuseSecret(bad)
	}
	w.log(C.FORKER_LOG_ERROR, "worker: "+err.Error())
	return C.FORKER_E_SYSTEM
}

// prepare makes the loop.
func (w *worker) prepare(cfg engine.Config) error {
	debug.SetGCPercent(int(w.number(C.FK_OPTION_GO_GC_PERCENT)))
	if limit := w.number(C.FK_OPTION_GO_MEMORY_LIMIT); limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	table, err := slot.Open(w.shared(), int(w.c.tree.slots))
	if err != nil {
		return err
	}
	w.slot = table.Slot(int(C.fk_process.worker))
	cfg.Slot, cfg.Shared = w.slot, table.Shared()
	atomic.StoreUint32(&w.slot.PoolSize, uint32(cfg.Pool.Threads))
	app, err := newApp(w.server, w.users)
	if err != nil {
		return err
	}
	cfg.Handlers, cfg.Holders, cfg.Memory, cfg.Log = app, app, app, app.log
	cfg.Admits, cfg.RPC.On, cfg.Hosts = app.admits, app.calls, app.router.Differ()
	if cfg.Front, err = w.front(app); err != nil {
		return err
	}
	eventFd, err := C.fk_deferred_open(w.c)
	if eventFd < 0 {
		return fmt.Errorf("eventfd: %w", err)
	}
	cfg.EventFd = int(eventFd)
	w.checkSpillDir()
	configs, err := w.prepareTLS()
	if err != nil {
		return err
	}
	cfg.TLS = w.tlsConfig()
	if configs != nil {
		w.followTickets(configs)
		cfg.EverySecond = func() { w.followTickets(configs) }
	}
	cfg.Listeners = w.takeListeners(configs)
	cfg.Access = w.accessLog(app)
	if w.channel >= 0 { // There are others.
		index := int(C.fk_process.worker)
		cfg.Crowded = func() bool { return table.Crowded(index) }
	}
	if cfg.Mounts, err = app.openMounts(); err != nil {
		return err
	}
	if w.loop, err = engine.NewLoop(cfg); err != nil {
		return err
	}
	if err = w.watchDescriptors(); err != nil {
		w.close()
	}
	return err
}

// watchDescriptors has the loop hear of what else there is to do.
func (w *worker) watchDescriptors() error {
	if timer := int(C.fk_loglimit_timer(w.c)); timer >= 0 {
		if err := w.loop.Watch(timer, func() { w.settleLog(timer) }); err != nil {
			return err
		}
	}
	postFd, err := C.fk_post_open(w.c)
	if postFd < 0 {
		return fmt.Errorf("eventfd: %w", err)
	}
	if err := w.loop.Watch(int(postFd), func() { C.fk_post_run(w.c) }); err != nil {
		return err
	}
	timerFd, err := C.fk_timers_open(w.c)
	if timerFd < 0 {
		return fmt.Errorf("timerfd: %w", err)
	}
	if err := w.loop.Watch(int(timerFd), func() { C.fk_timers_run(w.c) }); err != nil {
		return err
	}
	if changes := int(C.fk_health_changes(w.c)); changes >= 0 {
		if err := w.loop.WatchShared(changes, func() { C.fk_health_tell(w.c) }); err != nil {
			return err
		}
	}
	return w.loop.Watch(w.drainFd, w.onDrainEvent)
}

// procs is how many threads may run Go code at once. With TLS, or files that are served, the loop's is not the only one. What
// computes for users who log in is beyond that: it takes long, and nobody else waits for it.
func (w *worker) procs() int {
	procs := int(w.number(C.FK_OPTION_GO_MAX_PROCS))
	if bool(C.fk_certificates_are_used(w.c)) || w.servesFiles() {
		procs = max(procs, 2)
	}
	return procs + w.users.lanes()
}

// prepareTLS parses the certificates. A worker needs no more of them then; a process that goes on does for its next run,
// and nobody has looked at them for it.
func (w *worker) prepareTLS() (tlsConfigs, error) {
	found, err := w.loadCertificates()
	if err != nil {
		return nil, &certificateError{err}
	}
	if w.channel >= 0 {
		C.fk_certificates_wipe(w.c)
		C.fk_secretfiles_wipe(w.c)
		return found.configs, nil
	}
	for _, doubt := range found.doubts {
		w.log(C.FORKER_LOG_WARN, doubt)
	}
	return found.configs, nil
}

func (w *worker) tlsConfig() engine.TLSConfig {
	return engine.TLSConfig{
		Computing:  w.procs() - w.users.lanes() - 1,
		Handshakes: int(w.number(C.FK_OPTION_TLS_HANDSHAKES)),
		Timeout:    w.duration(C.FK_OPTION_TLS_HANDSHAKE_TIMEOUT),
	}
}

// checkSpillDir warns at the start, and not only when the first large body comes: under chroot, or as another user, the
// directory can be out of reach.
func (w *worker) checkSpillDir() {
	dir := w.text(C.FK_OPTION_SPILL_DIR)
	if dir == "" {
		return
	}
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		w.log(C.FORKER_LOG_WARN, fmt.Sprintf("option spill_dir: %s: %v; bodies beyond body_buffer will be answered 503", dir, err))
	}
}

// settleLog is called when the second is over in which lines were held back.
func (w *worker) settleLog(timer int) {
	poller.Settle(timer)
	C.fk_log_settle(w.c) // the timer tells of further ones
}

func (w *worker) config() engine.Config {
	return engine.Config{
		// SAFETY: only the number counts; the server lives as long as the process serves.
		Server:     uintptr(unsafe.Pointer(w.c)),
		Pool:       w.poolConfig(),
		ServerName: w.text(C.FK_OPTION_SERVER_NAME),
		Limits: message.Limits{
			Head:   int(w.number(C.FK_OPTION_MAX_HEAD)),
			Target: int(w.number(C.FK_OPTION_MAX_TARGET)),
			Fields: int(w.number(C.FK_OPTION_MAX_FIELDS)),
		},
		MaxBody:           w.number(C.FK_OPTION_MAX_BODY),
		BodyBuffer:        w.number(C.FK_OPTION_BODY_BUFFER),
		BodyMemory:        w.number(C.FK_OPTION_BODY_MEMORY),
		SpillDir:          w.text(C.FK_OPTION_SPILL_DIR),
		ReadHeaderTimeout: w.duration(C.FK_OPTION_READ_HEADER_TIMEOUT),
		ReadBodyTimeout:   w.duration(C.FK_OPTION_READ_BODY_TIMEOUT),
		WriteTimeout:      w.duration(C.FK_OPTION_WRITE_TIMEOUT),
		IdleTimeout:       w.duration(C.FK_OPTION_IDLE_TIMEOUT),
		ReadBuffer:        int(w.number(C.FK_OPTION_READ_BUFFER)),
		HideDate:          w.number(C.FK_OPTION_DATE) == 0,
		Errors:            errorpage.Form(w.number(C.FK_OPTION_ERRORS)),
		OwnErrors:         w.c.hooks.on_error != nil,

		MaxConnections:        int(w.number(C.FK_OPTION_MAX_CONNECTIONS)),
		MaxConnectionsPerPeer: int(w.number(C.FK_OPTION_MAX_CONNECTIONS_PER_PEER)),
		MaxRequests:           int(w.number(C.FK_OPTION_MAX_REQUESTS_PER_CONNECTION)),
		MaxAge:                w.duration(C.FK_OPTION_MAX_CONNECTION_AGE),
		NoKeepAlive:           w.number(C.FK_OPTION_KEEP_ALIVE) == 0,
		Probe:                 w.number(C.FK_OPTION_TCP_KEEPALIVE) > 0,
		CompressStreams:       int(w.number(C.FK_OPTION_COMPRESS_STREAMS)),
		MaxPipelined:          int(w.number(C.FK_OPTION_MAX_PIPELINED)),

		RPC: engine.RPCConfig{Common: engine.RPCMethod{
			MaxMessage: w.number(C.FK_OPTION_GRPC_MAX_MESSAGE),
			Compress:   w.number(C.FK_OPTION_GRPC_COMPRESS),
		}},
		HTTP2: engine.HTTP2Config{
			Clear:   w.number(C.FK_OPTION_H2C) != 0,
			Streams: int(w.number(C.FK_OPTION_HTTP2_STREAMS)),
		},

		HandlerTimeout: w.duration(C.FK_OPTION_HANDLER_TIMEOUT),
		WriteMinRate:   w.number(C.FK_OPTION_WRITE_MIN_RATE),
		BodyMinRate:    w.number(C.FK_OPTION_BODY_MIN_RATE),
		HalfClose:      w.number(C.FK_OPTION_HALF_CLOSE) != 0,
		DrainGrace:     w.duration(C.FK_OPTION_DRAIN_GRACE),
		Beat:           w.beat(),
	}
}

// beat is how often at least a loop that is polled has to be. The master takes one that is not for hung.
func (w *worker) beat() time.Duration {
	if w.channel < 0 || w.duration(C.FK_OPTION_HANG_TIMEOUT) <= 0 {
		return 0
	}
	return heartbeat
}

func (w *worker) poolConfig() engine.PoolConfig {
	index := C.fk_process.worker
	return engine.PoolConfig{
		Threads: int(w.number(C.FK_OPTION_MAX_HANDLERS)),
		Queue:   int(w.number(C.FK_OPTION_HANDLER_QUEUE)),
		Idle:    w.duration(C.FK_OPTION_HANDLER_IDLE),
		Box: func(thread int) uintptr {
			// SAFETY: only the number counts; the box is in shared memory.
			return uintptr(unsafe.Pointer(C.fk_server_box(w.c, C.uint32_t(index), C.uint32_t(thread))))
		},
		Start: func(thread int) bool { return bool(C.fk_dispatch_thread_start(w.c, C.uint32_t(thread))) },
		Exit:  func(int) { C.fk_dispatch_thread_exit(w.c) },
	}
}

// takeListeners hands the listening sockets to the loop, which closes them. Where an address has one for each worker
// (shard.h), this one owns that of its slot and helps with the others.
func (w *worker) takeListeners(configs tlsConfigs) []engine.Listener {
	var all []engine.Listener
	listeners := w.c.listeners[:w.c.listener_count]
	for i := range listeners {
		ln := &listeners[i]
		shards := ln.shards[:ln.shard_count]
		next := engine.Listener{Fd: int(ln.fd), TLS: configs.of(ln), Redirect: uint16(C.fk_listener_redirect(w.c, ln)), Proxied: bool(ln.tls.proxied)}
		if len(shards) > 0 {
			next.Place = w.placeAt(0)
		}
		all = append(all, next)
		for k, fd := range shards {
			next.Fd, next.Place = int(fd), w.placeAt(k+1)
			all = append(all, next)
		}
		ln.fd, ln.shard_count = -1, 0
	}
	return all
}

// placeAt is this worker's place at socket number `index` of an address.
func (w *worker) placeAt(index int) engine.Place {
	if index == int(C.fk_process.worker) {
		return engine.PlaceOwner
	}
	return engine.PlaceHelper
}

// becomeReady says that this process serves, in its slot and to the master.
func (w *worker) becomeReady() {
	atomic.StoreUint64(&w.slot.ReadyNs, uint64(C.fk_clock()))
	if !atomic.CompareAndSwapUint32(&w.slot.State, uint32(slot.Booting), uint32(slot.Ready)) {
		select {} // SIGTERM came first, and its handler is ending the process (birth.c).
	}
	atomic.StoreUint32(&w.slot.ReachedReady, 1)
	if w.channel >= 0 {
		ready := control.Message{Type: control.Ready, Slot: uint32(C.fk_process.worker), Generation: uint32(C.fk_process.generation)}
		if err := w.channel.TrySend(&ready); err != nil {
			// The master may have just died; its successor reads the state from the slot.
			w.log(C.FORKER_LOG_DEBUG, fmt.Sprintf("tell the master: %v", err))
		}
	}
	C.fk_callback_hook(w.c, &w.c.hooks.worker_ready)
}

// drain has the loop finish, and tells the program of it the first time.
func (w *worker) drain(limit time.Duration) {
	w.loop.Drain(limit)
	if !w.draining {
		w.draining = true
		C.fk_health_tell(w.c)
		C.fk_callback_hook(w.c, &w.c.hooks.worker_drain)
	}
}

// onDrainEvent is called when a signal, forker_server_stop() with workers=0, or the end of the life line wants this
// process to stop.
func (w *worker) onDrainEvent() {
	poller.Settle(w.drainFd)
	if w.channel < 0 && C.fk_action_take(w.c)&C.FK_ACTION_REOPEN != 0 {
		C.fk_action_reopen(w.c)
	}
	limit := w.duration(C.FK_OPTION_DRAIN_TIMEOUT)
	if w.channel < 0 {
		ms := atomic.LoadInt32((*int32)(unsafe.Pointer(&w.c.tree.shared.stop_timeout_ms)))
		if ms == math.MaxInt32 {
			return // Nobody wants it to stop.
		}
		if ms < w.askedStopMs {
			w.askedStopMs = ms
			C.fk_asker_tell_stop(w.c, C.int32_t(ms))
		}
		limit = time.Duration(ms) * time.Millisecond
	}
	w.drain(limit)
}

// onMessage is called when the master has sent something, or is gone: that alone changes nothing for a worker, the next
// master gets the other end of the same channel.
func (w *worker) onMessage() {
	message, ok, err := w.channel.TryReceive()
	if err != nil {
		w.loop.Unwatch(int(w.channel))
		return
	}
	if !ok {
		return
	}
	if message.Generation == uint32(C.fk_process.generation) {
		w.obey(&message)
	}
	for _, fd := range message.Files { // that nobody has taken over
		_ = unix.Close(fd)
	}
}

// obey does what the master has asked for.
func (w *worker) obey(message *control.Message) {
	switch message.Type {
	case control.Drain:
		limit := time.Duration(message.TimeoutMs()) * time.Millisecond
		// A little before the master kills, so that the program is told of what is cut off and worker_exit runs.
		w.drain(limit - min(limit/10, drainMargin))
	case control.NewLog:
		C.fk_logfile_take(w.c, C.int(message.Log()), C.int(message.Files[0]))
		message.Files = nil
	case control.Reopen:
		C.fk_reopen(w.c)
	}
}

// followLifeline waits on a thread of its own for the spawner's death, so that a handler that never returns cannot
// outlive it.
func (w *worker) followLifeline(line *os.File) {
	var b [1]byte
	// Nobody ever writes: whatever ends the read is the end of the spawner.
	_, _ = line.Read(b[:])
	C.fk_process.draining = true
	poller.Signal(w.drainFd)
	const step = time.Second
	// In steps, of which a time that the machine sleeps, or this process is stopped, uses up one at most.
	for left := w.duration(C.FK_OPTION_DRAIN_TIMEOUT) + killSlack; left > 0; left -= step {
		time.Sleep(min(left, step))
	}
	_ = unix.Kill(os.Getpid(), unix.SIGKILL)
}
