package engine

import (
	"libforker/engine/gate"
	"libforker/engine/grammar"
	"libforker/engine/http1"
	"libforker/engine/memory"
	"libforker/engine/message"
	"libforker/slot"
)

// The gates: what is decided about a request at its head, before the program sees it, and added to its response. They
// stand in one order, whatever is on:
//
//  1. where the request is from: client, scheme and host, as trusted proxies say
//  2. its id, and the method that it means
//  3. redirects: to HTTPS, to another host, to the path with or without a slash at its end; a path that stands for another
//     is that one from here on
//  4. how often its client may come
//  5. what browsers ask before they send a request of another site
//  6. who its user is
//  7. whether it is one that another site has a browser send
//  8. how its body is compressed, and how long it may be
//
// The first two are the same for all requests, the others can differ by route. A request that one of them bars goes no
// further: its body is not wanted, and the program does not see it. Whether a password is right is asked last, because that
// takes long, and a token that shows which site it is from is looked for by the program's side, since it can be in the body.

// gated is what the gates have found out about a request.
type gated struct {
	plan      *gate.Plan   // Of its route; nil: there is none.
	admission *Admission   // Of that, as the head has it; nil: not known.
	admitted  bool         // It is for the request itself, not for that which it asks about.
	counted   []*gate.Rate // That were asked for the routes before the present one.
	barrier   barrier
	waitNs    int64        // barredByRate: how long it is until there is room.
	origin    message.Span // Of the page that a browser has it from; empty: it does not say.
	judge     uintptr      // What was asked whether pages of that origin may read the response; 0: nothing.
	granted   bool         // It has said that they may.
	preflight bool         // It asks whether another request may be sent.
	closed    bool         // It has asked that, and its route says of no page that it may.
	check     *check       // awaitsUser: who it says it is from.
	inherits  bool         // Its response adds what stands in Loop.added: see inherit.
}

// barrier is why a request goes no further.
type barrier uint8

const (
	passes barrier = iota
	barredToHTTPS
	barredToHost
	barredToSlash
	barredByRate
	barredByPreflight // It is answered.
	barredByUser      // It is nobody's, and may be repeated by somebody.
	barredByCoding    // Its body is compressed in a way that is not known here.
	awaitsUser        // It goes on when it is known whether its password is right.
	barredBySite
	barredByMemory
)

// passFront does what is done with every request.
func (l *Loop) passFront(r *request) {
	front, c := l.cfg.Front, r.stream.conn()
	peer := &c.peer
	if c.via != nil && !c.via.Local {
		peer = &c.via.Client
	}
	if c.via != nil || front.Trust.Form != gate.FormOff {
		r.trace(c, *peer, &front.Trust)
	}
	if front.IDs != nil {
		l.identify(r, front.Trust.Proxies.Has(*peer))
	}
	if front.Override {
		r.overrideMethod()
	}
}

// passGates takes a request whose head is complete through the gates.
func (l *Loop) passGates(r *request) {
	if l.cfg.Front != nil {
		l.passFront(r)
	}
	switch {
	case l.isRedirected(r):
		r.gated.barrier = barredToHTTPS
	case l.cfg.Front == nil || r.shared.Head.Form == message.FormAsterisk:
	case l.cfg.Front.WWW != gate.HostAsIs && gate.Moves(l.cfg.Front.WWW, r.host()):
		r.gated.barrier = barredToHost
	case len(l.cfg.Front.Rewrites) > 0 && !l.rewrite(r):
		r.gated.barrier = barredByMemory
	case l.cfg.Front.Plans:
		call := l.prepareCall(r)
		if l.cfg.Front.Origins {
			r.readOrigin(call)
		}
		l.passRoute(r, call)
	}
}

// passRoute takes it through those of its route.
func (l *Loop) passRoute(r *request, call *Call) {
	g := &r.gated
	before := g.plan
	admission := l.cfg.Handlers.Admit(call)
	g.plan, call.Plan = admission.Plan, admission.Plan
	g.admission, g.admitted = admission, !g.preflight
	if g.plan != nil && g.plan.CORS != nil && !g.closed {
		l.judgeOrigin(r, call)
	}
	call.Found.Is = call.Found.Is && !g.preflight // That is the route of another request.
	if (admission.None || admission.Guards) && l.cfg.Front.Slash != gate.SlashStrict && l.findsSlash(r, call) {
		g.barrier = barredToSlash
	}
	if before != nil && before.Rate != nil && before != g.plan {
		g.counted = append(g.counted, before.Rate)
	}
	if g.plan != nil && g.barrier == passes {
		l.passPlan(r)
	}
}

