package slot

// How TLS handshakes end, for those that count them and those that show it.

// Handshake says how a TLS handshake has ended.
type Handshake int

// The ends. The first four are sessions.
const (
	TLS12Full       Handshake = 0
	TLS12Resumed    Handshake = 1
	TLS13Full       Handshake = 2
	TLS13Resumed    Handshake = 3
	HandshakeLeft   Handshake = 4 // the client has left
	HandshakeLate   Handshake = 5 // it did not end in time
	HandshakeClient Handshake = 6 // the client's certificate is missing, or not good
	HandshakeOther  Handshake = 7 // client and server have nothing in common, or the client does not speak TLS
	HandshakeClear  Handshake = 8 // the client speaks HTTP in clear text
	Handshakes                = 9 // how many there are
)

// handshakeNames are the names of the ends, as in status and metrics.
var handshakeNames = [Handshakes]string{
	TLS12Full: "tls12_full", TLS12Resumed: "tls12_resumed", TLS13Full: "tls13_full", TLS13Resumed: "tls13_resumed",
	HandshakeLeft: "client_left", HandshakeLate: "timeout", HandshakeClient: "client_certificate", HandshakeOther: "protocol",
	HandshakeClear: "clear_text",
}

func (h Handshake) String() string { return handshakeNames[h] }
