package main

/*
#include <errno.h>

#include "base/server.h"
*/
import "C"

import (
	"fmt"
	"sync/atomic"
	"time"

	"libforker/prefork/admin"
	"libforker/slot"
)

// What the admin listener shows of the server, and its start in the master.

// showAdmin serves the admin listener, if there is one, until stop is called.
func (s server) showAdmin(table *slot.Table, now func() time.Duration, options *atomic.Pointer[map[string]string]) (stop func(), err error) {
	if s.c.tree.admin.address[0] == 0 {
		return func() {}, nil
	}
	shown, err := admin.Start(int(s.c.tree.admin.fd), admin.Source{
		Version:   C.GoString(C.forker_version()),
		Program:   C.GoString(C.program_invocation_short_name),
		Addresses: s.addresses(),
		Options:   func() map[string]string { return *options.Load() },
		Slots:     table,

		Certificates: s.certificateNames(),

		Now:     now,
		Wall:    time.Now,
		Queries: s.number(C.FK_OPTION_ADMIN_QUERIES) != 0,
		Resident: func(pid int32) uint64 {
			n, _ := resident(pid) // 0 if /proc does not tell.
			return n
		},
	})
	if err != nil {
		return nil, fmt.Errorf("admin listener: %w", err)
	}
	return shown.Close, nil
}

// addresses are those that the program listens on.
func (s server) addresses() []string {
	list := []string{}
	for i := range s.c.listener_count {
		list = append(list, C.GoString(&s.c.listeners[i].address[0]))
	}
	return list
}

// changedOptions are the options whose values are not the default ones. Texts that a reload can change are not among
// them, because a reload tells the master numbers only.
func (s server) changedOptions() *map[string]string {
	changed := map[string]string{}
	for id := range C.FK_OPTION_COUNT {
		option := C.forker_option_at(C.size_t(id))
		kind, value := C.GoString(C.forker_option_type(option)), s.text(id)
		isText := kind == "text" || kind == "directory"
		if value != C.GoString(C.forker_option_default(option)) && !(isText && C.forker_option_reloadable(option) != 0) {
			changed[C.GoString(C.forker_option_name(option))] = value
		}
	}
	return &changed
}
