package main

/*
#include "log.h"
#include "server.h"
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"runtime"

	"libforker/prefork"
	"libforker/prefork/control"
	"libforker/slot"
)

// goMasterRun supervises until everything is stopped or the spawner is gone. channel leads to the spawner.
//
//export goMasterRun
func goMasterRun(c *C.forker_server, channel C.int) (code C.int) {
	s := server{c}
	defer s.guard("master", &code)
	runtime.GOMAXPROCS(1)
	if err := s.supervise(int(channel)); err != nil {
		if !errors.Is(err, prefork.ErrNotReady) && !errors.Is(err, prefork.ErrSpawnerGone) {
			s.log(C.FORKER_LOG_ERROR, "master: "+err.Error())
		}
		return 1
	}
	return 0
}

func (s server) supervise(channel int) error {
	table, err := slot.Open(s.shared())
	if err != nil {
		return err
	}
	spawner, err := control.Open(channel)
	if err != nil {
		return err
	}
	sys := prefork.NewSystem(spawner, table)
	sys.Log = s.log
	sys.Reload = func(options []byte) prefork.Config {
		s.takeNumbers(options)
		return s.policy()
	}
	sys.Reopen = func() { C.fk_log_reopen(s.c) }
	return prefork.Run(s.policy(), sys)
}

// policy is what the options set of it.
func (s server) policy() prefork.Config {
	return prefork.Config{
		Workers:      int(max(s.number(C.FK_OPTION_WORKERS), 0)), // auto is 0 there
		BootTimeout:  s.duration(C.FK_OPTION_BOOT_TIMEOUT),
		DrainTimeout: s.duration(C.FK_OPTION_DRAIN_TIMEOUT),
	}
}

// takeNumbers takes over the options that the spawner has after a reload. Of texts it does not have the content, which no policy needs.
func (s server) takeNumbers(numbers []byte) {
	for id := range min(len(numbers)/8, C.FK_OPTION_COUNT) {
		s.c.options[id].number = C.int64_t(binary.NativeEndian.Uint64(numbers[8*id:]))
	}
}
