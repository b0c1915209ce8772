// Command fasthttp is fasthttp as the benchmark runs it: fasthttp PORT CONNECTIONS DIRECTORY
package main

import (
	"log"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

var bodies = map[string]string{
	"/":    "greeting!!!",
	"/1k":  strings.Repeat("x", 1<<10),
	"/64k": strings.Repeat("x", 64<<10),
	"/1m":  strings.Repeat("x", 1<<20),
}

func main() {
	runtime.GOMAXPROCS(1) // the benchmark gives it one core
	files := fasthttp.FSHandler(os.Args[3], 0)
	server := &fasthttp.Server{
		Name: "fasthttp",
		Handler: func(ctx *fasthttp.RequestCtx) {
			body, ok := bodies[string(ctx.Path())]
			switch {
			case ok:
				ctx.SetContentType("text/plain")
				ctx.SetBodyString(body)
			case ctx.IsPost():
				ctx.SetContentType("text/plain")
				ctx.SetBodyString(strconv.Itoa(len(ctx.PostBody())))
			default:
				files(ctx)
			}
		},
	}
	log.Fatal(server.ListenAndServe("127.0.0.1:" + os.Args[1]))
}
