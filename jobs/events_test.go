package jobs_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/decode/archive/archivetest"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/internal/runs"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// splitting is a mapping whose documents have a list of events.
type splitting struct {
	mapping  *mappings.Mapping
	compiled *sqlgen.Compiled
}

// splitMappings are the shipped mapping and the corrected one, for documents with a list of events.
var splitMappings = sync.OnceValue(func() (out [2]splitting) {
	shipped, _ := testMapping()
	fixed, _ := corrected()
	for i, m := range []*mappings.Mapping{shipped, fixed} {
		files := maps.Clone(m.Files)
		files["raw.sql"] = "-- events: event\n" + files["raw.sql"]
		n, err := mappings.LoadFiles(m.Name, files)
		if err != nil {
			panic(err)
		}
		compiled, err := compilePlan(context.Background(), n)
		if err != nil {
			panic(err)
		}
		out[i] = splitting{n, compiled}
	}
	return out
})

func (s splitting) in(r *jobs.Runner) *jobs.Runner {
	r.Mapping, r.Compile = s.mapping, func(context.Context, *mappings.Mapping) (*sqlgen.Compiled, error) { return s.compiled, nil }
	return r
}

// document has the events of several records in one list.
func document(records ...string) string {
	head, _, _ := strings.Cut(records[0], `"event":`)
	var events []string
	for _, r := range records {
		if _, e, ok := strings.Cut(r, `"event":`); ok {
			r = strings.TrimSuffix(strings.TrimSpace(e), "}")
		}
		events = append(events, r)
	}
	return head + `"event":[` + strings.Join(events, ",") + "]}"
}

// splitJob stages four objects in two batches: seven documents of eleven records.
func (p *parts) splitJob() (before, after wanted, err error) {
	empty := strings.Replace(document(flow(0, 0)), `"event":[`, `"event":[], "was":[`, 1)
	objects := map[string][]byte{
		key("a"): gz(document(flow(1, 0), kindOf(2, 0, "dns"), `{"broken"}`, flow(3, 1)), document(flow(4, 0))),
		key("b"): gz(empty, document(kindOf(5, 1, "dns"), kindOf(6, 0, "other")), "text"),
		key("c"): gz(document(flow(7, 1), flow(8, 0))),
		key("d"): gz(document(flow(9, 1)))[:60],
	}
	for k, data := range objects {
		if err := p.put(k, data); err != nil {
			return before, after, err
		}
	}
	p.spec.Limits.BatchBytes = int64(len(objects[key("a")]) + len(objects[key("b")]))
	at := func(name string, record int) string { return fmt.Sprintf("%s@%d", key(name), record) }
	before = wanted{rows: map[string]int{row(1, 0): 1, row(3, 1): 1, row(4, 0): 1, row(7, 1): 1, row(8, 0): 1},
		quarantined: map[string]int{at("a", 2): 1, at("a", 3): 1, at("b", 1): 1, at("b", 2): 1, at("b", 3): 1, at("b", 4): 1, at("d", 0): 1}}
	after = wanted{rows: maps.Clone(before.rows), quarantined: map[string]int{at("a", 3): 1, at("b", 1): 1, at("b", 3): 1, at("b", 4): 1, at("d", 0): 1}}
	after.rows[row(2, 0)], after.rows[row(5, 1)] = 1, 1
	return before, after, nil
}

