package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// Process runs a job once as a process of its own, so that a run that has to be ended by force, or that the system ends because
// memory is short, ends alone.
//
// The process gets Input on its standard input, which then stays open for as long as this process lives: ReadInput reads it and
// notices its end, so that no run continues without the server. What the process writes to standard error goes to Log, line by line.
// What it writes to standard output is its error.
type Process struct {
	Path string
	Args []string // the first one is the name of the program
	// Input is given to the process. Unlike Args, other users of the machine cannot see it.
	Input []byte
	// Log gets the lines of JSON that the process writes, one at a time. Other lines are not passed on: see Logger.
	Log io.Writer
	// Logger reports an end that the process could not report itself, with the first lines that are not JSON.
	Logger zerolog.Logger
	// KillAfter is how long the process may take to end after ctx is done, before it is killed.
	KillAfter time.Duration
}

// The most that is kept of an error, of a line of the log, and of lines that are not part of the log.
const (
	maxError = 16 << 10
	maxLine  = 1 << 20
	maxStray = 1 << 10
)

// Run starts the process and waits for its end. When ctx is done, the process gets SIGTERM. The error is the one that the process
// wrote, or says how it ended.
func (p Process) Run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, p.Path)
	cmd.Args = p.Args
	cmd.WaitDelay = p.KillAfter
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return cmd.Process.Kill() // a system without the signal
		}
		return nil
	}
	said, lines := &firstBytes{max: maxError}, &lineWriter{to: p.Log}
	cmd.Stdout, cmd.Stderr = said, lines
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		p.Logger.Error().Err(err).Msg("the process of a run could not be started")
		return fmt.Errorf("the process of the run could not be started: %w", err)
	}
	go func() { // in stays open until Wait closes it
		_, _ = fmt.Fprintf(in, "%d\n", len(p.Input))
		_, _ = in.Write(p.Input)
	}()
	err = cmd.Wait()
	lines.end()
	state := cmd.ProcessState
	switch text := strings.TrimSpace(said.String()); {
	case state == nil:
		return err
	case text != "":
		return errors.New(text)
	case state.Success():
		return nil
	}
	ended := "the process of the run ended unexpectedly (" + state.String() + ")"
	if ctx.Err() != nil {
		ended = fmt.Sprintf("the process of the run did not end within %s of the stop, and was killed (%s)", p.KillAfter, state)
	}
	e := p.Logger.Error()
	if stray := strings.TrimSpace(lines.stray.String()); stray != "" {
		e = e.Str("output", stray)
	}
	e.Msg(ended)
	return fmt.Errorf("%s. Its committed batches stay, and the next run continues from there", ended)
}

// ReadInput returns the Input that a Process gave to this process, up to limit bytes, and a context that is done when ctx is, or when
// the process that gave it ends.
func ReadInput(ctx context.Context, from io.Reader, limit int) ([]byte, context.Context, error) {
	in := bufio.NewReader(from)
	head, err := in.ReadString('\n')
	if err != nil {
		return nil, nil, fmt.Errorf("read the input of a run: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(head, "\n"))
	if err != nil || n < 0 || n > limit {
		return nil, nil, errors.New("read the input of a run: it has no length")
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return nil, nil, fmt.Errorf("read the input of a run: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, in)
	}()
	return text, ctx, nil
}

// firstBytes keeps the first max bytes that are written.
type firstBytes struct {
	bytes.Buffer
	max int
}

func (f *firstBytes) Write(p []byte) (int, error) {
	_, _ = f.Buffer.Write(p[:min(len(p), f.max-f.Len())])
	return len(p), nil
}

// lineWriter passes on lines of JSON, each in one Write, and keeps the first bytes of other lines.
type lineWriter struct {
	to    io.Writer
	part  []byte // of the line that has not ended
	stray firstBytes
}

func (l *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		l.line(append(l.part, p[:i+1]...))
		l.part, p = l.part[:0], p[i+1:]
	}
	l.part = append(l.part, p[:min(len(p), max(0, maxLine-len(l.part)))]...)
	return n, nil
}

// end passes on a last line without its newline.
func (l *lineWriter) end() {
	if len(l.part) > 0 {
		l.line(append(l.part, '\n'))
	}
}

func (l *lineWriter) line(line []byte) {
	if line[0] == '{' && len(line) <= maxLine {
		_, _ = l.to.Write(line)
		return
	}
	l.stray.max = maxStray
	_, _ = l.stray.Write(line)
}
