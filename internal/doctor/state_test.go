package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

func keys(t *testing.T, s objstore.Reader) (out []string) {
	t.Helper()
	if err := s.List(context.Background(), objstore.ListOptions{}, func(o objstore.Object) error { out = append(out, o.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// A store that keeps its promises passes all tests, and nothing stays in it.
func TestStateOfAGoodStore(t *testing.T) {
	s := memstore.New("mem")
	want := []Result{
		{OK, "state", "mem can be written", ""},
		{OK, "create-only writes", "the second create of a key is refused", ""},
		{OK, "conditional writes", "a write that should replace an old version is refused", ""},
		{OK, "create-only publishing", "a held file does not replace an existing object", ""},
		{OK, "dropped files", "a dropped file cannot be published", ""},
		{OK, "deleted files", "publishing again does not restore a deleted file (the store refused it)", ""},
	}
	if diff := cmp.Diff(want, tryState(context.Background(), s, "job/", "hold copies")); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	held, err := s.HeldList(context.Background(), "")
	if left := keys(t, s); len(left) > 0 || len(held) > 0 || err != nil {
		t.Errorf("%q and held files %v remain, %v", left, held, err)
	}
}

// odd is a store that breaks one promise.
type odd struct {
	*memstore.Store
	ignoreAbsent, ignoreMatch, publishAnything, publishDropped, restore bool
	denyDelete                                                          bool

	kept map[string][]byte
}

func (o *odd) Put(ctx context.Context, key string, r io.Reader, opts objstore.PutOptions) (objstore.Object, error) {
	if o.ignoreAbsent {
		opts.IfAbsent = false
	}
	if o.ignoreMatch {
		opts.IfMatch = ""
	}
	return o.Store.Put(ctx, key, r, opts)
}

func (o *odd) Hold(ctx context.Context, key string, r io.ReaderAt, n int64) (objstore.Held, error) {
	h, err := o.Store.Hold(ctx, key, r, n)
	text, _ := io.ReadAll(io.NewSectionReader(r, 0, n))
	if o.kept == nil {
		o.kept = map[string][]byte{}
	}
	o.kept[h.UploadID] = text
	return h, err
}

func (o *odd) Publish(ctx context.Context, h objstore.Held) error {
	err := o.Store.Publish(ctx, h)
	if errors.Is(err, objstore.ErrExists) && o.publishAnything || errors.Is(err, objstore.ErrNotHeld) && (o.publishDropped && strings.HasSuffix(h.Key, "-dropped") || o.restore && strings.HasSuffix(h.Key, "-published")) {
		_, err = o.Store.Put(ctx, h.Key, bytes.NewReader(o.kept[h.UploadID]), objstore.PutOptions{})
	}
	return err
}

func (o *odd) Delete(ctx context.Context, key string) error {
	if o.denyDelete {
		return objstore.Fail("delete", "odd", key, objstore.ErrDenied, "")
	}
	return o.Store.Delete(ctx, key)
}

// Each broken promise is one result that names it, and what the tests wrote is deleted even then.
func TestStateOfABrokenStore(t *testing.T) {
	for _, c := range []struct {
		name string
		s    *odd
		want string
	}{
		{"create-only is ignored", &odd{ignoreAbsent: true}, "FAIL create-only writes: the second create of a key succeeded. Try: use another store for state; the ledger is not safe in this one"},
		{"If-Match is ignored", &odd{ignoreMatch: true}, "FAIL conditional writes: a write that should replace an old version replaced the current one. Try: use another store for state; the ledger is not safe in this one"},
		{"publishing replaces", &odd{publishAnything: true}, "warn create-only publishing: a held file replaced an existing object; runs never do that, because each attempt has keys of its own. Try: hold copies"},
		{"a dropped file is published", &odd{publishDropped: true}, "FAIL dropped files: a dropped file could be published. Try: hold copies"},
		{"a deleted file is restored", &odd{restore: true}, "FAIL deleted files: publishing again restored a deleted file. Try: hold copies"},
		{"deletes are denied", &odd{denyDelete: true}, "warn cleaning up: job/doctor/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.s.Store = memstore.New("mem")
			got := show(tryState(context.Background(), c.s, "job/", "hold copies"))
			if !strings.Contains(got, c.want) {
				t.Errorf("%q is not among\n%s", c.want, got)
			}
			if left := keys(t, c.s); len(left) > 0 && !c.s.denyDelete {
				t.Errorf("%q remain", left)
			}
		})
	}
}

// A state that cannot be written is one failure, and a refusal that names KMS says which permissions it needs.
func TestStateDenied(t *testing.T) {
	s := memstore.New("mem")
	s.SetHooks(func(op, key string) error {
		if op == "put" {
			return fmt.Errorf("%w: AccessDenied: kms: not allowed", objstore.ErrDenied)
		}
		return nil
	}, nil)
	results := tryState(context.Background(), s, "job/", "hold copies")
	for i := range results {
		results[i].Detail = "" // the store's own text
	}
	want := []Result{{Fail, "state", "", "allow kms:GenerateDataKey and kms:Decrypt on the key, and in the key policy too if the key belongs to another account"}}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}
