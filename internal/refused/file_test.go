package refused_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/refused"
)

// TestBounds: a file has some records of each reason and true counts, however many records a batch has. Of hidden records it has only
// where they are, and why they were rejected. Good records that wait for something else are not in it.
func TestBounds(t *testing.T) {
	dir := t.TempDir()
	state, err := dirstore.Open(dirstore.Config{Root: filepath.Join(dir, "state"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("secret")
	wide := bytes.Repeat(secret, 20_000)
	for _, hide := range []bool{false, true} {
		from, err := os.Create(filepath.Join(dir, fmt.Sprint("quarantine-", hide)))
		if err != nil {
			t.Fatal(err)
		}
		w, err := quarantine.NewWriter(from, quarantine.Has{})
		if err != nil {
			t.Fatal(err)
		}
		add := func(r quarantine.Row) {
			if err := w.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3000 {
			add(quarantine.Row{Object: fmt.Sprintf("%d.log", i/1000), Record: int64(i%1000 + 1), Reason: "A", Message: "secret", Raw: secret})
		}
		for i := range 300 {
			add(quarantine.Row{Object: "3.log", Record: int64(i + 1), Reason: "B", Path: fmt.Sprint("p", i%2), Raw: wide, Context: secret})
		}
		add(quarantine.Row{Object: "3.log", Record: 301, Reason: "WAITS", Raw: secret})
		add(quarantine.Row{Object: "4.log", Reason: "C"})
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := refused.Put(t.Context(), state, refused.Options{Job: "j", TempDir: dir, LeaveOut: "WAITS", Hide: hide}, refused.Batch{Batch: "B1", Run: "R1", Read: 5000}, from); err != nil {
			t.Fatal(err)
		}
		files, err := refused.List(t.Context(), state, "j")
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, %v", files, err)
		}
		rows, size, found := map[string]int{}, 0, false
		b, err := files[0].Read(t.Context(), state, dir, func(r quarantine.Row) error {
			rows[r.Reason]++
			size += len(r.Raw)
			found = found || bytes.Contains(r.Raw, secret) || bytes.Contains(r.Context, secret) || r.Message == "secret"
			if r.Reason == "B" && !hide && (!r.Cut() || r.Length != int64(len(wide)) || len(r.Raw) != 64<<10) {
				t.Errorf("record %d: %d bytes of %d", r.Record, len(r.Raw), r.Length)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		message, want := "secret", map[string]int{"A": 100, "B": 127, "C": 1}
		if hide {
			message, want["B"] = "", 200
		}
		if diff := cmp.Diff(want, rows); diff != "" || size > 8<<20 || found == hide {
			t.Errorf("hide %v: %d bytes, found %v, rows (-want +got):\n%s", hide, size, found, diff)
		}
		groups := []quarantine.Group{{Reason: "A", Records: 3000, Objects: 3, Message: message, Object: "0.log", Record: 1}, {Reason: "B", Path: "p0", Records: 150, Objects: 1, Object: "3.log", Record: 1},
			{Reason: "B", Path: "p1", Records: 150, Objects: 1, Object: "3.log", Record: 2}, {Reason: "C", Objects: 1, Object: "4.log"}}
		if diff := cmp.Diff(groups, b.Groups); diff != "" || b.Records != 3300 || b.Read != 5000 || b.Run != "R1" {
			t.Errorf("hide %v: %+v (-want +got):\n%s", hide, b, diff)
		}
		data, err := os.ReadFile(filepath.Join(dir, "state", files[0].Key))
		if err != nil || hide && bytes.Contains(data, secret) {
			t.Errorf("hide %v: the file has the secret, or %v", hide, err)
		}
	}
}
