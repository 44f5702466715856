package attempt_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/engine"
)

// scarce is a database that runs out of memory at the end of a query if large is set.
type scarce struct {
	attempt.Engine
	large   *atomic.Bool
	message string
}

type scarceRows struct {
	engine.RowReader
	scarce
}

func (s scarce) Query(ctx context.Context, sql string) (engine.RowReader, error) {
	rows, err := s.Engine.Query(ctx, sql)
	return scarceRows{rows, s}, err
}

func (r scarceRows) Next() (arrow.RecordBatch, error) {
	b, err := r.RowReader.Next()
	if b == nil && err == nil && r.large.Load() {
		return nil, &engine.Error{Kind: engine.OutOfMemory, Message: r.message}
	}
	return b, err
}

// An object that does not fit into the memory of a run alone goes to quarantine as a whole, and the others are published. A full temp
// folder makes no object the cause.
func TestOversizedObject(t *testing.T) {
	var large atomic.Bool
	opened := 0
	staging := bodies{local: true, get: func(key string) io.ReadCloser {
		if key == "large" {
			large.Store(true)
		}
		return io.NopCloser(strings.NewReader(lines(10)))
	}}
	o := options(t, zoned(t), staging)
	message := "could not allocate block of size 256.0 KiB (255.9 MiB/256.0 MiB used)"
	o.Open = func(eo engine.Options) (attempt.Engine, error) {
		opened++
		large.Store(false)
		db, err := engine.Open(eo)
		return scarce{db, &large, message}, err
	}
	keys := []string{"a", "b", "c", "large", "e", "f", "g", "h"}
	r, err := attempt.Run(t.Context(), o, object(keys...))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Totals(), (attempt.Totals{Objects: 8, QuarantinedObjects: 1, Records: 70, Published: 70}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := r.Objects[3]; got.State != attempt.ObjectQuarantined || !strings.Contains(got.Message, "limits.memory") {
		t.Errorf("%+v", got)
	}
	// Each attempt that fails opens a database for DuckDB's sort, and one for none: 2 log2(8) searches, and two attempts at all objects.
	if opened > 2*(6+2) {
		t.Errorf("%d databases", opened)
	}
	message = "failed to offload data block of size 256.0 KiB: the temp folder is full"
	if r, err := attempt.Run(t.Context(), o, object(keys...)); err == nil {
		t.Errorf("%+v", r.Objects)
	}
}

// When many objects need too much memory alone, the mapping or the limit is the cause: the search ends, and names those that it found. A
// few never end it, and limits.max_broken_ratio can allow more.
func TestTooManyLarge(t *testing.T) {
	c := zoned(t)
	for _, test := range []struct {
		large, objects int
		allowed        float64
		found          int // 0: all objects are read or quarantined
	}{
		{10, 12, 0.05, 0},
		{11, 12, 0.05, 11},
		{13, 14, 0.8, 12},
	} {
		var large atomic.Bool
		opened := 0
		o := options(t, c, bodies{local: true, get: func(key string) io.ReadCloser {
			if strings.HasPrefix(key, "large") {
				large.Store(true)
			}
			return io.NopCloser(strings.NewReader(lines(1)))
		}})
		o.MaxBroken = test.allowed
		o.Open = func(eo engine.Options) (attempt.Engine, error) {
			opened++
			large.Store(false)
			db, err := engine.Open(eo)
			return scarce{db, &large, "could not allocate block of size 256.0 KiB (255.9 MiB/256.0 MiB used)"}, err
		}
		var keys []string
		for i := range test.objects {
			keys = append(keys, fmt.Sprintf("%s%02d", map[bool]string{true: "large", false: "small"}[i < test.large], i))
		}
		r, err := attempt.Run(t.Context(), o, object(keys...))
		if test.found == 0 {
			if err != nil {
				t.Errorf("%+v: %v", test, err)
			} else if got, want := r.Totals(), (attempt.Totals{Objects: int64(test.objects), QuarantinedObjects: int64(test.large), Records: int64(test.objects - test.large), Published: int64(test.objects - test.large)}); got != want {
				t.Errorf("%+v: %+v, want %+v", test, got, want)
			}
			continue
		}
		many, ok := errors.AsType[*attempt.TooManyLarge](err)
		if !ok || len(many.Keys) != test.found || many.Objects != test.objects {
			t.Errorf("%+v: %v", test, err)
			continue
		}
		for _, part := range []string{"limits.memory (512 MiB)", fmt.Sprintf("large00, large01, large02, large03, large04 and %d more", test.found-5)} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%+v: %q is not in %v", test, part, err)
			}
		}
		if most := 2 * (1 + 3*test.found); opened > most { // each of them twice: with DuckDB's sort, and without
			t.Errorf("%+v: %d databases", test, opened)
		}
	}
}
