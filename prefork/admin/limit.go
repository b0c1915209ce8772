package admin

import (
	"net"
	"sync"
)

// limiter is a listener that has at most so many connections open; others wait in the kernel's queue.
type limiter struct {
	net.Listener
	free   chan struct{}
	closed chan struct{}
	once   sync.Once
}

// limited is a connection of a limiter.
type limited struct {
	net.Conn
	free chan struct{}
	once sync.Once
}

func limit(listener net.Listener, most int) *limiter {
	return &limiter{Listener: listener, free: make(chan struct{}, most), closed: make(chan struct{})}
}

func (l *limiter) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &limited{Conn: conn, free: l.free}, nil
}

func (l *limiter) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// CloseWrite says that nothing more will be sent.
func (c *limited) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}

func (c *limited) Close() error {
	c.once.Do(func() { <-c.free })
	return c.Conn.Close()
}
