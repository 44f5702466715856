package server

import (
	"container/list"
	"net"
	"sync"
)

// connLimit is a listener with at most max open connections. A new connection closes the one that was accepted first, so that idle
// connections neither use up file descriptors nor keep /healthz from answering.
type connLimit struct {
	net.Listener
	max int

	mu   sync.Mutex
	open list.List // of *limitedConn, in the order in which they were accepted
}

// Accept returns the next connection.
func (l *connLimit) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	added := &limitedConn{Conn: c, limit: l}
	l.mu.Lock()
	added.place = l.open.PushBack(added)
	var oldest *limitedConn
	if l.open.Len() > l.max {
		oldest = l.open.Front().Value.(*limitedConn)
	}
	l.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close() // its error is nobody's: the connection is gone either way
	}
	return added, nil
}

// limitedConn is a connection that its connLimit counts until it is closed.
type limitedConn struct {
	net.Conn
	limit *connLimit
	place *list.Element
	once  sync.Once
}

// Close closes the connection and stops counting it.
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.limit.mu.Lock()
		defer c.limit.mu.Unlock()
		c.limit.open.Remove(c.place)
	})
	return err
}
