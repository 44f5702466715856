package perfolder_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	"github.com/silt-etl/silt/internal/objstore/perfolder"
)

// TestSuite: two handles of the same folder are one store.
func TestSuite(t *testing.T) {
	objstoretest.Run(t, func(t *testing.T) objstore.Bucket {
		root := t.TempDir()
		open := func() perfolder.Handle {
			s, err := dirstore.Open(dirstore.Config{Root: root})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		return perfolder.New(open(), map[string]perfolder.Handle{"a/": open(), "held/": open(), "d/": open()})
	})
}

// TestHandles: each operation on a key reaches the handle of its folder, and everything else the one of the rest.
func TestHandles(t *testing.T) {
	var calls []string
	spy := func(name string) perfolder.Handle {
		s := memstore.New("mem://" + name)
		s.Fail = func(op, key string) error { calls = append(calls, fmt.Sprintf("%s %s %s", name, op, key)); return nil }
		return s
	}
	rest, own := spy("rest"), spy("own")
	s := perfolder.New(rest, map[string]perfolder.Handle{"ext/own/": own})
	for key, want := range map[string]string{"ext/own/k": "own", "ext/own-2/k": "rest", "ext/owner/k": "rest", "ext/": "rest"} {
		calls = nil
		ctx := t.Context()
		_, _ = s.Put(ctx, key, strings.NewReader("x"), objstore.PutOptions{})
		_, _ = s.Head(ctx, key)
		if r, _, err := s.Get(ctx, key, objstore.GetOptions{}); err == nil {
			r.Close()
		}
		_ = s.List(ctx, objstore.ListOptions{Prefix: key}, func(objstore.Object) error { return nil })
		_, _ = s.Folders(ctx, key)
		_, _ = s.Level(ctx, key, func(objstore.Object) error { return nil })
		_ = s.Delete(ctx, key)
		h, err := s.Hold(ctx, key, bytes.NewReader([]byte("x")), 1)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = s.HeldList(ctx, key)
		_ = s.Publish(ctx, h)
		_ = s.Drop(ctx, h)
		if len(calls) < 9 {
			t.Errorf("%s: only %q", key, calls)
		}
		for _, c := range calls {
			if !strings.HasPrefix(c, want+" ") {
				t.Errorf("%s: %s, want the handle %s", key, c, want)
			}
		}
	}
	if perfolder.New(rest, nil) != rest {
		t.Error("a store without folders is not the rest itself")
	}
}
