package blackbox

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// batch is a pipeline of requests of mixed sizes, whose answers have mixed sizes too.
type batch struct {
	requests  string
	bodies    []int // the sizes of the responses' bodies
	responses int64 // the size of all responses, once they have been read for the first time
}

const batchSize = 200

// mix makes a batch; six in ten of its requests are small, the others have every order of magnitude up to 64 KiB.
func mix(random *rand.Rand) *batch {
	b := &batch{}
	var text strings.Builder
	for range batchSize {
		size := random.IntN(2 << random.IntN(16))
		switch kind := random.IntN(20); {
		case kind < 12:
			size = len("hello\n")
			text.WriteString("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		case kind < 16:
			fmt.Fprintf(&text, "GET /size/%d HTTP/1.1\r\nHost: t\r\n\r\n", size)
		default:
			const inChunks = 19
			text.WriteString(post("/body", strings.Repeat("b", size), map[bool]int{true: 5000}[kind == inChunks]))
		}
		b.bodies = append(b.bodies, size)
	}
	b.requests = text.String()
	return b
}

// run sends the batch and reads its responses. It looks at each of them the first time; later they must have as many
// bytes.
func (b *batch) run(c *conn) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, b.requests)
		sent <- err
	}()
	if err := b.read(c.input); err != nil {
		return err
	}
	return <-sent
}

func (b *batch) read(input *bufio.Reader) error {
	if b.responses > 0 {
		_, err := io.CopyN(io.Discard, input, b.responses)
		return err
	}
	counted := &counter{Reader: input}
	again := bufio.NewReader(counted)
	for i, size := range b.bodies {
		response, err := http.ReadResponse(again, nil)
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, response.Body)
		if err != nil || response.StatusCode != 200 || n != int64(size) {
			return fmt.Errorf("answer %d: %s, %d of %d bytes, %w", i, response.Status, n, size, err)
		}
	}
	if again.Buffered() > 0 {
		return fmt.Errorf("%d bytes behind the responses", again.Buffered())
	}
	b.responses = counted.n
	return nil
}

type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += int64(n)
	return n, err
}

// expectFlat makes ten steps of the same work, and looks at what memory of its own a worker has after each. Two steps warm it up.
func expectFlat(t *testing.T, pid int, what string, tolerated int, step func()) {
	t.Helper()
	const steps = 10
	var sizes []int
	for range steps {
		step()
		sizes = append(sizes, anonymous(t, pid))
	}
	t.Logf("bytes after each tenth of %s: %v", what, sizes)
	warm, last := max(sizes[0], sizes[1]), sizes[steps-1]
	if last > warm+tolerated {
		t.Errorf("after %s the worker has %d bytes more than after a fifth of them", what, last-warm)
	}
}

// A worker's memory does not grow with the requests that it has served. The long version serves ten million.
func TestMemory_isFlatOverRequestsOfMixedSizes(t *testing.T) {
	const clients, steps, tolerated = 4, 10, 512 << 10
	requests := 200_000
	if long() {
		requests = 10_000_000
	}
	p := serve(t, "workers=1")
	var connections []*conn
	var batches [clients][]*batch
	for i := range clients {
		connections = append(connections, p.dial())
		for j := range 8 {
			batches[i] = append(batches[i], mix(rand.New(rand.NewPCG(uint64(i), uint64(j)))))
		}
	}
	expectFlat(t, p.workers()[0], fmt.Sprintf("%d requests", requests), tolerated, func() {
		var group sync.WaitGroup
		for i, c := range connections {
			group.Go(func() {
				for n := range requests / steps / clients / batchSize {
					if err := batches[i][n%len(batches[i])].run(c); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
	})
}
