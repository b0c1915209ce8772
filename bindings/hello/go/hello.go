//go:build ignore

// Command hello is a server in Go: go run hello.go 127.0.0.1:8080. It serves in its own process (workers=0): the Go runtime does
// not live through a fork.
package main

/*
#cgo LDFLAGS: -lforker
#include <forker.h>
#include <stdlib.h>

int goHello(forker_request *req, void *user);
*/
import "C"

import (
	"os"
	"unsafe"
)

//export goHello
func goHello(req *C.forker_request, _ unsafe.Pointer) C.int {
	body, text := C.CString("hello from Go\n"), C.CString("text/plain")
	defer C.free(unsafe.Pointer(body))
	defer C.free(unsafe.Pointer(text))
	return C.forker_respond(req, 200, text, unsafe.Pointer(body), C.size_t(len("hello from Go\n")))
}

func main() {
	address := ":8080"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	server := C.forker_server_new()
	C.forker_server_set(server, C.CString("workers"), C.CString("0"))
	C.forker_server_handle(server, C.CString("GET"), C.CString("/"), C.forker_handler(C.goHello), nil)
	C.forker_server_listen(server, C.CString(address))
	if C.forker_server_run(server) != C.FORKER_OK {
		os.Exit(1)
	}
}
