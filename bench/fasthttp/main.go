// Command fasthttp is the same hello world by github.com/valyala/fasthttp: fasthttp ADDRESS
package main

import (
	"log"
	"os"
	"runtime"

	"github.com/valyala/fasthttp"
)

func main() {
	runtime.GOMAXPROCS(1) // the benchmark gives it one core
	server := &fasthttp.Server{
		Name: "fasthttp",
		Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.SetContentType("text/plain")
			ctx.SetBodyString("greeting!!!")
		},
	}
	log.Fatal(server.ListenAndServe(os.Args[1]))
}
