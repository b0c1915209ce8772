//go:build profiling

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// What a worker does with its time is recorded, for `make profile`: into a file for each worker in the directory that LIBFORKER_PROFILE
// names. Only a library that was built for that does so.

func startProfile() (stop func()) {
	name := filepath.Join(os.Getenv("LIBFORKER_PROFILE"), fmt.Sprintf("%d.pprof", os.Getpid()))
	file, err := os.Create(name)
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		panic(err)
	}
	return func() {
		pprof.StopCPUProfile()
		if err := file.Close(); err != nil {
			panic(err)
		}
	}
}
