package main

/*
#include "server.h"
*/
import "C"

import (
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
	cfg := prefork.Config{
		Workers:      int(max(s.number(C.FK_OPTION_WORKERS), 0)), // auto is 0 there
		BootTimeout:  s.duration(C.FK_OPTION_BOOT_TIMEOUT),
		DrainTimeout: s.duration(C.FK_OPTION_DRAIN_TIMEOUT),
	}
	return prefork.Run(cfg, prefork.NewSystem(spawner, table, s.log))
}