// TestEventsOfDocuments: counts are of events, with the documents next to them; a bad event is in quarantine alone, and a replay brings back
// that event only.
func TestEventsOfDocuments(t *testing.T) {
	p := newMemParts(t, 1)
	before, after, err := p.splitJob()
	if err != nil {
		t.Fatal(err)
	}
	sum, err := splitMappings()[0].in(p.runner()).Run(t.Context(), jobs.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := report.RecordCounts{Read: 11, Published: 5, Quarantined: 6, Documents: 6}
	if diff := cmp.Diff(want, sum.Records); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p.check(t, "after the run", before)
	said := new(strings.Builder)
	sum.WriteText(said)
	if text := "records     11 read from 6 documents = 5 published + 0 filtered + 6 quarantined\n"; !strings.Contains(said.String(), text) {
		t.Errorf("the summary is\n%s", said)
	}
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := runs.Find(t.Context(), l, sum.Run)
	if err != nil {
		t.Fatal(err)
	}
	said.Reset()
	shown.WriteText(said, "test")
	for _, text := range []string{key("a") + " (5 read from 2 documents = 3 published + 0 filtered + 2 quarantined)\n", "  records 9 read from 5 documents = ", key("d") + " (0 read = "} {
		if !strings.Contains(said.String(), text) {
			t.Errorf("etl runs show does not say %q:\n%s", text, said)
		}
	}
	if m := p.manifest(t); !slices.Equal(m.Events, []string{"event"}) {
		t.Errorf("the manifest has %q: an older version of etl would not refuse it", m.Events)
	}
	for _, r := range p.rowsInQuarantine(t) {
		if r.Object == key("a") && r.Record == 2 && (!strings.Contains(string(r.Raw), `"flow_id":2,`) || strings.Contains(string(r.Raw), `"flow_id":1,`) || !bytes.Contains(r.Raw, []byte(`"firewall_name":`))) {
			t.Errorf("raw is %s", r.Raw)
		}
	}
	sum, err = splitMappings()[1].in(p.runner()).Replay(t.Context(), jobs.ReplayOptions{})
	if err != nil || sum.Records.Published != 2 {
		t.Errorf("replay: %v %+v", err, sum.Records)
	}
	p.check(t, "after the replay", after)
	if c := p.counts(t); c != (ledger.Counts{Read: 11, Published: 7, Quarantined: 4}) {
		t.Errorf("the ledger counts %+v", c)
	}
	if sum, err := splitMappings()[1].in(p.runner()).Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Records.Read != 0 {
		t.Errorf("the next run: %v %+v", err, sum.Records)
	}
}

// TestEventsFaults: whatever operation of a run and of a replay goes wrong, every event is delivered once.
func TestEventsFaults(t *testing.T) {
	for how, every := range map[fault]int{faultLost: 17, faultDead: 11, faultDeadAfter: 19} {
		t.Run(string(how), func(t *testing.T) {
			for at := 3; ; at += soaking(every, 1) {
				p := newMemParts(t, 1)
				before, after, err := p.splitJob()
				if err != nil {
					t.Fatal(err)
				}
				hit := false
				for i, want := range []wanted{before, after} {
					f := &injector{at: at, how: how}
					do := func(r *jobs.Runner) error {
						if i == 0 {
							_, err := splitMappings()[i].in(r).Run(t.Context(), jobs.RunOptions{})
							return err
						}
						_, err := splitMappings()[i].in(r).Replay(t.Context(), jobs.ReplayOptions{})
						return err
					}
					_ = do(p.faulty(f)) // it fails, or its fault was harmless
					again := p.runner()
					if how.dead() {
						again = p.afterwards()
					}
					if err := do(again); err != nil {
						t.Fatalf("operation %d (%s): %v", at, f.hit(), err)
					}
					p.check(t, fmt.Sprintf("%d, operation %d (%s)", i, at, f.hit()), want)
					hit = hit || f.hit() != ""
				}
				if !hit {
					if at < 40 {
						t.Errorf("the sweep ended after %d operations", at)
					}
					return
				}
			}
		})
	}
}

// TestEventsOfMembers: a member that cannot be read to its end takes its documents with it, and hidden events are found in staging again.
func TestEventsOfMembers(t *testing.T) {
	w := newStoreWorld(t, false, map[string]string{"authentication.sql": strings.ReplaceAll(archiveSelect, "who AS", "ev.who AS"),
		"raw.sql": "-- events: ev\n-- discard: token\nCREATE TABLE raw (ts TIMESTAMP, kind VARCHAR, token VARCHAR, ev STRUCT(who VARCHAR));"})
	w.files["authentication.sql"] = strings.Replace(w.files["authentication.sql"], "kind = 'login'", "kind = 'login' AND ev.who <> 'bob'", 1)
	w.spec.Source.Include = nil
	w.spec.Limits.MaxQuarantineRatio, w.spec.Limits.MaxUnmatchedRatio, w.spec.Limits.MaxBrokenRatio = 1, 1, 1
	login := `{"ts":"2024-01-01T00:00:00Z","kind":"login","token":"t","ev":[{"who":"ada"},{"who":"bob"},{"who":"eve"}]}` + "\n"
	cut := gz(strings.Repeat(login, 20_000)) // longer than what is unpacked at once, so that some are read before the end is missing
	w.put(hideKey+"1.zip", archivetest.Zip(t, member{"a", login}, member{"b", string(cut[:len(cut)-6])}, member{"c", login}))
	sum, err := w.runner("members").Run(t.Context(), jobs.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report.RecordCounts{Read: 6, Published: 4, Quarantined: 2, Documents: 2}, sum.Records); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	places := func() (all []string) {
		for _, r := range w.quarantined() {
			if len(r.Raw)+len(r.Context) > 0 {
				t.Errorf("%s has %d bytes", r.Place(), len(r.Raw))
			}
			all = append(all, r.Place()+": "+r.Reason)
		}
		slices.Sort(all)
		return all
	}
	if diff := cmp.Diff([]string{"member a, record 2: NO_PROJECTION", "member b: MEMBER_UNREADABLE", "member c, record 2: NO_PROJECTION"}, places()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.files["authentication.sql"] = strings.Replace(w.files["authentication.sql"], " AND ev.who <> 'bob'", "", 1)
	if sum, err := w.runner("members").Replay(t.Context(), jobs.ReplayOptions{}); err != nil || sum.Records.Published != 2 {
		t.Errorf("%v %+v", err, sum.Records)
	}
	var users []string
	for _, row := range w.published() {
		users = append(users, fmt.Sprint(row["user"].(map[string]any)["name"]))
	}
	slices.Sort(users)
	if diff := cmp.Diff([]string{"ada", "ada", "bob", "bob", "eve", "eve"}, users); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
