//go:build !profiling

package main

// What a worker does with its time is not recorded.

func startProfile() (stop func()) { return func() {} }
