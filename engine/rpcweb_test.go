package engine

import (
	"bytes"
	"testing"

	"libforker/engine/grpc"
)

// A stream has one place for its segments, and none of a large one while it is silent.
func TestAsText_keepsNoLargeSegment(t *testing.T) {
	r := new(request)
	for _, size := range []int{1, 300, 1 << 20, 0, 300, 1000, 0, keptMessage, 1} {
		data := bytes.Repeat([]byte("m"), size)
		text := r.asText(data)
		decoded, ok := grpc.DecodeWebText(bytes.Clone(text))
		if !ok || !bytes.Equal(decoded, data) {
			t.Fatalf("%d bytes come back as %d, %v", size, len(decoded), ok)
		}
		if size < keptMessage/2 && cap(r.rpc.made) > keptMessage {
			t.Errorf("%d bytes are kept with %d", cap(r.rpc.made), size)
		}
	}
	first, second := r.asText([]byte("ab")), r.asText([]byte("cd"))
	if &first[0] != &second[0] {
		t.Error("two small segments are in two places")
	}
}