// hasCounted reports whether a rate was asked for a route that has left the request to others. A client comes once.
func (g *gated) hasCounted(rate *gate.Rate) bool {
	for _, counted := range g.counted {
		if *counted == *rate {
			return true
		}
	}
	return false
}

// passPlan asks the gates that the plan has, but a rate that was asked for a plan before it.
func (l *Loop) passPlan(r *request) {
	g := &r.gated
	plan, head := g.plan, &r.shared.Head
	if rate := plan.Rate; rate != nil && !g.hasCounted(rate) {
		if g.waitNs = l.takeRate(r, rate); g.waitNs > 0 {
			g.barrier = barredByRate
			return
		}
	}
	if g.preflight && plan.CORS != nil {
		g.barrier = barredByPreflight
		return
	}
	if plan.Auth != nil {
		if g.barrier = l.passUser(r, plan.Auth); g.barrier == barredByUser {
			return
		}
	}
	if plan.Sites != nil {
		site := findField(head, r.text, "sec-fetch-site").In(r.text)
		switch plan.Sites.Judge(r.call.Method, site, g.origin.In(r.text), r.host()) {
		case gate.SiteIsOther:
			g.barrier = barredBySite
			return
		case gate.SiteIsUnknown: // A token can be in the body, which comes behind all gates.
			r.shared.TokenDue = 1
		}
	}
	if plan.Decompress {
		if b := l.passCoding(r); b != passes {
			g.barrier = b
		}
	}
}

// passNext takes a request through the gates of the route that is asked next, after so many have left it to others, and
// then to its handler. Should it ask for another request, it is not taken for that one any more: its handler is that of its
// own method, whose route says nothing of that request, to which it may be open while the other's is not.
func (l *Loop) passNext(r *request, skip int) {
	r.body.skip = skip
	r.shared.Box = l.box
	if g := &r.gated; g.preflight {
		g.preflight, g.closed = false, true
	}
	l.passRoute(r, l.prepareCall(r))
	switch r.gated.barrier {
	case passes:
		l.cfg.Handlers.Serve(&r.call)
	case awaitsUser:
		l.checkUser(r)
		return
	default:
		l.bar(r, &r.call.Outcome)
	}
	l.carryOut(r)
}

// readOrigin notes what a browser says of the page that the request is from. Where it asks for another request, that one's
// method is asked for.
func (r *request) readOrigin(call *Call) {
	g, head := &r.gated, &r.shared.Head
	g.origin = findField(head, r.text, "origin")
	if g.origin.Len == 0 || string(call.Method) != "OPTIONS" {
		return
	}
	if asked := findField(head, r.text, "access-control-request-method"); asked.Len > 0 {
		call.Method, g.preflight = asked.In(r.text), true
	}
}

// judgeOrigin asks the program about an origin that no list names. That is done as soon as the route is known, since every
// response has fields that depend on it, also that of a gate before this one.
func (l *Loop) judgeOrigin(r *request, call *Call) {
	g := &r.gated
	cors, origin := g.plan.CORS, g.origin.In(r.text)
	if cors.Judge == g.judge || !cors.Asks(origin) {
		return
	}
	if !r.inFlight {
		l.present(r)
	}
	r.shared.Now, r.shared.Box = uint64(l.clock.now), l.box
	g.judge, g.granted = cors.Judge, l.cfg.Handlers.Judge(call, cors.Judge, origin)
}

// takeRate asks whether the client may come once more, and returns after how long it may, else 0.
func (l *Loop) takeRate(r *request, rate *gate.Rate) int64 {
	rates := l.cfg.Front.Rates
	if rates == nil {
		return 0
	}
	if name := rate.Field(); name != "" {
		return rates.ByText(rate, findField(&r.shared.Head, r.text, name).In(r.text), l.clock.now)
	}
	return rates.ByPeer(rate, r.client(), l.clock.now)
}

// findField returns the value of the first field with a name, which is in small letters.
func findField(head *message.Head, text []byte, name string) message.Span {
	for i := range head.Fields[:head.FieldCount] {
		field := &head.Fields[i]
		if grammar.EqualFold(field.Name.In(text), name) {
			return field.Value
		}
	}
	return message.Span{}
}

// overrideMethod takes the method that a client means which can send no other than POST. It is none that is safe: what
// takes POST for one that changes something would be passed by.
func (r *request) overrideMethod() {
	head := &r.shared.Head
	if string(head.Method.In(r.text)) != "POST" {
		return
	}
	meant := findField(head, r.text, "x-http-method-override")
	switch string(meant.In(r.text)) {
	case "PUT", "PATCH", "DELETE":
		head.Method = meant
	}
}

