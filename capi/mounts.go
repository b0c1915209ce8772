package main

/*
#include "base/server.h"
#include "setup/gateoption.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"libforker/engine/static"
)

// Directories whose files are served, as routes and options say.

// openMounts opens the directories of all routes.
func (a *app) openMounts() (mounts []*static.Mount, err error) {
	routes := unsafe.Slice(a.c.routing.routes, int(a.c.routing.route_count))
	for i := range routes {
		route, traits := &routes[i], &a.routes[i]
		switch {
		case bool(route.follows):
			traits.mount = a.routes[i-1].mount
		case route.directory != nil:
			if traits.mount, err = a.openMount(route); err != nil {
				for _, m := range mounts {
					m.Close()
				}
				return nil, fmt.Errorf("static %s: %w", C.GoString(route.pattern), err)
			}
			mounts = append(mounts, traits.mount)
		}
	}
	return mounts, nil
}

// openMount opens the directory of a route.
func (a *app) openMount(route *C.fk_route) (*static.Mount, error) {
	text := func(id C.int) string { return C.GoString(C.fk_gate_option_text(a.c, route, id)) }
	return static.Open(C.GoString(route.directory), static.Options{
		Index:         text(C.FK_OPTION_STATIC_INDEX),
		Listing:       text(C.FK_OPTION_STATIC_LISTING) == "on",
		Fallback:      text(C.FK_OPTION_STATIC_FALLBACK),
		CacheControl:  text(C.FK_OPTION_STATIC_CACHE_CONTROL),
		Types:         text(C.FK_OPTION_STATIC_TYPES),
		NoETag:        text(C.FK_OPTION_STATIC_ETAG) == "off",
		Precompressed: text(C.FK_OPTION_STATIC_PRECOMPRESSED) == "on",
	}, int(route.param_count)-1)
}

// servesFiles reports whether some route does.
func (w *worker) servesFiles() bool {
	routes := unsafe.Slice(w.c.routing.routes, int(w.c.routing.route_count))
	for i := range routes {
		if routes[i].directory != nil {
			return true
		}
	}
	return false
}
