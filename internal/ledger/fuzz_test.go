package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

// seedState gives the objects of a small job's state, for seeds: the entries that an ordinary run writes, its manifest and attempts.
func seedState(f testing.TB, part string) (texts [][]byte) {
	f.Helper()
	w := &world{state: memstore.New("mem://state"), lake: memstore.New("mem://lake"), staging: memstore.New("mem://staging"),
		partitions: map[string]bool{}, ever: map[string]string{}}
	w.stage("a", "d1 x\nd2 y\nq z\n")
	w.stage("b", "d1 v\n")
	p := w.proc(nil, nil)
	if err := p.run(context.Background()); err != nil {
		f.Fatal(err)
	}
	err := w.state.List(context.Background(), objstore.ListOptions{}, func(o objstore.Object) error {
		if !strings.Contains(o.Key, "/"+part+"/") {
			return nil
		}
		text, err := p.l.read(context.Background(), o.Key)
		texts = append(texts, text)
		return err
	})
	if err != nil || len(texts) == 0 {
		f.Fatalf("%d seeds of %s: %v", len(texts), part, err)
	}
	return texts
}

// refused holds an error of reading to what callers rely on.
func refused(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
		t.Errorf("neither damaged nor newer: %v", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("not one line: %q", err)
	}
}

// FuzzEntry: what is read as an entry is written and read again as an equal one; anything else is damaged or of a newer program.
func FuzzEntry(f *testing.F) {
	for _, text := range seedState(f, "ledger") {
		f.Add(text)
	}
	const id, sum = "01M89MC1EF6M07HNKCV4HSQB0M", "0000000000000000000000000000000000000000000000000000000000000000"
	for _, s := range []string{
		`{"v":1,"seq":3,"kind":"release","nonce":"` + id + `","run":"r","why":"rewind","moves":[{"batch":"` + id + `","base":2}],"done":[1]}`,
		`{"v":1,"seq":3,"kind":"skip","nonce":"` + id + `","run":"r","objects":[{"key":"k","etag":"e"}],"bound":{"prefix":"p","until":"2024-06-30T00:00:00.5+02:00"}}`,
		`{"v":1,"seq":3,"kind":"skip","nonce":"` + id + `","run":"r","bound":{"through_key":"k"}}`,
		`{"v":1,"seq":3,"kind":"pause","nonce":"` + id + `","run":"r","on":false}`,
		`{"v":1,"seq":3,"kind":"fence","nonce":"` + id + `","run":"r","moves":[{"batch":"` + id + `","base":2}]}`,
		`{"v":1,"seq":3,"kind":"commit","nonce":"` + id + `","run":"r","why":"replay","moves":[{"batch":"` + id + `","base":2}],"attempt":{"key":"k","sha256":"` + sum + `"}}`,
		`{"v":2}`, `{}`, `[]`, `{"v":1,"kind":"done"}`, `{"v":1,"kind":"done","Kind":"plan"}`, `{"v":1} {}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := DecodeEntry(data)
		if err != nil {
			refused(t, err)
			return
		}
		text := must(json.Marshal(&e))
		again, err := DecodeEntry(text)
		if err != nil {
			t.Fatalf("%s is not read again: %v", text, err)
		}
		if twice := must(json.Marshal(&again)); !bytes.Equal(text, twice) {
			t.Errorf("%s\nis read as\n%s", text, twice)
		}
	})
}

// FuzzManifest: what is read as a manifest is written and read again with the same objects in the same batches, and key is kept
// as it is or refused.
func FuzzManifest(f *testing.F) {
	for _, text := range seedState(f, "manifests") {
		f.Add(text, "a/b.log.gz")
	}
	for _, s := range []string{`{"v":1,"batches":[{"batch":"x","objects":[{"key":"k","etag":"e","size":1}]},{"objects":[{}]}]}`, `{"v":2}`, `{"v":1,"batches":[{"batch":`, `{"batches":[],"batches":[]}`} {
		f.Add([]byte(s), "\u2028<&>\x00\"")
	}
	f.Add([]byte(`{}`), "\xff")
	f.Fuzz(func(t *testing.T, data []byte, key string) {
		walk := func(text []byte) (*Manifest, error) {
			var out []ManifestBatch
			m, err := walkManifest(bytes.NewReader(text), func(batch string, o objstore.Object) error {
				if n := len(out); n == 0 || out[n-1].Batch != batch {
					out = append(out, ManifestBatch{Batch: batch})
				}
				out[len(out)-1].Objects = append(out[len(out)-1].Objects, o)
				return nil
			})
			if err == nil {
				m.Batches = out
			}
			return m, err
		}
		m, err := walk(data)
		if err != nil {
			refused(t, err)
			m = &Manifest{V: Version, ID: "01M89MC1EF6M07HNKCV4HSQB0M"}
		}
		m.Batches = append(m.Batches, ManifestBatch{Batch: "01M89MC1EF6M07HNKCVA0MEGAS", Objects: []objstore.Object{{Key: key, ETag: "e"}}})
		if err := m.validate(); err != nil {
			if utf8.ValidString(key) && key != "" && len(m.Batches) == 1 && isULID(m.ID) {
				t.Errorf("%q is refused: %v", key, err)
			}
			return
		}
		var text bytes.Buffer
		if err := m.encode(&text); err != nil {
			t.Fatal(err)
		}
		again, err := walk(text.Bytes())
		if err != nil {
			t.Fatalf("%s is not read again: %v", text.Bytes(), err)
		}
		if a, b := must(json.Marshal(m)), must(json.Marshal(again)); !bytes.Equal(a, b) {
			t.Errorf("%s\nis read as\n%s", a, b)
		}
		objects := again.Batches[len(again.Batches)-1].Objects
		if got := objects[len(objects)-1].Key; got != key {
			t.Errorf("the key %q comes back as %q", key, got)
		}
	})
}

// FuzzAttempt: what is read as an attempt record is written and read again as an equal one, and no count of it is below 0.
func FuzzAttempt(f *testing.F) {
	for _, text := range seedState(f, "attempts") {
		f.Add(text)
	}
	for _, s := range []string{`{"v":1}`, `{"v":2}`, `{"v":1,"why":"compact","moves":[{"batch":"01M89MC1EF6M07HNKCV4HSQB0M","base":1}],"attempt":"01M89MC1EF6M07HNKCV4HSQB0M"}`} {
		f.Add([]byte(s))
	}
	l := must(Open(memstore.New("mem://state"), "job", Options{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := decodeAttempt(data)
		if err != nil {
			refused(t, err)
			return
		}
		if err := l.validate(a); err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		text := must(json.Marshal(a))
		again, err := decodeAttempt(text)
		if err != nil {
			t.Fatalf("%s is not read again: %v", text, err)
		}
		if err := l.validate(again); err != nil {
			t.Errorf("%s is refused when it is read again: %v", text, err)
		}
		if twice := must(json.Marshal(again)); !bytes.Equal(text, twice) || l.attemptKey(a) != l.attemptKey(again) {
			t.Errorf("%s\nis read as\n%s", text, twice)
		}
		if strings.Contains(l.attemptKey(a), "..") {
			t.Errorf("its key is %q", l.attemptKey(a))
		}
		sum := a.Totals
		for _, o := range a.Objects {
			if o.Read < 0 || o.Published < 0 || o.Filtered < 0 || o.Quarantined < 0 {
				t.Errorf("counts below 0: %+v", o)
			}
		}
		if (a.Why == WhyRun || a.Why == WhyReplace || a.Why == WhyReplay) && sum.Published+sum.Quarantined > sum.Read {
			t.Errorf("more came out than was read: %+v", sum)
		}
	})
}

// FuzzRunRecords: a lease, a run's start and its end may hold any bytes, and nothing fails because of them.
func FuzzRunRecords(f *testing.F) {
	for _, s := range []string{`{"v":1,"run":"01M89MC1EF6M07HNKCV4HSQB0M","nonce":"n","released":true}`, `{"v":1,"run":"r","state":"STOPPED","exit_code":5,"ended":"2024-06-30T00:00:00Z"}`, `{"v":`, ``, `null`} {
		f.Add([]byte(s))
	}
	const id = "01M89MC1EF6M07HNKCV4HSQB0M"
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, key := range []string{"job/leases/" + id + ".json", "job/runs/" + id + "/start.json", "job/runs/" + id + "/end.json"} {
			state := memstore.New("mem://state")
			for _, k := range []string{"job/runs/" + id + "/start.json", key} {
				text := []byte(`{"v":1,"run":"` + id + `"}`)
				if k == key {
					text = data
				}
				must(state.Put(t.Context(), k, bytes.NewReader(text), objstore.PutOptions{}))
			}
			l := must(Open(state, "job", Options{Run: "01M89MC1EF6M07HNKCVA0MEGAS", Tries: 2, RetryDelay: 1}))
			if runs, err := l.Runs(t.Context(), 0); err != nil {
				t.Error(err)
			} else if len(runs) != 1 {
				t.Errorf("%d runs", len(runs))
			}
			if _, err := l.Holders(t.Context()); err != nil {
				t.Error(err)
			}
			le, err := l.Lease(t.Context(), id)
			switch {
			case err == nil:
				if err := le.Release(t.Context()); err != nil {
					t.Error(err)
				}
			case !errors.Is(err, ErrHeld):
				t.Error(err)
			}
		}
	})
}

// TestBrokenOffIsNotDamaged: a store that breaks off while a manifest or a lease is read is an error of the store, which may pass,
// and says nothing of the ledger.
func TestBrokenOffIsNotDamaged(t *testing.T) {
	broken := objstore.Fail("get", "s3://state", "", errors.New("the connection broke"), "")
	for _, text := range seedState(t, "manifests") {
		for n := range text {
			in := io.MultiReader(bytes.NewReader(text[:n]), iotest.ErrReader(broken))
			if _, err := walkManifest(in, func(string, objstore.Object) error { return nil }); !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
				t.Fatalf("broken at byte %d: %v", n, err)
			}
		}
	}
}
