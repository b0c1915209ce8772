package blackbox

import (
	"fmt"
	"testing"
)

func TestResponse_isWellFormedWhateverTheHandlerCalls(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, source: "anyorder.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1"})}).waitReady()
		worker := p.workers()[0]
		methods, paths := []string{"GET", "POST", "HEAD"}, []string{"/inline", "/pool", "/next"}
		c := p.dial()
		for seed := range 1500 {
			method, path := methods[seed%len(methods)], paths[seed/len(methods)%len(paths)]
			c.send(fmt.Sprintf("%s %s?%d HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n", method, path, seed))
			a, err := c.tryReceive(method)
			for err == nil && a.StatusCode < 200 {
				a, err = c.tryReceive(method)
			}
			if err != nil {
				t.Fatalf("seed %d, %s %s: %v", seed, method, path, err)
			}
			if a.Close {
				_ = c.Close()
				c = p.dial()
			}
		}
		if now := p.workers()[0]; now != worker {
			t.Errorf("the worker has died")
		}
	})
}
