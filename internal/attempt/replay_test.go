package attempt

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/quarantine"
)

func newTestReplay(t *testing.T, rows ...quarantine.Row) *Replay {
	t.Helper()
	r, err := NewReplay(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	for _, row := range rows {
		if err := r.Add(row, row.Message != "kept"); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *Replay) asObjects() (out []Object) {
	for _, o := range r.Objects() {
		out = append(out, Object{Object: o})
	}
	return out
}

func rec(object string, n int64, raw string) quarantine.Row {
	return quarantine.Row{Object: object, ETag: "e", Record: n, Reason: "R", Raw: []byte(raw)}
}

// TestReplayOrder: however the rows of objects are mixed, each object's records come ascending, to the byte, as often as asked.
func TestReplayOrder(t *testing.T) {
	kept := rec("a", 5, "kept")
	kept.Message = "kept"
	empty := rec("b", 9, "") // an array that was not closed has no bytes: nothing to run
	whole := quarantine.Row{Object: "c", ETag: "e", Reason: "OBJECT_DENIED", Message: "denied"}
	r := newTestReplay(t, rec("a", 2, "two\nlines\n"), rec("a", 7, "seven"), rec("b", 1, "b1"), rec("a", 1, "one"), rec("a", 3, strings.Repeat("x", 200<<10)),
		rec("a", 8, "eight"), kept, empty, whole, rec("a", 4, "four"))
	if err := r.ready(r.asObjects()); err != nil {
		t.Fatal(err)
	}
	if r.Chosen() != 8 || r.Records() != 9 || len(r.Objects()) != 3 {
		t.Errorf("%d chosen, %d records, %d objects", r.Chosen(), r.Records(), len(r.Objects()))
	}
	for range 2 {
		var got []string
		for i := range 2 {
			f := r.records(i)
			for {
				n, raw, _, err := f.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%d:%d:%.10q", i, n, raw))
			}
		}
		if s := strings.Join(got, " "); s != `0:1:"one" 0:2:"two\nlines\n" 0:3:"xxxxxxxxxx" 0:4:"four" 0:7:"seven" 0:8:"eight" 1:1:"b1"` {
			t.Error(s)
		}
	}
	if r.records(2) != nil || r.whole(2) == nil || r.whole(0) != nil {
		t.Error("the object in quarantine as a whole is not read from staging")
	}
	var left []string
	err := r.eachKept(context.Background(), func(row quarantine.Row) error {
		left = append(left, fmt.Sprintf("%s@%d %s", row.Object, row.Record, row.Raw))
		return nil
	})
	if err != nil || strings.Join(left, ", ") != "a@5 kept, b@9 " {
		t.Errorf("kept %q, %v", left, err)
	}
}

// TestReplayOfNonsense: a quarantine that would publish a record twice is refused.
func TestReplayOfNonsense(t *testing.T) {
	r := newTestReplay(t, rec("a", 2, "x"), rec("b", 1, "x"), rec("a", 2, "x"))
	if err := r.ready(r.asObjects()); err != nil {
		t.Fatal(err)
	}
	f := r.records(0)
	if _, _, _, err := f.Next(); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := f.Next(); err == nil || err == io.EOF {
		t.Errorf("the second record 2: %v", err)
	}
	r = newTestReplay(t, rec("a", 2, "x"), quarantine.Row{Object: "a", ETag: "e", Reason: "OBJECT_DENIED"})
	if err := r.ready(r.asObjects()); err == nil {
		t.Error("an object as a whole and by record is taken")
	}
	r = newTestReplay(t, rec("a", 2, "x"), rec("b", 2, "x"))
	objects := r.asObjects()
	objects[0], objects[1] = objects[1], objects[0]
	if err := r.ready(objects); err == nil {
		t.Error("objects in another order are taken")
	}
}
