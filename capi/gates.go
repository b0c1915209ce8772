package main

/*
#include "base/server.h"
*/
import "C"

import (
	"libforker/engine/gate"
)

// The gates of the engine, as the options say.

// front makes what is done with every request; nil: nothing.
func (w *worker) front() *gate.Front {
	proxies, err := gate.ParseNetworks(w.text(C.FK_OPTION_TRUSTED_PROXIES))
	if err != nil { // C has checked it.
		w.log(C.FORKER_LOG_ERROR, "option trusted_proxies: "+err.Error())
		proxies = gate.Networks{}
	}
	front := &gate.Front{Trust: gate.Trust{Proxies: proxies, Form: gate.Form(w.number(C.FK_OPTION_FORWARDED))}}
	if w.number(C.FK_OPTION_REQUEST_ID) != 0 {
		front.IDs = gate.NewIDs()
	}
	if front.IDs == nil && front.Trust.Form == gate.FormOff && !w.hasProxied() {
		return nil
	}
	return front
}

// hasProxied reports whether there is an address to which proxies pass on connections.
func (w *worker) hasProxied() bool {
	listeners := w.c.listeners[:w.c.listener_count]
	for i := range listeners {
		if listeners[i].tls.proxied {
			return true
		}
	}
	return false
}
