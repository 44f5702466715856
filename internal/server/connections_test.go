package server_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/server"
)

// serve starts a server without jobs and returns its address. It stops at the end of the test.
func serve(t *testing.T, o server.Options) string {
	t.Helper()
	o.Listen, o.Log = "127.0.0.1:0", zerolog.Nop()
	s, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s.Addr()
}

// dial opens a connection and sends a text on it.
func dial(t *testing.T, addr, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

const healthRequest = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

// A connection that is idle, slow to send its request, or that does not read its answer, is closed after the timeout.
func TestIdleConnections(t *testing.T) {
	addr := serve(t, server.Options{Timeout: 300 * time.Millisecond})
	for name, text := range map[string]string{
		"sends nothing":                    "",
		"asked once":                       healthRequest,
		"sends half a header":              "GET /healthz HTTP/1.1\r\nHost:",
		"sends a header, and no body":      "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
		"sends a header, and half a chunk": "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nabc",
		"asks and does not close its body": "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, addr, text)
			if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection is still open after 5 s")
			}
		})
	}
}

// With more connections than the limit, the oldest are closed, and /healthz still answers.
func TestConnectionLimit(t *testing.T) {
	const limit, flood = 8, 200
	addr := serve(t, server.Options{Timeout: time.Minute, MaxConns: limit})
	conns := make([]net.Conn, flood)
	for i := range conns {
		if conns[i] = dial(t, addr, ""); i%2 == 0 {
			io.WriteString(conns[i], healthRequest) // the server may close it at any time
		}
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + addr + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
	open := 0
	for i, c := range conns {
		if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, bufio.NewReader(c)); errors.Is(err, os.ErrDeadlineExceeded) {
			if open++; i < flood-limit {
				t.Errorf("connection %d of %d is still open", i, flood)
			}
		}
	}
	if open > limit {
		t.Errorf("%d connections are open, want at most %d", open, limit)
	}
}
