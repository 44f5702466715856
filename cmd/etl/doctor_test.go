package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
)

// etl doctor names what a dead run left in a folder, and --fix repairs it once; files that did not come from the job are reported
// and stay.
func TestDoctorFix(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	writeText(t, "staging/a.log", `{"firewall_name":"f","event_timestamp":"1601587565","event":{"timestamp":"2020-10-01T21:26:05.007+0000","flow_id":1,"event_type":"netflow","src_ip":"10.0.0.1","src_port":1,"dest_ip":"10.0.0.9","dest_port":2,"proto":"TCP"}}`+"\n")
	writeText(t, "job.yaml", "name: nfw\nsource: {staging: ./staging}\nmapping: network-firewall\n"+
		"lake: {location: ./lake, source_name: nfw, region: us-east-1, account_id: \"111122223333\"}\nlimits: {memory: 512MiB, max_quarantine_ratio: 1}\n")
	doctor := func(code int, args ...string) string {
		t.Helper()
		out, errs, got := etl(t, append([]string{"doctor", "job.yaml"}, args...)...)
		if got != code || errs != "" {
			t.Fatalf("doctor %q: code %d, %q\n%s", args, got, errs, out)
		}
		return out
	}
	has := func(out string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%q is not in\n%s", w, out)
			}
		}
	}
	has(doctor(0), "ok   ledger: the job has not run yet\n")
	has(doctor(0, "--fix"), "ok   ledger: the job has not run yet\n")
	if out, errs, code := etl(t, "run", "job.yaml"); code != 0 {
		t.Fatalf("run: %d\n%s\n%s", code, out, errs)
	}
	has(doctor(0), "ok   live files: 1 file in the ledger, 0 missing in the lake\n")

	ctx := context.Background()
	store, err := dirstore.Open(dirstore.Config{Root: "lake", HideSilt: true})
	if err != nil {
		t.Fatal(err)
	}
	var live string
	if err := store.List(ctx, objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error { live = o.Key; return nil }); err != nil {
		t.Fatal(err)
	}
	folder, name := live[:strings.LastIndexByte(live, '/')+1], live[strings.LastIndexByte(live, '/')+1:]
	batch, _, _, ok := ledger.ParseFileName(name)
	if !ok {
		t.Fatal(name)
	}
	// an attempt that died before its record, and a file that did not come from the job
	held := folder + ledger.FileName(batch, ulid.Make().String(), 0)
	if _, err := store.Hold(ctx, held, bytes.NewReader([]byte("x")), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(ctx, folder+"other.parquet", strings.NewReader("x"), objstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	found := []string{"warn other files: 1 file in the job's folders that readers see and that no ledger entry names, so they did not come from this job: " + folder + "other.parquet. Try: ",
		"warn abandoned attempts: 1 attempt stopped before an entry, at batch " + batch + ". Try: etl doctor --fix\n"}
	has(doctor(0), found...)
	has(doctor(0, "--fix", "--dry-run"), found...)
	out := doctor(0, "--fix")
	has(out, "ok   fixed: fenced 1 batch (entry 4), dropped 1 held file\n", found[0])
	if strings.Contains(out, "abandoned") {
		t.Errorf("an abandoned attempt is left:\n%s", out)
	}
	out = doctor(0, "--fix", "--output", "json")
	var report struct {
		OK    bool
		Found struct {
			Unknown   []string
			LiveFiles int `json:"live_files"`
		}
		Mended map[string]any
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	report.Mended = map[string]any{"dropped": report.Mended["dropped"]}
	want := report
	want.OK, want.Found.Unknown, want.Found.LiveFiles, want.Mended = true, []string{folder + "other.parquet"}, 1, map[string]any{"dropped": 0.0}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("the report of a second --fix (-want +got):\n%s", diff)
	}
	if left, err := store.HeldList(ctx, ""); err != nil || len(left) > 0 {
		t.Errorf("still held: %v, %v", left, err)
	}
	if _, err := store.Head(ctx, folder+"other.parquet"); err != nil {
		t.Error(err)
	}

	if err := store.Delete(ctx, live); err != nil {
		t.Fatal(err)
	}
	has(doctor(1), "FAIL live files: 1 file of the ledger not found in the lake, so their rows are missing: "+live+". Try: ")
}
