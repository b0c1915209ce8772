// Package coding has the content codings of HTTP (RFC 9110 §8.4.1): which of them a client takes, which responses are worth
// to be compressed, and the encoders. It knows nothing of connections, and nothing here is safe for use by several threads.
package coding
