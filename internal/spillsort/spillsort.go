// Package spillsort sorts tuples of numbers in fixed memory, however many there are: what does not fit is in sorted runs in temporary files.
package spillsort

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

const (
	// fanIn is how many runs of a level there can be: then they become one run of the next level. Each run has a buffer when runs are merged.
	fanIn = 32
	// bufferBytes of a run that is read or written.
	bufferBytes = 8 << 10
	// checkEvery is how many tuples pass between two looks at whether to stop.
	checkEvery = 1 << 16
)

// Tuple is what can be sorted: by its first number, then the second, and so on.
type Tuple interface{ [3]int64 | [5]int64 }

// Sorter sorts what Add gets. The zero value is not usable: see New.
type Sorter[T Tuple] struct {
	stopped   func() error
	dir, name string
	held      []T
	limit     int
	n         int64
	made      int     // runs so far, for their names
	levels    [][]run // levels[0] are the newest
}

// run is a file of sorted tuples, each as the differences to the one before.
type run struct{ path string }

// New returns a Sorter that holds up to memoryBytes in memory, and puts its files into a folder. Close removes them. stopped returns why
// sorting must stop, or nil.
func New[T Tuple](stopped func() error, dir, name string, memoryBytes int64) *Sorter[T] {
	var t T
	return &Sorter[T]{stopped: stopped, dir: dir, name: name, limit: max(1, int(memoryBytes/int64(8*len(t))))}
}

// Len returns how many tuples were added.
func (s *Sorter[T]) Len() int64 { return s.n }

// Add adds a tuple. It fails if the folder cannot be written to.
func (s *Sorter[T]) Add(t T) error {
	if len(s.held) >= s.limit {
		if err := s.spill(); err != nil {
			return err
		}
	}
	if s.held == nil {
		s.held = make([]T, 0, min(s.limit, 1024))
	}
	s.held = append(s.held, t)
	s.n++
	return nil
}

// Each calls fn for all tuples in order, and stops at its first error. Nothing can be added afterwards.
func (s *Sorter[T]) Each(fn func(T) error) error {
	slices.SortFunc(s.held, compare[T])
	var sources []*reader[T]
	defer func() {
		for _, r := range sources {
			r.close()
		}
	}()
	for _, level := range s.levels {
		for _, r := range level {
			src, err := open[T](r)
			if err != nil {
				return err
			}
			sources = append(sources, src)
		}
	}
	if len(s.held) > 0 {
		sources = append(sources, &reader[T]{held: s.held})
	}
	return s.merge(sources, fn)
}

// Close removes the files.
func (s *Sorter[T]) Close() {
	for _, level := range s.levels {
		for _, r := range level {
			os.Remove(r.path)
		}
	}
	s.levels, s.held = nil, nil
}

// spill writes what is held as a run. A level that is full becomes one run of the next level.
func (s *Sorter[T]) spill() error {
	slices.SortFunc(s.held, compare[T])
	r, err := s.write(func(put func(T) error) error {
		for _, t := range s.held {
			if err := put(t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.held = s.held[:0]
	for at := 0; ; at++ {
		if at == len(s.levels) {
			s.levels = append(s.levels, nil)
		}
		s.levels[at] = append(s.levels[at], r)
		if len(s.levels[at]) < fanIn {
			return nil
		}
		if r, err = s.join(s.levels[at]); err != nil {
			return err
		}
		for _, old := range s.levels[at] {
			os.Remove(old.path)
		}
		s.levels[at] = nil
	}
}

func (s *Sorter[T]) join(runs []run) (run, error) {
	var sources []*reader[T]
	defer func() {
		for _, r := range sources {
			r.close()
		}
	}()
	for _, r := range runs {
		src, err := open[T](r)
		if err != nil {
			return run{}, err
		}
		sources = append(sources, src)
	}
	return s.write(func(put func(T) error) error { return s.merge(sources, put) })
}

// write makes a run of what each puts, in order.
func (s *Sorter[T]) write(each func(put func(T) error) error) (run, error) {
	s.made++
	r := run{filepath.Join(s.dir, fmt.Sprintf("%s-%06d", s.name, s.made))}
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return r, fmt.Errorf("temp folder: %w", err)
	}
	w := bufio.NewWriterSize(f, bufferBytes)
	var last T
	b := make([]byte, 0, len(last)*binary.MaxVarintLen64)
	err = each(func(t T) error {
		b = b[:0]
		for i := 0; i < len(t); i++ {
			b = binary.AppendVarint(b, t[i]-last[i])
		}
		last = t
		_, err := w.Write(b)
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(r.path)
		return r, fmt.Errorf("temp folder: %w", err)
	}
	return r, nil
}

// reader reads one run, or what is held.
type reader[T Tuple] struct {
	held []T
	f    *os.File
	r    *bufio.Reader
	at   T // the next tuple
}

func open[T Tuple](r run) (*reader[T], error) {
	f, err := os.Open(r.path)
	if err != nil {
		return nil, fmt.Errorf("temp folder: %w", err)
	}
	return &reader[T]{f: f, r: bufio.NewReaderSize(f, bufferBytes)}, nil
}

// next moves on to the next tuple; ok is false after the last.
func (r *reader[T]) next() (ok bool, err error) {
	if r.f == nil {
		if len(r.held) == 0 {
			return false, nil
		}
		r.at, r.held = r.held[0], r.held[1:]
		return true, nil
	}
	for i := 0; i < len(r.at); i++ {
		d, err := binary.ReadVarint(r.r)
		if i == 0 && errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return false, fmt.Errorf("temp folder: %w", err)
		}
		r.at[i] += d
	}
	return true, nil
}

func (r *reader[T]) close() {
	if r.f != nil {
		_ = r.f.Close() // it was only read
	}
}

// merge calls fn for the tuples of all sources in order. The sources are a heap by their next tuple.
func (s *Sorter[T]) merge(sources []*reader[T], fn func(T) error) error {
	var heap []*reader[T]
	for _, r := range sources {
		ok, err := r.next()
		if err != nil {
			return err
		}
		if ok {
			heap = append(heap, r)
		}
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		down(heap, i)
	}
	for n := 0; len(heap) > 0; n++ {
		if n%checkEvery == 0 {
			if err := s.stopped(); err != nil {
				return err
			}
		}
		if err := fn(heap[0].at); err != nil {
			return err
		}
		ok, err := heap[0].next()
		if err != nil {
			return err
		}
		if !ok {
			heap[0] = heap[len(heap)-1]
			heap = heap[:len(heap)-1]
		}
		down(heap, 0)
	}
	return nil
}

func down[T Tuple](heap []*reader[T], i int) {
	for {
		least := i
		for k := 2*i + 1; k <= 2*i+2 && k < len(heap); k++ {
			if compare(heap[k].at, heap[least].at) < 0 {
				least = k
			}
		}
		if least == i {
			return
		}
		heap[i], heap[least] = heap[least], heap[i]
		i = least
	}
}

func compare[T Tuple](a, b T) int {
	for i := 0; i < len(a); i++ {
		switch {
		case a[i] < b[i]:
			return -1
		case a[i] > b[i]:
			return 1
		}
	}
	return 0
}
