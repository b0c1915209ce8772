package engine

import "libforker/engine/gate"

// Paths that the program has said stand for others.

// rewrite has a request be for the path that its own stands for. That of the target stays as the client has sent it.
func (l *Loop) rewrite(r *request) bool {
	path := l.locatePath(r)
	first, rest, found := gate.Find(l.cfg.Front.Rewrites, path)
	if !found {
		return true
	}
	size := len(first) + len(rest)
	block, err := l.blocks.Get(size + 1)
	if err != nil {
		l.cfg.Log(LogError, "no memory for a path: "+err.Error())
		return false
	}
	copy(block[copy(block, first):], rest)
	block[size] = 0
	if r.path != nil {
		l.blocks.Put(r.path)
	}
	r.path = block
	r.shared.PathLen, r.shared.PathDecoded = uint32(size), 1
	return true
}
