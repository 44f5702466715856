package memstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
)

func TestSuite(t *testing.T) {
	objstoretest.Run(t, func(*testing.T) objstore.Bucket { return memstore.New("mem://test") })
}

func TestHooks(t *testing.T) {
	s := memstore.New("mem://test")
	boom := errors.New("boom")
	create := objstore.PutOptions{IfAbsent: true}

	s.Fail = func(op, key string) error {
		if op == "put" && key == "k" {
			return boom
		}
		return nil
	}
	if _, err := s.Put(t.Context(), "k", strings.NewReader("x"), create); !errors.Is(err, boom) {
		t.Fatalf("Fail did not fail the put: %v", err)
	}
	if _, err := s.Head(t.Context(), "k"); !errors.Is(err, objstore.ErrNotExist) {
		t.Fatalf("a put that failed before it happened left something: %v", err)
	}

	s.SetHooks(nil, func(op, key string) error { return boom })
	if _, err := s.Put(t.Context(), "k", strings.NewReader("x"), create); !errors.Is(err, boom) {
		t.Fatalf("After did not lose the answer: %v", err)
	}
	s.SetHooks(nil, nil)
	if _, err := s.Put(t.Context(), "k", strings.NewReader("x"), create); !errors.Is(err, objstore.ErrExists) {
		t.Fatalf("the put whose answer was lost did not happen: %v", err)
	}
}

func TestClockAndETags(t *testing.T) {
	s, again := memstore.New("mem://a"), memstore.New("mem://b")
	at := time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
	s.SetNow(at)
	a, err := s.Put(t.Context(), "k", strings.NewReader("x"), objstore.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := again.Put(t.Context(), "k", strings.NewReader("x"), objstore.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a.ETag != b.ETag {
		t.Errorf("one content has two ETags: %s, %s", a.ETag, b.ETag)
	}
	s.SetNow(at.Add(time.Hour))
	now, err := s.Now(t.Context())
	if err != nil || now.Sub(a.LastModified) != time.Hour {
		t.Errorf("age of the object is %v, %v", now.Sub(a.LastModified), err)
	}
}

func TestListIsLazy(t *testing.T) {
	s := memstore.New("mem://test")
	for i := range 100_000 {
		if _, err := s.Put(t.Context(), fmt.Sprintf("k/%06d", i), strings.NewReader(""), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	stop := errors.New("enough")
	n := 0
	allocs := testing.AllocsPerRun(1, func() {
		n = 0
		if err := s.List(t.Context(), objstore.ListOptions{Prefix: "k/"}, func(objstore.Object) error {
			if n++; n == 10 {
				return stop
			}
			return nil
		}); err != stop {
			t.Errorf("list: %v", err)
		}
	})
	if n != 10 || allocs > 100 {
		t.Errorf("ten keys of 100,000 took %d calls and %.0f allocations", n, allocs)
	}
}
