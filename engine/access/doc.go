// Package access is the access log: it puts requests into lines, and collects the lines so that they are written many
// at a time, and not by the thread that serves.
//
// Invariant: a line is one line, and its fields are its own, whatever the client sent: everything that could end a
// field is escaped. What cannot be written in time is dropped and counted; the log never holds up requests.
//
// A Log belongs to the loop, which makes all calls. Its writer, if it has one, is a goroutine that gets whole buffers.
package access
