// Command nethttp is the same hello world by Go's net/http: nethttp ADDRESS
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
)

func main() {
	runtime.GOMAXPROCS(1) // the benchmark gives it one core
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header["Server"] = []string{"net/http"}
		header["Content-Type"] = []string{"text/plain"}
		_, _ = io.WriteString(w, "greeting!!!")
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
