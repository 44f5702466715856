package jobs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// TestObservablesInTheLake: a mapping that gains observables and timestamps grows the table of its job, and its files have both. The
// manifest says so, in a field that an etl without them does not know, and therefore refuses.
func TestObservablesInTheLake(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow))
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	if m := manifests(t, w.dir); len(m) != 1 || m[0].Fills != nil {
		t.Errorf("manifests %+v", m)
	}
	r := w.runner()
	files := maps.Clone(r.Mapping.Files)
	for name, text := range files {
		files[name] = strings.Replace(text, "-- class: network_activity\n", "-- class: network_activity\n-- observables: auto\n-- profiles: datetime\n", 1)
	}
	m, err := mappings.LoadFiles("network-firewall", files)
	if err != nil {
		t.Fatal(err)
	}
	r.Mapping = m
	w.put(key("b"), gz(netflow))
	sum, err := r.Run(context.Background(), jobs.RunOptions{Trigger: "ON_DEMAND"})
	if err != nil || sum.Records.Published != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	var got []string
	for _, row := range w.published() {
		list, _ := row["observables"].([]any)
		for _, o := range list {
			o := o.(map[string]any)
			got = append(got, fmt.Sprintf("%v %v %v %v", o["name"], o["type_id"], o["type"], o["value"]))
		}
		if (list != nil) != (row["time_dt"] != nil) {
			t.Errorf("time_dt is %v, and the observables are %v", row["time_dt"], list)
		}
	}
	want := []string{"src_endpoint.ip 2 IP Address 45.129.33.153", "dst_endpoint.ip 2 IP Address 172.31.16.139", "src_endpoint 20 Endpoint <nil>", "dst_endpoint 20 Endpoint <nil>"}
	if !slices.Equal(got, want) {
		t.Errorf("observables %v", got)
	}
	all := manifests(t, w.dir)
	if len(all) != 2 || !slices.ContainsFunc(all, func(m ledger.Manifest) bool { return slices.Equal(m.Fills, []string{"observables", "timestamps"}) }) {
		t.Errorf("manifests %+v", all)
	}
}

func manifests(t *testing.T, dir string) (all []ledger.Manifest) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "state/test/manifests/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var m ledger.Manifest
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}
