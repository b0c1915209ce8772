package engine

import "testing"

func BenchmarkSinceRead(b *testing.B) {
	var k clock
	if err := k.start(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		k.sinceRead()
	}
}
