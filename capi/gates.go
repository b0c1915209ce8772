package main

/*
#include "base/server.h"
#include "setup/gateoption.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"libforker/engine/gate"
	"libforker/engine/memory"
)

// The gates of the engine, as the options say.

// front makes what is done with every request; nil: nothing.
func (w *worker) front(a *app) (*gate.Front, error) {
	proxies, err := gate.ParseNetworks(w.text(C.FK_OPTION_TRUSTED_PROXIES))
	if err != nil { // C has checked it.
		return nil, fmt.Errorf("option trusted_proxies: %w", err)
	}
	front := &gate.Front{
		Trust:    gate.Trust{Proxies: proxies, Form: gate.Form(w.number(C.FK_OPTION_FORWARDED))},
		Override: w.number(C.FK_OPTION_METHOD_OVERRIDE) != 0,
		Slash:    gate.Slash(w.number(C.FK_OPTION_SLASH)),
		WWW:      gate.WWW(w.number(C.FK_OPTION_WWW)),
	}
	front.Users = len(a.users) > 0
	front.Decodes = a.hasPlan(func(plan *gate.Plan) bool { return plan.Decompress })
	front.Origins = a.hasPlan(func(plan *gate.Plan) bool { return plan.CORS != nil || plan.Sites != nil })
	front.Plans = a.hasPlan(func(*gate.Plan) bool { return true }) || front.Slash != gate.SlashStrict
	if w.number(C.FK_OPTION_REQUEST_ID) != 0 {
		front.IDs = gate.NewIDs()
	}
	for _, rule := range unsafe.Slice(w.c.routing.rewrites, int(w.c.routing.rewrite_count)) {
		front.Rewrites = append(front.Rewrites, gate.Rewrite{From: C.GoString(rule.from), To: C.GoString(rule.to)})
	}
	if w.c.rates != nil {
		// SAFETY: C has mapped FK_RATES_SIZE bytes, which is gate.RatesBytes.
		words := memory.Array[uint64](uintptr(w.c.rates), C.FK_RATES_SIZE)
		if front.Rates, err = gate.OpenRates(words); err != nil {
			return nil, fmt.Errorf("option rate_limit: %w", err)
		}
	}
	isOff := front.IDs == nil && front.Trust.Form == gate.FormOff && !front.Override && !front.Plans && front.WWW == gate.HostAsIs && len(front.Rewrites) == 0
	if isOff && !w.hasProxied() {
		return nil, nil
	}
	return front, nil
}

var _ [C.FK_RATES_SIZE]byte = [gate.RatesBytes]byte{}

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

// serverPlan makes the plan of what has no options of its own.
func (a *app) serverPlan() (*gate.Plan, error) { return gate.NewPlan(a.texts(nil), 0) }

// planOf makes the plan of a route. One that has no options of its own has that of the server.
func (a *app) planOf(index int) (*gate.Plan, error) {
	route := &unsafe.Slice(a.c.routing.routes, int(a.c.routing.route_count))[index]
	if !C.fk_gate_option_differs(a.c, route) {
		return a.none.Plan, nil
	}
	number := uint32(0)
	if C.GoString(C.fk_gate_option_text(a.c, route, C.FK_OPTION_RATE_LIMIT)) != a.text(C.FK_OPTION_RATE_LIMIT) {
		number = uint32(index) + 1
	}
	return gate.NewPlan(a.texts(route), number)
}

// hasPlan reports whether some route has such a plan, or what has no route.
func (a *app) hasPlan(is func(*gate.Plan) bool) bool {
	for i := range a.routes {
		if plan := a.routes[i].body.Plan; plan != nil && is(plan) {
			return true
		}
	}
	return a.none.Plan != nil && is(a.none.Plan)
}

// texts gives what holds for a route; nil: for what has no options of its own.
func (a *app) texts(route *C.fk_route) gate.Texts {
	text := func(id C.int) string { return C.GoString(C.fk_gate_option_text(a.c, route, id)) }
	return gate.Texts{
		RateLimit:       text(C.FK_OPTION_RATE_LIMIT),
		Security:        text(C.FK_OPTION_SECURITY) == "on",
		HSTS:            text(C.FK_OPTION_HSTS),
		CSP:             text(C.FK_OPTION_CSP),
		CORSOrigins:     text(C.FK_OPTION_CORS_ORIGINS),
		CORSHeaders:     text(C.FK_OPTION_CORS_HEADERS),
		CORSExpose:      text(C.FK_OPTION_CORS_EXPOSE),
		CORSMaxAge:      text(C.FK_OPTION_CORS_MAX_AGE),
		CORSCredentials: text(C.FK_OPTION_CORS_CREDENTIALS) == "on",
		CORSJudge:       uintptr(unsafe.Pointer(C.fk_gate_judge(a.c, route))),
		Users:           a.users[text(C.FK_OPTION_BASIC_AUTH)],
		Realm:           text(C.FK_OPTION_AUTH_REALM),
		CSRF:            text(C.FK_OPTION_CSRF) != "off",
		CSRFTokens:      text(C.FK_OPTION_CSRF) == "token",
		CSRFOrigins:     text(C.FK_OPTION_CSRF_ORIGINS),
		Compress:        text(C.FK_OPTION_COMPRESS),
		CompressTypes:   text(C.FK_OPTION_COMPRESS_TYPES),
		Decompress:      text(C.FK_OPTION_DECOMPRESS) == "on",
		CompressMin:     a.number(C.FK_OPTION_COMPRESS_MIN),
	}
}
