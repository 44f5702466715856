package jobs_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/ledger/keptlookups"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// appsMapping writes the mapping of Network Firewall with a lookup that names its applications.
func appsMapping(t *testing.T, dir, app string) *mappings.Mapping {
	t.Helper()
	shipped, err := mappings.Load("network-firewall")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"lookups/firewalls.csv": "firewall,app\nfirewall," + app + "\n"}
	for name, text := range shipped.Files {
		if name == mappings.LibraryFile {
			continue
		}
		if name == "raw.sql" {
			text = "-- lookup: firewalls by equal firewall\n" + text
		}
		files[name] = strings.Replace(text, "firewall_name AS app_name", "lookup('firewalls', firewall_name).app AS app_name", 1)
	}
	for name, text := range files {
		at := filepath.Join(dir, "network-firewall", name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := mappings.Load(filepath.Join(dir, "network-firewall"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestResumeKeepsTheLookup: a plan that a run left is finished with the table that it was planned with, although the file has changed.
func TestResumeKeepsTheLookup(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := w.runner()
	r.Mapping = appsMapping(t, w.dir, "first")
	r.Staging = racing{r.Staging.(objstore.Bucket), func(string) { cancel() }}
	if sum, err := r.Run(ctx, jobs.RunOptions{}); !errors.Is(err, jobs.ErrStopped) || sum.State != "STOPPED" {
		t.Fatalf("%v, %s", err, sum.State)
	}
	planned := r.Mapping.Lookups[0].SHA256
	w.put(key("b"), gz(netflow))
	r = w.runner()
	r.Mapping = appsMapping(t, w.dir, "second")
	if sum, err := r.Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Resumed != 1 || sum.Records.Published != 2 {
		t.Fatalf("%v, %+v", err, sum)
	}
	names := map[any]int{}
	for _, row := range w.published() {
		names[row["app_name"]]++
	}
	if diff := cmp.Diff(map[any]int{"first": 1, "second": 1}, names); diff != "" {
		t.Error(diff)
	}
	for _, sum := range []string{planned, r.Mapping.Lookups[0].SHA256} {
		if _, err := os.Stat(filepath.Join(w.dir, "state", "test", "lookups", sum)); err != nil {
			t.Error(err)
		}
	}
}

// TestLostLookup: without the kept file, a resumed batch fails with a message that says what to try, and the others are loaded.
func TestLostLookup(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"gone":    os.Remove,
		"damaged": func(path string) error { return os.WriteFile(path, []byte("firewall,app\nfirewall,evil\n"), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put(key("a"), gz(netflow))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := w.runner()
			r.Mapping = appsMapping(t, w.dir, "first")
			r.Staging = racing{r.Staging.(objstore.Bucket), func(string) { cancel() }}
			if _, err := r.Run(ctx, jobs.RunOptions{}); !errors.Is(err, jobs.ErrStopped) {
				t.Fatal(err)
			}
			if err := spoil(filepath.Join(w.dir, "state", "test", "lookups", r.Mapping.Lookups[0].SHA256)); err != nil {
				t.Fatal(err)
			}
			w.put(key("b"), gz(netflow))
			r = w.runner()
			r.Mapping = appsMapping(t, w.dir, "second")
			_, err := r.Run(t.Context(), jobs.RunOptions{})
			if err == nil || !strings.Contains(err.Error(), "lookup firewalls: plan:firewalls.csv: ") || !strings.Contains(err.Error(), "Try: plan the work again with etl run --replan") {
				t.Error(err)
			}
			r = w.runner()
			r.Mapping = appsMapping(t, w.dir, "second")
			if sum, err := r.Run(t.Context(), jobs.RunOptions{Replan: true}); err != nil {
				t.Errorf("%v, %+v", err, sum)
			}
			names := map[any]int{}
			for _, row := range w.published() {
				names[row["app_name"]]++
			}
			if diff := cmp.Diff(map[any]int{"second": 2}, names); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLookupsOfManifests: a replace with a new table writes a manifest that names it, and retention deletes only files of lookups that no
// manifest names and that are not young.
func TestLookupsOfManifests(t *testing.T) {
	bothStores(t, func(t *testing.T, p *parts) {
		if _, _, err := p.replaceJob(t.Context()); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		var sums []string
		replace := func(app string) {
			t.Helper()
			r := p.deleting()
			r.Mapping = appsMapping(t, dir, app)
			sums = append(sums, r.Mapping.Lookups[0].SHA256)
			if sum, err := r.Backfill(t.Context(), october()); err != nil || sum.Replaced == 0 {
				t.Fatalf("%v, %+v", err, sum)
			}
		}
		replace("first")
		replace("second")
		if n := p.count(t, "lookups"); n != 2 {
			t.Errorf("%d lookups are kept, want 2", n)
		}
		named, err := keptlookups.Named(t.Context(), p.state, p.spec.Name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]bool{sums[0]: true, sums[1]: true}, named); diff != "" {
			t.Errorf("named by manifests: %s", diff)
		}
		stray := keptlookups.File{SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Open: openEmpty}
		if err := keptlookups.Put(t.Context(), p.state, p.spec.Name, stray); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			age       int
			dry       bool
			out, left int
		}{{6, false, 0, 3}, {8, true, 1, 3}, {8, false, 1, 2}, {800, false, 0, 2}} {
			got, err := p.aged(day*time.Duration(c.age)).Retain(t.Context(), c.dry)
			if err != nil {
				t.Fatal(err)
			}
			if got.Lookups.Files != c.out || p.count(t, "lookups") != c.left {
				t.Errorf("after %d days, dry %t: %d deleted, %d left", c.age, c.dry, got.Lookups.Files, p.count(t, "lookups"))
			}
		}
	})
}

// TestPlanNamesLookups: the manifest of a plan names its lookups, and a manifest of a mapping without any is as it was.
func TestPlanNamesLookups(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow))
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	w.put(key("b"), gz(netflow))
	r := w.runner()
	r.Mapping = appsMapping(t, w.dir, "first")
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "state", "test", "manifests", "*"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	var with int
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"lookups":[{"name":"firewalls","file":"firewalls.csv","sha256":"`+r.Mapping.Lookups[0].SHA256+`","size":28}]`) {
			with++
		} else if strings.Contains(string(text), `"lookups"`) {
			t.Errorf("%s", text)
		}
	}
	if with != 1 {
		t.Errorf("%d manifests name the lookup, want 1", with)
	}
}

func openEmpty(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("")), nil
}