// trace finds where a request is from that comes by way of a proxy, or may.
func (r *request) trace(c *conn, peer slot.Peer, trust *gate.Trust) {
	req := r.shared
	o := trust.Trace(peer, &req.Head, r.text)
	if o.Client.Family == 0 { // The proxy does not know whose request it passes on: nobody is believed.
		o.Client = c.peer
	}
	if c.via != nil && c.via.Secure && !o.Schemed {
		o.Secure, o.Schemed = true, true
	}
	req.Traced, req.Scheme, req.Host = 1, SchemeOfConn, message.Span{}
	req.Client = o.Client
	switch {
	case o.Schemed && o.Secure:
		req.Scheme = SchemeHTTPS
	case o.Schemed:
		req.Scheme = SchemeHTTP
	}
	if len(o.Host) > 0 {
		req.Host = message.Span{Off: uint32(memory.Address(o.Host) - memory.Address(r.text)), Len: uint32(len(o.Host))}
	}
}

// identify gives a request an id: that which a trusted proxy has given it, or a new one.
func (l *Loop) identify(r *request, trusted bool) {
	req := r.shared
	var found []byte
	if trusted {
		found = gate.FindID(&req.Head, r.text)
	}
	n := copy(req.ID[:], found)
	if n == 0 {
		n = l.cfg.Front.IDs.Make((*[gate.IDMost]byte)(req.ID[:]))
	}
	req.ID[n], req.IDLen = 0, uint8(n)
}

// forgetGates ends what is known of a request by the gates.
func (r *request) forgetGates() {
	r.shared.Traced, r.shared.Scheme, r.shared.IDLen, r.shared.Host = 0, SchemeOfConn, 0, message.Span{}
	r.shared.TokenDue = 0
	r.gated = gated{counted: r.gated.counted[:0]}
}

// client is where a request is from.
func (r *request) client() slot.Peer {
	if r.shared.Traced != 0 {
		return r.shared.Client
	}
	return r.shared.Peer
}

// host is the host that the client has asked for.
func (r *request) host() []byte {
	if r.shared.Host.Len > 0 {
		return r.shared.Host.In(r.text)
	}
	return r.shared.Head.Host.In(r.text)
}

// isSecure reports whether the client speaks TLS, to this server or to a trusted proxy.
func (r *request) isSecure() bool {
	return r.shared.Scheme == SchemeHTTPS || r.shared.Scheme == SchemeOfConn && r.hasTLS()
}

// hasTLS reports whether the connection speaks TLS.
func (r *request) hasTLS() bool {
	return r.info != nil || r.stream != nil && r.stream.conn().tls != nil
}

// addFields adds to a response what the program has not said itself.
func (l *Loop) addFields(r *request) {
	head, g := &r.response, &r.gated
	switch {
	case g.inherits:
		head.added = l.added
		return
	case g.barrier == passes && r.shared.IDLen == 0 && (g.plan == nil || g.plan.Block == nil && g.plan.CORS == nil):
		l.added = l.added[:0]
		head.added = l.added
		return
	}
	added := l.added[:0]
	if n := r.shared.IDLen; n > 0 && !gate.HasField(head.fields, "X-Request-Id") {
		added = append(append(append(added, "X-Request-Id: "...), r.shared.ID[:n]...), http1.CRLF...)
	}
	if g.barrier == barredByUser {
		added = g.plan.Auth.AppendChallenge(added)
	}
	if g.barrier == barredByCoding {
		added = append(added, "Accept-Encoding: "+gate.AcceptedCodings+"\r\n"...)
	}
	if plan := g.plan; plan != nil {
		if plan.Block != nil {
			added = plan.Block.Append(added, head.fields, r.isSecure())
		}
		if plan.CORS != nil && !gate.HasField(head.fields, "Access-Control-Allow-Origin") {
			added = l.addCORS(added, r)
		}
	}
	l.added, head.added = added, added
}

// inherit has own, which takes the place of r and responds next, add what a response to r would.
func (l *Loop) inherit(own, r *request) {
	r.response = responseHead{} // It has none yet.
	l.addFields(r)
	own.gated.inherits = true
}

func (l *Loop) addCORS(added []byte, r *request) []byte {
	g, head := &r.gated, &r.shared.Head
	cors, origin := g.plan.CORS, g.origin.In(r.text)
	granted := g.granted && g.judge == cors.Judge
	if g.closed {
		return cors.AppendFields(added, nil, false, nil)
	}
	if g.barrier != barredByPreflight {
		return cors.AppendFields(added, origin, granted, nil)
	}
	ask := gate.Preflight{
		Method:  findField(head, r.text, "access-control-request-method").In(r.text),
		Headers: findField(head, r.text, "access-control-request-headers").In(r.text),
	}
	return cors.AppendFields(added, origin, granted, &ask)
}
