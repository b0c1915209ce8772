package http1

import (
	"strconv"

	"libforker/engine/message"
)

// The syntax of what is sent: heads, chunks and the ends of both.

// CRLF ends a line.
const CRLF = "\r\n"

// A response's head is written from its start to its end: AppendHead, or AppendKnown behind a Prefix; then lines of fields; then
// AppendHeadEnd. All of them append to out, and none of them judges.

// AppendHead begins the head of a final response. common are lines that all responses have; length is that of the content,
// negative if it is not known; version is the request's, and says with that how its end is told (RFC 9112 §6.3).
func AppendHead(out []byte, status int, common []byte, length int64, version uint8) []byte {
	out = append(append(out, statusLines[status]...), common...)
	switch {
	case !HasContent(status):
	case length >= 0:
		out = AppendKnown(append(out, lengthName...), length)
	case version > message.Version10:
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	}
	return out
}

const lengthName = "Content-Length: "

// AppendPrefix writes what responses of a status and with content of known length begin with, once for many of them.
func AppendPrefix(out []byte, status int, common []byte) []byte {
	return append(append(append(out, statusLines[status]...), common...), lengthName...)
}

// AppendKnown goes on behind what AppendPrefix has written.
func AppendKnown(out []byte, length int64) []byte {
	return append(strconv.AppendInt(out, length, 10), CRLF...)
}

// AppendHeadEnd says what becomes of the connection (RFC 9112 §9.3), and ends a head.
func AppendHeadEnd(out []byte, version uint8, closes bool) []byte {
	if closes {
		out = append(out, "Connection: close\r\n"...)
	} else if version == message.Version10 {
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	return append(out, CRLF...)
}

// AppendInterim writes an interim response (RFC 9110 §15.2).
func AppendInterim(out []byte, status int, fields []byte) []byte {
	return append(append(append(out, statusLines[status]...), fields...), CRLF...)
}

// Continue lets a client go on that asked whether it should send the content.
const Continue = "HTTP/1.1 100 Continue\r\n\r\n"

// A chunk (RFC 9112 §7.1) is what AppendChunkSize writes, its data, and ChunkEnd, or ChunkEndLast where it is the last one with data.
// Where trailers follow, AppendLastChunk, the trailers and ChunkEnd end the content.
const (
	ChunkEnd     = CRLF
	ChunkEndLast = CRLF + lastChunk + CRLF
	lastChunk    = "0" + CRLF
)

// AppendChunkSize begins a chunk of n bytes.
func AppendChunkSize(out []byte, n int) []byte {
	return append(strconv.AppendUint(out, uint64(n), 16), CRLF...)
}

// AppendLastChunk writes the chunk without data.
func AppendLastChunk(out []byte) []byte { return append(out, lastChunk...) }
