package gate

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

// Limits of rates, which hold for all workers together.

// Rate is how often a client may come.
type Rate struct {
	number   uint32 // Of the limit: each counts for itself.
	interval int64  // ns for each request.
	ahead    int64  // ns that the requests which were let through may be ahead of their intervals.
	field    string // In small letters: clients are told apart by this field; "": by their addresses.
	all      bool   // They are not told apart.
}

var errRate = errors.New(`a rate is written as "100/s burst=200 by=client"`)

// parseRate reads such as "100/s burst=200 by=header:X-Api-Key".
func parseRate(text string, number uint32) (*Rate, error) {
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil, errRate
	}
	times, unit, _ := strings.Cut(words[0], "/")
	count, err := strconv.ParseInt(times, 10, 32)
	if err != nil || count <= 0 || units[unit] == 0 {
		return nil, errRate
	}
	r := &Rate{number: number, interval: int64(units[unit]) / count}
	burst := count
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		field, isField := strings.CutPrefix(value, "header:")
		switch {
		case name == "burst":
			if burst, err = strconv.ParseInt(value, 10, 32); err != nil || burst <= 0 {
				return nil, errRate
			}
		case name == "by" && value == "all":
			r.all = true
		case name == "by" && isField && field != "":
			r.field = strings.ToLower(field)
		case name != "by" || value != "client":
			return nil, errRate
		}
	}
	r.ahead = (burst - 1) * r.interval
	return r, nil
}

// Field is the field that tells clients apart, in small letters; "": none.
func (r *Rate) Field() string { return r.field }

// The table of clients, in memory that all workers share. Each client that came of late has an entry of two words: which
// one it is, and its theoretical arrival time (GCRA): when its next request would be due if it came at the rate. Whoever
// lets a request through moves that on by compare-and-swap. So a worker that dies leaves nothing half done, and nobody
// waits for anybody.
const (
	// RatesBytes is the size of the table.
	RatesBytes = headBytes + entries*entryWords*8

	headBytes  = 64 // The key, made before the workers are forked.
	entries    = 64 << 10
	entryWords = 2
	ways       = 4 // Places that an entry can be in: those of a line of the cache.
	tries      = 64

	// skew is by how much the clocks of two workers can differ: each stands still for an iteration of its loop, and the
	// handlers in it.
	skew = int64(time.Minute)
)

// Rates is that table, as one worker has it. Owned by the loop.
type Rates struct {
	cipher  cipher.Block // Spreads the keys, so that nobody can choose ones that meet.
	entries []uint64
	plain   [aes.BlockSize]byte
	spread  [aes.BlockSize]byte
}

// OpenRates begins with the table, RatesBytes in words. What stands in it can be anything.
func OpenRates(words []uint64) (*Rates, error) {
	var key [aes.BlockSize]byte
	binary.LittleEndian.PutUint64(key[:], words[0])
	binary.LittleEndian.PutUint64(key[8:], words[1])
	block, err := aes.NewCipher(key[:])
	return &Rates{cipher: block, entries: words[headBytes/8:]}, err
}

// ByPeer lets a request of a client through, or says after how long there would be one. IPv6 clients count by their /64,
// which is what one customer gets (RFC 6177).
func (t *Rates) ByPeer(r *Rate, p slot.Peer, now int64) (wait int64) {
	t.begin(r)
	if !r.all {
		t.plain[4] = byte(p.Family)
		switch p.Family {
		case unix.AF_INET:
			copy(t.plain[8:], p.Addr[:4])
		case unix.AF_INET6:
			if address := addressOf(p); address.Is4() {
				four := address.As4()
				t.plain[4] = unix.AF_INET
				copy(t.plain[8:], four[:])
			} else {
				copy(t.plain[8:], p.Addr[:8])
			}
		}
	}
	return t.take(r, now)
}

// ByText is ByPeer for clients that a text tells apart.
func (t *Rates) ByText(r *Rate, text []byte, now int64) (wait int64) {
	sum := sha256.Sum256(text)
	t.begin(r)
	copy(t.plain[4:], sum[:])
	return t.take(r, now)
}

func (t *Rates) begin(r *Rate) {
	clear(t.plain[:])
	binary.LittleEndian.PutUint32(t.plain[:], r.number)
}

// take lets a request through if its client is not too far ahead.
func (t *Rates) take(r *Rate, now int64) (wait int64) {
	t.cipher.Encrypt(t.spread[:], t.plain[:])
	place := binary.LittleEndian.Uint64(t.spread[:]) % (entries / ways) * ways * entryWords
	tag := binary.LittleEndian.Uint64(t.spread[8:]) | 1 // 0: nobody.
	set := t.entries[place : place+ways*entryWords]
	for range tries {
		due := find(set, tag, now)
		if due == nil {
			continue // Another worker has taken the place.
		}
		old := atomic.LoadUint64(due)
		next := max(int64(old), now)
		if ahead := next - now; ahead > r.ahead {
			if ahead <= r.ahead+r.interval+skew {
				return ahead - r.ahead
			}
			next = now // Of nobody who can be believed.
		}
		if atomic.CompareAndSwapUint64(due, old, uint64(next+r.interval)) {
			return 0
		}
	}
	return 0 // Others come faster than this: it is let through, rather than the loop be held up.
}

// find gives the time of a client in its set, where it takes the place of who was due the longest time ago if it has
// none. nil: somebody else was faster.
func find(set []uint64, tag uint64, now int64) *uint64 {
	oldest := 0
	for i := 0; i < len(set); i += entryWords {
		if atomic.LoadUint64(&set[i]) == tag {
			return &set[i+1]
		}
		if int64(atomic.LoadUint64(&set[i+1])) < int64(atomic.LoadUint64(&set[oldest+1])) {
			oldest = i
		}
	}
	was, due := atomic.LoadUint64(&set[oldest]), atomic.LoadUint64(&set[oldest+1])
	if !atomic.CompareAndSwapUint64(&set[oldest], was, tag) {
		return nil
	}
	if int64(due) > now {
		atomic.CompareAndSwapUint64(&set[oldest+1], due, uint64(now))
	}
	return &set[oldest+1]
}
