package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// interruptEvery is how often a cancelled call is interrupted again: DuckDB forgets an interrupt that comes between two of
// a statement's phases.
const interruptEvery = 2 * time.Millisecond

// call is a statement under way on a connection: the context its Cursors are given, and the first error one of them gave.
type call struct {
	db     *DB
	conn   bindings.Connection
	id     uint64
	parent context.Context //nolint:containedctx // DuckDB calls back without a context
	ctx    context.Context //nolint:containedctx // DuckDB calls back without a context
	cancel context.CancelFunc
	done   chan struct{}
	wg     sync.WaitGroup

	mu  sync.Mutex
	err error
}

// begin makes conn interruptible until end.
func (d *DB) begin(ctx context.Context, conn bindings.Connection) *call {
	c := &call{db: d, conn: conn, parent: ctx, done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(ctx)
	var cc bindings.ClientContext
	bindings.ConnectionGetClientContext(conn, &cc)
	c.id = uint64(bindings.ClientContextGetConnectionId(cc))
	bindings.DestroyClientContext(&cc)
	d.mu.Lock()
	d.running[c.id] = c
	d.mu.Unlock()
	c.wg.Go(func() {
		select {
		case <-c.done:
			return
		case <-c.ctx.Done():
		}
		t := time.NewTicker(interruptEvery)
		defer t.Stop()
		for {
			bindings.Interrupt(conn)
			select {
			case <-c.done:
				return
			case <-t.C:
			}
		}
	})
	return c
}

// end stops the interrupts, so that the connection may be closed or used again.
func (c *call) end() {
	close(c.done)
	c.wg.Wait()
	c.cancel()
	c.db.mu.Lock()
	delete(c.db.running, c.id)
	c.db.mu.Unlock()
}

// fail notes the error of a Cursor; DuckDB carries its text only.
func (c *call) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// reason gives the cause behind DuckDB's error: the caller's cancellation or a Cursor's own error before its echo.
func (c *call) reason(err error) error {
	if err == nil {
		return nil
	}
	if c.parent.Err() != nil {
		return context.Cause(c.parent)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil && !errors.Is(c.err, errEnded) {
		return c.err
	}
	return err
}

var errEnded = errors.New("engine: the query has ended")
