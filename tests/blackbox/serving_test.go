package blackbox

import (
	"syscall"
	"testing"
)

func TestServe_answersFromForkedWorkers(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=2"})}).waitReady()
		p.expectGet("/", 200, "hello\n")
		p.expectGet("/environment/SET_BEFORE_RUN", 200, "seen")
		p.stop(syscall.SIGTERM)
		p.out.wait(t, 0, "run returned 0: ")
	})
}
