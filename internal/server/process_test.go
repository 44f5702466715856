package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/server"
)

// TestChildProcess is not a test: it is the process that the tests of Process start, and SILT_TEST_CHILD says what it does.
func TestChildProcess(t *testing.T) {
	act, ok := map[string]func(ctx context.Context, input string) int{
		"": nil,
		"succeeds": func(_ context.Context, input string) int {
			fmt.Fprintf(os.Stderr, `{"message":%q}`+"\n"+`{"message":"without a newline"}`, input)
			return 0
		},
		"fails": func(context.Context, string) int {
			fmt.Fprintln(os.Stdout, "the bucket does not answer")
			return 3
		},
		"crashes": func(context.Context, string) int {
			fmt.Fprintf(os.Stderr, `{"message":"begun"}`+"\npanic: out of luck\n\ngoroutine 1:\n%s\n", strings.Repeat("main.go\n", 10_000))
			return 2
		},
		"stops": func(context.Context, string) int {
			stopped := make(chan os.Signal, 1)
			signal.Notify(stopped, syscall.SIGTERM)
			fmt.Fprintln(os.Stderr, `{"message":"begun"}`)
			<-stopped
			fmt.Fprintln(os.Stdout, "stopped before it was done")
			return 5
		},
		"does not answer": func(context.Context, string) int {
			signal.Ignore(syscall.SIGTERM)
			fmt.Fprintln(os.Stderr, `{"message":"begun"}`)
			select {}
		},
	}[os.Getenv("SILT_TEST_CHILD")]
	if !ok {
		os.Exit(99)
	}
	if act == nil {
		return
	}
	input, ctx, err := server.ReadInput(context.Background(), os.Stdin, 1<<20)
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	os.Exit(act(ctx, string(input)))
}

// beginning is a log that says when its first line is there.
type beginning struct {
	bytes.Buffer
	begun chan struct{}
}

func (b *beginning) Write(p []byte) (int, error) {
	if b.Len() == 0 {
		close(b.begun)
	}
	return b.Buffer.Write(p)
}

// A process passes on its log and its error. One that the system ends, or that does not answer a stop, is reported in one line.
func TestProcess(t *testing.T) {
	for _, c := range []struct {
		name, log, err, report string
		stop                   bool
	}{
		{name: "succeeds", log: `{"message":"name: a\nkey: value\n"}` + "\n" + `{"message":"without a newline"}` + "\n"},
		{name: "fails", err: "the bucket does not answer"},
		{name: "crashes", log: `{"message":"begun"}` + "\n", err: "the process of the run ended unexpectedly (exit status 2)",
			report: "panic: out of luck"},
		{name: "stops", log: `{"message":"begun"}` + "\n", stop: true, err: "stopped before it was done"},
		{name: "does not answer", log: `{"message":"begun"}` + "\n", stop: true, err: "did not end within 50ms of the stop, and was killed (signal: killed)",
			report: "did not end within 50ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SILT_TEST_CHILD", c.name)
			log, report := &beginning{begun: make(chan struct{})}, &bytes.Buffer{}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			p := server.Process{Path: os.Args[0], Args: []string{os.Args[0], "-test.run", "^TestChildProcess$"}, Input: []byte("name: a\nkey: value\n"),
				Log: log, Logger: zerolog.New(report), KillAfter: 30 * time.Second}
			if c.stop {
				if p.KillAfter = 50 * time.Millisecond; c.name == "stops" {
					p.KillAfter = time.Minute
				}
				go func() { <-log.begun; stop() }()
			}
			err := p.Run(ctx)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("the error is %v, want %q", err, c.err)
			}
			if log.String() != c.log {
				t.Errorf("the log is %q, want %q", log.String(), c.log)
			}
			if got := report.String(); !strings.Contains(got, c.report) || c.report == "" && got != "" || strings.Count(got, "\n") > 1 || len(got) > 4<<10 {
				t.Errorf("the report is %q, want %q", got, c.report)
			}
		})
	}
	p := server.Process{Path: "/does/not/exist", Args: []string{"etl"}, Logger: zerolog.Nop()}
	if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "could not be started") {
		t.Errorf("a program that does not exist: %v", err)
	}
}

// The context of ReadInput is done when the process that gave the input has ended, which closes the pipe.
func TestReadInput(t *testing.T) {
	in, parent := io.Pipe()
	go func() { _, _ = io.WriteString(parent, "5\nhello") }()
	text, ctx, err := server.ReadInput(t.Context(), in, 5)
	if err != nil || string(text) != "hello" || ctx.Err() != nil {
		t.Fatalf("%q, %v, %v", text, err, ctx.Err())
	}
	_ = parent.Close()
	<-ctx.Done()
	for _, text := range []string{"", "5", "5\nhell", "6\nhello!", "-1\n", "hello\n", "5 \nhello"} {
		if _, _, err := server.ReadInput(t.Context(), strings.NewReader(text), 5); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
