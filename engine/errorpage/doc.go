// Package errorpage makes the bodies of error responses that the library answers by itself: plain text, a page of HTML,
// or the details of a problem (RFC 9457); and finds out which of these a client would have.
//
// Invariant: whatever a detail quotes is text in each of the forms, never markup, and no body is longer than Most bytes.
package errorpage
