package s3store_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
)

// TestArchivedObjects: listings and HEAD name the class of each object and the status of its restore, from which it follows whether a
// read is refused. Each answer of S3 to a request to restore is recognised.
func TestArchivedObjects(t *testing.T) {
	a := &objstoretest.Archive{}
	gw := objstoretest.StartVersityGW(t)
	gw.MakeBucket(t, "lake")
	a.Before(t, gw).Setenv(t)
	s := open(t, s3store.Config{Bucket: "lake", Prefix: "logs"})
	classes := map[string]string{"glacier": objstore.ClassGlacier, "deep +%": objstore.ClassDeepArchive, "tiering": objstore.ClassIntelligentTiering, "instant": "GLACIER_IR", "standard": ""}
	for key, class := range classes {
		if _, err := s.Put(t.Context(), key, strings.NewReader("x"), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if class != "" {
			a.Move("lake/logs/"+key, class)
		}
	}
	type object struct {
		Class    string
		Restore  *objstore.RestoreStatus
		Archived bool // by what a listing says
		Refused  bool // by a read
	}
	look := func() map[string]object {
		out := map[string]object{}
		for name, list := range map[string]func(fn func(objstore.Object) error) error{
			"list":  func(fn func(objstore.Object) error) error { return s.List(t.Context(), objstore.ListOptions{}, fn) },
			"level": func(fn func(objstore.Object) error) error { _, err := s.Level(t.Context(), "", fn); return err },
		} {
			if err := list(func(o objstore.Object) error {
				r, _, err := s.Get(t.Context(), o.Key, objstore.GetOptions{ETag: o.ETag})
				if err == nil {
					_, err = io.Copy(io.Discard, r)
					r.Close()
				}
				if err != nil && !errors.Is(err, objstore.ErrArchived) {
					t.Errorf("read %s: %v", o.Key, err)
				}
				got := object{o.StorageClass, o.Restore, o.Archived(), err != nil}
				if was, ok := out[o.Key]; ok {
					if d := cmp.Diff(was, got); d != "" {
						t.Errorf("%s of %s: %s", name, o.Key, d)
					}
				}
				out[o.Key] = got
				head, err := s.Head(t.Context(), o.Key)
				if d := cmp.Diff(o, head); err != nil || d != "" {
					t.Errorf("head of %s, %v (-%s +head):\n%s", o.Key, err, name, d)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	want := map[string]object{"glacier": {objstore.ClassGlacier, nil, true, true}, "deep +%": {objstore.ClassDeepArchive, nil, true, true},
		"tiering": {objstore.ClassIntelligentTiering, nil, false, true}, "instant": {"GLACIER_IR", nil, false, false}, "standard": {"", nil, false, false}}
	if d := cmp.Diff(want, look()); d != "" {
		t.Errorf("at first (-want +got):\n%s", d)
	}

	ask := func(key, tier string, days int) objstore.RestoreAnswer {
		t.Helper()
		answer, err := s.Restore(t.Context(), key, objstore.RestoreOptions{Tier: tier, Days: days})
		if err != nil {
			t.Error(err)
		}
		return answer
	}
	for _, c := range []struct {
		key, tier string
		days      int
		want      objstore.RestoreAnswer
	}{{"glacier", "Expedited", 2, objstore.RestoreStarted}, {"glacier", "Expedited", 2, objstore.RestoreInProgress}, {"deep +%", "Bulk", 2, objstore.RestoreStarted},
		{"tiering", "Standard", 0, objstore.RestoreStarted}, {"standard", "Standard", 2, objstore.RestoreDone}} {
		if got := ask(c.key, c.tier, c.days); got != c.want {
			t.Errorf("%+v: answer %d", c, got)
		}
	}
	during := &objstore.RestoreStatus{InProgress: true}
	want["glacier"], want["deep +%"], want["tiering"] = object{objstore.ClassGlacier, during, true, true}, object{objstore.ClassDeepArchive, during, true, true}, object{objstore.ClassIntelligentTiering, during, true, true}
	if d := cmp.Diff(want, look()); d != "" {
		t.Errorf("in progress (-want +got):\n%s", d)
	}

	expires := time.Date(2031, 4, 5, 0, 0, 0, 0, time.UTC)
	a.Finish(expires)
	done := &objstore.RestoreStatus{Expires: expires}
	want["glacier"], want["deep +%"], want["tiering"] = object{objstore.ClassGlacier, done, false, false}, object{objstore.ClassDeepArchive, done, false, false}, object{objstore.ClassIntelligentTiering, nil, false, false}
	if d := cmp.Diff(want, look()); d != "" {
		t.Errorf("restored (-want +got):\n%s", d)
	}
	if got := ask("glacier", "Standard", 5); got != objstore.RestoreDone {
		t.Errorf("asked once more: answer %d", got)
	}

	a.Move("lake/logs/glacier", objstore.ClassGlacier)
	_, _, err := s.Get(t.Context(), "glacier", objstore.GetOptions{})
	wantError(t, err, objstore.ErrArchived, "get s3://lake/logs/glacier", "InvalidObjectState", "etl backfill --restore Standard --days 3")
	a.Deny = true
	_, err = s.Restore(t.Context(), "glacier", objstore.RestoreOptions{Tier: "Standard", Days: 1})
	wantError(t, err, objstore.ErrDenied, "restore s3://lake/logs/glacier", "s3:RestoreObject")
}

// TestExpeditedIsFull: that S3 has no capacity is not the fault of the object or of the identity.
func TestExpeditedIsFull(t *testing.T) {
	serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		refuse(w, 503, "GlacierExpeditedRetrievalNotAvailable")
	})
	_, err := store(t, s3store.Config{RequestTries: 2}).Restore(t.Context(), "k", objstore.RestoreOptions{Tier: "Expedited", Days: 1})
	if err == nil || !strings.Contains(err.Error(), "Try: --restore Standard, or run again later") {
		t.Error(err)
	}
}
