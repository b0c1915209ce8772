package http2

import (
	"encoding/binary"
	"slices"
)

// The Huffman code of strings (RFC 7541 §5.2).

// codeLengths are those of Appendix B. Its code is canonical: of codes of one length each is one more than that of the symbol before it, so
// that the lengths are all there is to know.
var codeLengths = [256]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
}

const (
	longestCode = 30
	shortCode   = 8 // Codes of up to so many bits, nearly all that occur, are looked up; the others are searched for.
)

// huffman is the code in the forms that it is used in.
var huffman = makeHuffman()

type huffmanCode struct {
	codes   [256]uint32
	short   [1 << shortCode]shortSymbol // By the first bits of what is to be decoded.
	symbols [256]uint8                  // In the order of their codes.
	end     [longestCode + 1]uint32     // Of codes of a length: behind the last one, as the first bits of 32.
	first   [longestCode + 1]uint32     // The first of them,
	index   [longestCode + 1]uint32     // and its place in symbols.
}

type shortSymbol struct {
	symbol uint8
	length uint8 // 0: the code is longer.
}

func makeHuffman() (h huffmanCode) {
	code, n := uint32(0), uint32(0)
	for length := uint8(1); length <= longestCode; length++ {
		code <<= 1
		h.first[length], h.index[length] = code, n
		for symbol, l := range codeLengths {
			if l != length {
				continue
			}
			h.codes[symbol], h.symbols[n] = code, uint8(symbol)
			if length <= shortCode {
				free := shortCode - length
				for rest := range uint32(1) << free {
					h.short[code<<free|rest] = shortSymbol{uint8(symbol), length}
				}
			}
			code++
			n++
		}
		h.end[length] = code << (32 - length)
	}
	return h
}

// appendDecoded appends the text of a Huffman-coded string. false: it is none, also because of its padding, which is less than a byte of
// ones.
func appendDecoded(dst, src []byte) ([]byte, bool) {
	dst = slices.Grow(dst, len(src)*8/5)
	var bits uint64 // The next bits, from the highest one on,
	var n uint      // of which there are so many.
	for {
		if n < longestCode {
			if len(src) >= 8 {
				bits |= binary.BigEndian.Uint64(src) >> n
				taken := (63 - n) / 8
				src, n = src[taken:], n+8*taken
			} else {
				for ; len(src) > 0 && n <= 56; n += 8 {
					bits |= uint64(src[0]) << (56 - n)
					src = src[1:]
				}
			}
		}
		ahead := bits | ^uint64(0)>>n // What there is not counts as padding.
		symbol, length := huffman.next(ahead)
		if length > n {
			return dst, n < 8 && ahead == ^uint64(0)
		}
		dst = append(dst, symbol)
		bits <<= length
		n -= length
	}
}

// next returns the symbol that the bits begin with; its length is more than all of them have if that is none.
func (h *huffmanCode) next(bits uint64) (symbol uint8, length uint) {
	if s := h.short[bits>>(64-shortCode)]; s.length > 0 {
		return s.symbol, uint(s.length)
	}
	for length = shortCode + 1; length <= longestCode; length++ {
		if uint32(bits>>32) < h.end[length] {
			code := uint32(bits >> (64 - length))
			return h.symbols[h.index[length]+code-h.first[length]], length
		}
	}
	return 0, 64 + 1
}

// codedLen returns how many bytes a string takes that is Huffman-coded.
func codedLen(s []byte) int {
	n := 0
	for _, c := range s {
		n += int(codeLengths[c])
	}
	return (n + 7) / 8
}

// appendCoded appends a string, Huffman-coded.
func appendCoded(dst, s []byte) []byte {
	var bits uint64
	var n uint
	for _, c := range s {
		length := uint(codeLengths[c])
		bits = bits<<length | uint64(huffman.codes[c])
		for n += length; n >= 8; {
			n -= 8
			dst = append(dst, byte(bits>>n))
		}
	}
	if n > 0 {
		dst = append(dst, byte(bits<<(8-n))|byte(1<<(8-n)-1))
	}
	return dst
}
