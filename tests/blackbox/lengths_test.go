package blackbox

import "testing"

// TestLengths_beyondWhatThereIsAreCodes asks for each group of rows of lengths.c, and wants them all in the same process:
// none of these lengths ends a worker.
func TestLengths_beyondWhatThereIsAreCodes(t *testing.T) {
	for _, workers := range []string{"workers=1", "workers=0"} {
		eachBuild(t, func(t *testing.T, b build) {
			p := start(t, setup{build: &b, source: "lengths.c", args: []string{"127.0.0.1:0"}, env: environment([]string{workers})})
			p.waitAnnounced(1)
			for _, target := range []string{"/written", "/lent", "/file", "/asked", "/server", "/deferred", "/packed", "/named", "/numbered"} {
				p.expectGet(target, 418, "418 I'm a teapot\nas it should be\n")
			}
			p.expectGet("/streamed", 200, "whole")
			if a := p.get("/careless"); a.StatusCode != 500 {
				t.Errorf("a handler that lends too much is answered %s", a.Status)
			}
			p.expectGet("/written", 418, "418 I'm a teapot\nas it should be\n")
			if n := p.out.count("worker "); n != 1 {
				t.Errorf("%d workers were needed", n)
			}
			p.expectGet("/stop", 418, "418 I'm a teapot\nas it should be\n")
			if status := p.wait(); status != 0 {
				t.Errorf("exit status %d; the log:\n%s", status, p.log)
			}
		})
	}
}
