// Package textfile reads files that people write: job files, mappings and mapping tests.
//
// Whoever can write such a file must not be able to hang etl or to take its memory. Only regular files are read, each up to
// a limit, and YAML that is nested too deeply is refused before a parser sees it.
package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"

	"github.com/silt-etl/silt/internal/human"
)

// The largest files that are read, in bytes.
const (
	MaxJob     = 1 << 20
	MaxMapping = 4 << 20  // one file of a mapping
	MaxTests   = 4 << 20  // one file of mapping tests
	MaxRecords = 64 << 20 // a raw_file of a mapping test
)

// MaxDepth is how deeply YAML and JSON can be nested. Memory of the YAML parser grows with the square of the depth.
const MaxDepth = 128

// Read returns the content of a regular file, or of what a link to one leads to. It fails without reading anything if the
// file is of another kind, such as a named pipe or a device, or is larger than limit.
func Read(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path) // before the open: opening a named pipe would wait
	if err == nil {
		err = allowed(info, limit)
	}
	if err != nil {
		return nil, readError(path, err)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, readError(path, err)
	}
	return readOpen(f, path, limit)
}

// ReadFS is Read for a file of dir. A dir on disk must be an fs.StatFS, as os.DirFS is; otherwise a named pipe is opened.
func ReadFS(dir fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(dir, name)
	if err == nil {
		err = allowed(info, limit)
	}
	if err != nil {
		return nil, readError(name, err)
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, readError(name, err)
	}
	return readOpen(f, name, limit)
}

func readOpen(f fs.File, path string, limit int64) ([]byte, error) {
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err == nil {
		err = allowed(info, limit) // another file can have taken its place
	}
	if err != nil {
		return nil, readError(path, err)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = tooLarge(limit)
	}
	if err != nil {
		return nil, readError(path, err)
	}
	return b, nil
}

func allowed(info fs.FileInfo, limit int64) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return errors.New("it is a folder")
	case mode&fs.ModeNamedPipe != 0:
		return errors.New("it is a named pipe, not a regular file")
	case mode&fs.ModeDevice != 0:
		return errors.New("it is a device, not a regular file")
	case !mode.IsRegular():
		return errors.New("it is not a regular file")
	}
	if info.Size() > limit {
		return tooLarge(limit)
	}
	return nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("it is larger than %s", strings.Replace(human.Size(limit), ".0 ", " ", 1))
}

// readError names the file once, whatever the cause names.
func readError(path string, err error) error {
	if p, ok := err.(*fs.PathError); ok { //nolint:errorlint // only what the system returned is taken apart
		err = p.Err
	}
	return &fs.PathError{Op: "read", Path: path, Err: err}
}

// TooDeep returns the place where YAML is nested more than MaxDepth levels deep, or ok = false. line is 1-based; column
// counts bytes from 1. It scans the text once, so its cost does not depend on the nesting.
func TooDeep(text []byte) (line, column int, ok bool) {
	var s scanner.Scanner
	s.Init(string(text))
	flow := 0
	var block []int // columns of the open block levels: each token that stands to the right of another one may be nested in it
	for {
		tokens, err := s.Scan()
		if err != nil {
			return 0, 0, false
		}
		for _, t := range tokens {
			switch t.Type {
			case token.SequenceStartType, token.MappingStartType:
				flow++
			case token.SequenceEndType, token.MappingEndType:
				flow = max(flow-1, 0)
			}
			if flow == 0 && t.Position != nil {
				for len(block) > 0 && block[len(block)-1] >= t.Position.Column {
					block = block[:len(block)-1]
				}
				block = append(block, t.Position.Column)
			}
			if flow+len(block) > MaxDepth && t.Position != nil {
				return t.Position.Line, byteColumn(text, t.Position), true
			}
		}
	}
}

// byteColumn turns the scanner's column, in characters, into one in bytes.
func byteColumn(text []byte, at *token.Position) int {
	rest := text
	for range at.Line - 1 {
		_, after, found := bytes.Cut(rest, []byte("\n"))
		if !found {
			return at.Column
		}
		rest = after
	}
	column := 1
	for range at.Column - 1 {
		_, n := utf8.DecodeRune(rest)
		if n == 0 || rest[0] == '\n' {
			break
		}
		rest, column = rest[n:], column+n
	}
	return column
}
