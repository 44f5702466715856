package s3store_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
)

const copyID = "00112233445566778899aabbccddeeff"

// TestPublishCopyAnswers: what a server may answer when a held copy is published.
func TestPublishCopyAnswers(t *testing.T) {
	held := objstore.Held{Key: "k", UploadID: copyID, Copy: true, SizeBytes: 7}
	type head struct {
		mark string
		size int
	}
	for name, c := range map[string]struct {
		heads   []*head // what is there, asked in turn; nil: nothing
		copies  []int   // the answers to copying
		deletes int     // the answer to deleting the held copy; 0: it is not asked for
		want    error
	}{
		"published":                     {heads: []*head{nil}, copies: []int{200}, deletes: 204},
		"no conditional copies":         {heads: []*head{nil}, copies: []int{501, 200}, deletes: 204},
		"our own, its answer lost":      {heads: []*head{{copyID, 7}}, deletes: 204},
		"our own, by another publisher": {heads: []*head{nil, {copyID, 7}}, copies: []int{412}, deletes: 204},
		"another one":                   {heads: []*head{{"", 7}}, want: objstore.ErrExists},
		"another one, in the last moment": {heads: []*head{nil, {"ff", 7}}, copies: []int{412},
			want: objstore.ErrExists},
		"dropped":                         {heads: []*head{nil}, copies: []int{404}, want: objstore.ErrNotHeld},
		"copying is refused":              {heads: []*head{nil}, copies: []int{403}, want: objstore.ErrDenied},
		"deleting is refused: no trouble": {heads: []*head{nil}, copies: []int{200}, deletes: 403},
		"an error in an answer of 200":    {heads: []*head{nil}, copies: []int{0, 200}, deletes: 204},
	} {
		t.Run(name, func(t *testing.T) {
			heads, copies, deletes := 0, 0, 0
			serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
				switch r.Method {
				case http.MethodHead:
					h := c.heads[heads]
					heads++
					if h == nil {
						w.WriteHeader(404)
						return
					}
					w.Header().Set("X-Amz-Meta-Silt-Held", h.mark)
					w.Header().Set("Content-Length", strconv.Itoa(h.size))
				case http.MethodPut:
					if from := r.Header.Get("X-Amz-Copy-Source"); from != "lake/.silt/held/"+copyID+"/k" {
						t.Errorf("copied from %q", from)
					}
					if (r.Header.Get("If-None-Match") == "*") != (copies == 0 || c.copies[0] != 501) {
						t.Errorf("copy %d has If-None-Match %q", copies, r.Header.Get("If-None-Match"))
					}
					status := c.copies[copies]
					copies++
					switch status {
					case 0:
						fmt.Fprint(w, `<Error><Code>InternalError</Code><Message>again</Message></Error>`)
					case 200:
						fmt.Fprint(w, `<CopyObjectResult><ETag>"x"</ETag></CopyObjectResult>`)
					default:
						refuse(w, status, map[int]string{404: "NoSuchKey", 403: "AccessDenied", 412: "PreconditionFailed", 501: "NotImplemented"}[status])
					}
				case http.MethodDelete:
					deletes++
					if c.deletes == 403 {
						refuse(w, 403, "AccessDenied")
						return
					}
					w.WriteHeader(c.deletes)
				}
			})
			err := store(t, s3store.Config{}).Publish(t.Context(), held)
			if c.want != nil {
				wantError(t, err, c.want)
			} else if err != nil {
				t.Error(err)
			}
			if heads != len(c.heads) || copies != len(c.copies) || (deletes > 0) != (c.deletes > 0) {
				t.Errorf("%d heads, %d copies, %d deletes", heads, copies, deletes)
			}
		})
	}
}

// TestHeldSaysHow: a file is published and dropped as it was held, also by a store that now holds the other way.
func TestHeldSaysHow(t *testing.T) {
	gw := objstoretest.StartVersityGW(t)
	gw.Setenv(t)
	gw.MakeBucket(t, "lake")
	uploads, copies := open(t, s3store.Config{Bucket: "lake"}), open(t, s3store.Config{Bucket: "lake", HoldCopies: true})
	for i, by := range []struct{ hold, other *s3store.Store }{{uploads, copies}, {copies, uploads}} {
		key := fmt.Sprintf("ext/%d", i)
		h, err := by.hold.Hold(t.Context(), key, bytes.NewReader([]byte("x")), 1)
		if err != nil || h.Copy != (by.hold == copies) {
			t.Fatal(err, h)
		}
		if err := by.other.Publish(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		if _, err := uploads.Head(t.Context(), key); err != nil {
			t.Error(err)
		}
		h, err = by.hold.Hold(t.Context(), key+"-dropped", bytes.NewReader([]byte("x")), 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := by.other.Drop(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		wantError(t, by.hold.Publish(t.Context(), h), objstore.ErrNotHeld)
	}
	if err := uploads.Drop(t.Context(), objstore.Held{Key: "ext/0", UploadID: "../../../ext/0", Copy: true}); err != nil {
		t.Error(err)
	}
	if _, err := uploads.Head(t.Context(), "ext/0"); err != nil {
		t.Errorf("an id that is none took an object away: %v", err)
	}
}
