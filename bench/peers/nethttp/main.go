// Command nethttp is Go's net/http as the benchmark runs it: nethttp PORT CONNECTIONS DIRECTORY
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
)

var bodies = map[string]string{
	"GET /{$}": "greeting!!!",
	"GET /1k":  strings.Repeat("x", 1<<10),
	"GET /64k": strings.Repeat("x", 64<<10),
	"GET /1m":  strings.Repeat("x", 1<<20),
}

func respond(w http.ResponseWriter, body string) {
	header := w.Header()
	header["Server"] = []string{"net/http"}
	header["Content-Type"] = []string{"text/plain"}
	header["Content-Length"] = []string{strconv.Itoa(len(body))} // or else larger ones would go in chunks
	_, _ = io.WriteString(w, body)
}

func main() {
	runtime.GOMAXPROCS(1) // the benchmark gives it one core
	for pattern, body := range bodies {
		http.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { respond(w, body) })
	}
	http.HandleFunc("POST /upload", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		respond(w, strconv.Itoa(len(body)))
	})
	http.Handle("GET /files/", http.FileServer(http.Dir(os.Args[3])))
	server := http.Server{Addr: "127.0.0.1:" + os.Args[1], Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	chain, key := os.Args[3]+"/tls.pem", os.Args[3]+"/tls.key"
	if _, err := os.Stat(chain); err == nil {
		log.Fatal(server.ListenAndServeTLS(chain, key))
	}
	log.Fatal(server.ListenAndServe())
}
