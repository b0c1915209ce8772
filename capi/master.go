package main

/*
#include "base/procstat.h"
#include "base/server.h"
#include "log/log.h"
#include "log/logfile.h"
#include "setup/option.h"
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"libforker/prefork"
	"libforker/prefork/control"
	"libforker/slot"
)

// The master as C starts it: what package prefork needs of the C side.

// goMasterRun supervises until everything is stopped or the spawner is gone. channel leads to the spawner.
//
//export goMasterRun
func goMasterRun(c *C.forker_server, channel C.int) (code C.int) {
	s := server{c}
	defer s.guard("master", &code)
	runtime.GOMAXPROCS(1)
	if err := s.supervise(int(channel)); err != nil {
		if !errors.Is(err, prefork.ErrNotReady) && !errors.Is(err, prefork.ErrRestarts) && !errors.Is(err, prefork.ErrSpawnerGone) {
			s.log(C.FORKER_LOG_ERROR, "master: "+err.Error())
		}
		return 1
	}
	return 0
}

func (s server) supervise(channel int) error {
	table, err := slot.Open(s.shared(), int(s.c.tree.slots))
	if err != nil {
		return err
	}
	spawner, err := control.Open(channel)
	if err != nil {
		return err
	}
	sys := prefork.NewSystem(spawner, table)
	sys.Log = s.log
	var options atomic.Pointer[map[string]string] // what the admin listener shows
	options.Store(s.changedOptions())
	sys.Reload = func(numbers []byte) prefork.Config {
		s.takeNumbers(numbers)
		options.Store(s.changedOptions())
		return s.policy()
	}
	sys.SettleLog = func() (time.Duration, bool) {
		due := C.fk_log_settle(s.c)
		return time.Duration(due), due != math.MaxUint64
	}
	sys.TakeLog = func(which int32, fd int) { C.fk_logfile_take(s.c, C.int(which), C.int(fd)) }
	sys.Logs = s.logs
	sys.Resident = resident
	sys.Daily = func() { s.warnOfExpiry(table.Shared()) }
	stop, err := s.showAdmin(table, sys.Now, &options)
	if err != nil {
		return err
	}
	defer stop()
	return prefork.Run(s.policy(), sys)
}

// resident is how many bytes of memory a process has resident, if /proc tells.
func resident(pid int32) (n uint64, ok bool) {
	var bytes C.uint64_t
	ok = bool(C.fk_procstat_resident(C.pid_t(pid), &bytes))
	return uint64(bytes), ok
}

// logs gives the log files that are used, by FK_LOGFILE_*.
func (s server) logs() map[int32]int {
	used := map[int32]int{}
	for which, fd := range s.c.logs.fds {
		if fd >= 0 {
			used[int32(which)] = int(fd)
		}
	}
	return used
}

// policy is what the options set of it.
func (s server) policy() prefork.Config {
	return prefork.Config{
		Workers:      int(max(s.number(C.FK_OPTION_WORKERS), 0)), // auto is 0 there
		BootTimeout:  s.duration(C.FK_OPTION_BOOT_TIMEOUT),
		DrainTimeout: s.duration(C.FK_OPTION_DRAIN_TIMEOUT),
		Health: prefork.Health{
			HangTimeout: time.Duration(s.limit(C.FK_OPTION_HANG_TIMEOUT)),
			MaxRequests: uint64(s.limit(C.FK_OPTION_MAX_REQUESTS)),
			MaxAge:      time.Duration(s.limit(C.FK_OPTION_MAX_AGE)),
			MemorySoft:  s.limit(C.FK_OPTION_WORKER_MEMORY_SOFT),
			MemoryHard:  s.limit(C.FK_OPTION_WORKER_MEMORY_HARD),
		},
		Restarts:      int(s.limit(C.FK_OPTION_RESTART_LIMIT)),
		RestartWindow: s.duration(C.FK_OPTION_RESTART_WINDOW),
	}
}

// limit gives a number that can be "off" as one that then is 0.
func (s server) limit(option int) int64 { return max(s.number(option), 0) }

// takeNumbers takes over the options that the spawner has after a reload. Of texts it does not have the content, which
// no policy needs.
func (s server) takeNumbers(numbers []byte) {
	for id := range min(len(numbers)/8, C.FK_OPTION_COUNT) {
		C.fk_option_take_number(&s.c.options[id], C.int(id), C.int64_t(binary.NativeEndian.Uint64(numbers[8*id:])))
	}
}
