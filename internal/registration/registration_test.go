package registration_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/classes"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/registration"
	"github.com/silt-etl/silt/internal/registration/lakefake"
	"github.com/silt-etl/silt/internal/registration/sdk"
)

const (
	runner  = "arn:aws:iam::111122223333:role/silt-catalog"
	crawler = "arn:aws:iam::111122223333:role/SecurityLakeCrawler"
)

var options = registration.Options{CrawlerRole: crawler, Principal: "444455556666", ExternalID: "a-long-random-text"}

// job is the text of a job on S3 with more keys of lake.
func job(more string) string {
	return "name: sysmon\nsource: {staging: s3://acme-staging/}\nmapping: windows-sysmon\n" +
		"lake: # the lake\n  location: s3://placeholder/ # not known yet\n  source_name: windows-sysmon\n  region: us-east-1\n" + more +
		"state: s3://acme-state/\ncatalog:\n  role_arn: " + runner + "\n"
}

func spec(t *testing.T, text string) *jobfile.Spec {
	t.Helper()
	kinds := jobfile.Kinds{
		Stores:   objstore.Registry{{Scheme: "s3", NeedsState: true, DefaultCatalog: "glue"}},
		Catalogs: catalog.Registry{{Type: "glue", CheckLake: func(location.Location) error { return nil }}},
	}
	s, err := jobfile.Parse("job.yaml", []byte(text), func(name string) (string, bool) { return "value-of-" + name, true }, kinds)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var twoClasses = []lake.Class{{Name: "file_activity", UID: 1001}, {Name: "process_activity", UID: 1007}}

func newPlan(t *testing.T, text string, of []lake.Class, o registration.Options) *registration.Plan {
	t.Helper()
	s := spec(t, text)
	targets, err := classes.Assign(s, of, classes.Live{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := registration.New(s, of, targets, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

func register(t *testing.T, p *registration.Plan) (*registration.Result, error) {
	t.Helper()
	api, err := sdk.Open(context.Background(), p.Region, p.CatalogID)
	if err != nil {
		t.Fatal(err)
	}
	return p.Register(context.Background(), api, func(registration.Step) {})
}

func mustRegister(t *testing.T, p *registration.Plan) *registration.Result {
	t.Helper()
	r, err := register(t, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func statuses(r *registration.Result) (out []string) {
	for _, s := range r.Steps {
		out = append(out, string(s.Status)+" "+s.What)
	}
	return out
}

func changes(calls []string) (out []string) {
	for _, c := range calls {
		_, op, _ := strings.Cut(c, ".")
		if !strings.HasPrefix(op, "List") && !strings.HasPrefix(op, "Get") {
			out = append(out, op)
		}
	}
	return out
}

// One source with two class folders: the crawler gets the settings of AWS's guide, the runner its grants, and the job file the answers.
// Again, nothing is changed.
func TestRegister(t *testing.T) {
	f := lakefake.Start(t)
	p := newPlan(t, job(""), twoClasses, options)
	r := mustRegister(t, p)
	base := "amazon_security_lake_table_us_east_1_ext_windows_sysmon"
	location := "arn:aws:s3:::" + lakefake.Bucket + "/ext/windows-sysmon"
	want := []string{"changed source windows-sysmon", "ok account", "changed crawler windows-sysmon", "changed grant on database " + lakefake.Database,
		"changed grant on table " + base, "ok grant on table " + base + "_file_activity", "ok grant on table " + base + "_process_activity", "changed grant on location " + location}
	if d := cmp.Diff(want, statuses(r)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"CreateCustomLogSource", "UpdateCrawler", "GrantPermissions", "GrantPermissions", "GrantPermissions"}, changes(f.Calls())); d != "" {
		t.Error(d)
	}
	if r.Used != 1 || r.Left != 49 {
		t.Errorf("%d used, %d left", r.Used, r.Left)
	}
	c := f.Crawler("windows-sysmon")
	wantCrawler := map[string]any{"Name": "windows-sysmon", "State": "READY", "DatabaseName": lakefake.Database, "TablePrefix": base + "_", "Role": crawler,
		"Targets":       map[string]any{"S3Targets": []any{map[string]any{"Path": "s3://" + lakefake.Bucket + "/ext/windows-sysmon/"}}},
		"Configuration": `{"Version":1.0,"CrawlerOutput":{"Partitions":{"AddOrUpdateBehavior":"InheritFromTable"}},"Grouping":{"TableGroupingPolicy":"CombineCompatibleSchemas","TableLevelConfiguration":4}}`,
		"Schedule":      map[string]any{"ScheduleExpression": "cron(0 0 1 * ? *)", "State": "SCHEDULED"}}
	if d := cmp.Diff(wantCrawler, c); d != "" {
		t.Error(d)
	}
	text, err := jobfile.Set([]byte(job("")), r.Edits)
	if err != nil {
		t.Fatal(err)
	}
	after := strings.Replace(job("  role_arn: arn:aws:iam::111122223333:role/AmazonSecurityLake-Provider-windows-sysmon-us-east-1\n  external_id: a-long-random-text\n"),
		"s3://placeholder/", "s3://"+lakefake.Bucket, 1)
	if d := cmp.Diff(after, string(text)); d != "" {
		t.Error(d)
	}

	f.ForgetCalls()
	r = mustRegister(t, newPlan(t, string(text), twoClasses, options))
	if got := changes(f.Calls()); got != nil || len(r.Edits) > 0 {
		t.Errorf("again: %v %v", got, r.Edits)
	}
	for _, s := range r.Steps {
		if s.Status != registration.OK {
			t.Errorf("again: %v", s)
		}
	}
	// What somebody else changed is repaired, and nothing else.
	f.Crawler("windows-sysmon")["TablePrefix"] = "other_"
	f.AddTable(lakefake.Database, base+"_file_activity")
	f.ForgetCalls()
	mustRegister(t, newPlan(t, string(text), twoClasses, options))
	if d := cmp.Diff([]string{"UpdateCrawler", "GrantPermissions"}, changes(f.Calls())); d != "" {
		t.Error(d)
	}
}

// A source for each class: the first one that fails ends the command, and the next one continues.
func TestRegisterResumes(t *testing.T) {
	f := lakefake.Start(t)
	text := job("  layout: source-per-class\n")
	p := newPlan(t, text, twoClasses, options)
	total := 0
	for at := 1; ; at++ { // the request after which everything is refused
		n := 0
		f.OnCall(func(op string, _ int) *lakefake.Fault {
			if n++; n >= at {
				return lakefake.Deny(op)
			}
			return nil
		})
		f.ForgetCalls()
		_, err := register(t, p)
		created := 0
		for _, op := range f.Calls() {
			if op == "securitylake.CreateCustomLogSource" {
				created++
			}
		}
		total += min(created, at-1)
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "Try: allow ") {
			t.Fatal(err)
		}
		if at > 60 {
			t.Fatal("it does not end")
		}
	}
	f.OnCall(nil)
	r := mustRegister(t, p)
	for _, s := range r.Steps {
		if s.Status != registration.OK {
			t.Error(s)
		}
	}
	var keys []string
	for _, e := range r.Edits {
		keys = append(keys, e.Key+"="+e.Value)
	}
	want := []string{"lake.location=s3://" + lakefake.Bucket}
	for _, c := range []struct{ class, source string }{{"file_activity", "windows-sysmon-1001"}, {"process_activity", "windows-sysmon-1007"}} {
		k := "lake.classes." + c.class
		want = append(want, k+".source_name="+c.source, k+".role_arn=arn:aws:iam::111122223333:role/AmazonSecurityLake-Provider-"+c.source+"-us-east-1", k+".external_id=a-long-random-text")
	}
	if d := cmp.Diff(want, keys); d != "" {
		t.Error(d)
	}
	if total < 2 {
		t.Errorf("%d sources were created", total)
	}
}

func TestRegisterRefuses(t *testing.T) {
	f := lakefake.Start(t)
	p := newPlan(t, job(""), []lake.Class{twoClasses[0], {Name: "script_activity", UID: 1009}}, options)
	r := mustRegister(t, p)
	if r.OK() || r.Steps[0].String() != "FAIL    class script_activity: Security Lake's list of event classes does not have it, so it is not registered for source windows-sysmon. "+
		"Try: --event-class script_activity=NAME with a name of the list, or map the records to a class of the list" {
		t.Error(r.Steps)
	}
	// Other classes than those that were registered
	r = mustRegister(t, newPlan(t, job(""), twoClasses, options))
	if s := r.Steps[0]; s.Status != registration.Warning || !strings.Contains(s.Detail, "with FILE_ACTIVITY instead of FILE_ACTIVITY, PROCESS_ACTIVITY") {
		t.Error(s)
	}
	// The limit of the account, over several pages
	f.SetPageSize(7)
	for i := range 48 {
		j := strings.Replace(job(""), "windows-sysmon\n  region", "s"+string(rune('a'+i/10))+string(rune('0'+i%10))+"\n  region", 1)
		mustRegister(t, newPlan(t, j, twoClasses[:1], options))
	}
	_, err := register(t, newPlan(t, strings.Replace(job("  layout: source-per-class\n"), "windows-sysmon\n", "another\n", 2), twoClasses, options))
	if err == nil || !strings.HasPrefix(err.Error(), "register 2 sources: 1 of the 50 custom sources") {
		t.Error(err)
	}
	if r := mustRegister(t, newPlan(t, strings.Replace(job(""), "windows-sysmon\n  region", "last\n  region", 1), twoClasses[:1], options)); r.Left != 0 {
		t.Error(r.Left)
	}
	// A crawler that runs, and a refusal
	f.OnCall(func(op string, _ int) *lakefake.Fault {
		if op == "securitylake.ListLogSources" {
			return lakefake.Deny(op)
		}
		return nil
	})
	_, err = register(t, p)
	if err == nil || !strings.HasSuffix(err.Error(), ". Try: allow securitylake:ListLogSources") || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}

func TestDeregister(t *testing.T) {
	f := lakefake.Start(t)
	p := newPlan(t, job(""), twoClasses, options)
	mustRegister(t, p)
	api, err := sdk.Open(context.Background(), "us-east-1", "")
	if err != nil {
		t.Fatal(err)
	}
	deregister := func(crawlers bool) []string {
		t.Helper()
		r, err := p.Deregister(context.Background(), api, crawlers, func(registration.Step) {})
		if err != nil {
			t.Fatal(err)
		}
		return statuses(r)
	}
	if d := cmp.Diff([]string{"changed source windows-sysmon", "warn crawler windows-sysmon", "ok account"}, deregister(false)); d != "" {
		t.Error(d)
	}
	// A crawler that was left gets the settings of the new source.
	if r := mustRegister(t, p); !slices.Contains(statuses(r), "warn crawler windows-sysmon") {
		t.Error(statuses(r))
	}
	deregister(true)
	if d := cmp.Diff([]string{"ok source windows-sysmon", "ok account"}, deregister(true)); d != "" {
		t.Error(d)
	}
	if c := f.Crawler("windows-sysmon"); c != nil {
		t.Error(c)
	}
}

func TestNewRefuses(t *testing.T) {
	s := spec(t, job(""))
	s.Lake.Location = "./lake"
	if _, err := registration.New(s, nil, nil, options); !errors.Is(err, registration.ErrNotS3) {
		t.Error(err)
	}
	s = spec(t, job(""))
	s.Catalog.Type = "local"
	if _, err := registration.New(s, nil, nil, options); !errors.Is(err, registration.ErrNotGlue) {
		t.Error(err)
	}
	s = spec(t, strings.Replace(job("  layout: source-per-class\n"), "windows-sysmon\n  region", "a-name-of-20-letters\n  region", 1))
	targets, err := classes.Assign(s, twoClasses, classes.Live{})
	if err == nil {
		_, err = registration.New(s, twoClasses, targets, options)
	}
	if err == nil || !strings.Contains(err.Error(), "20") {
		t.Error(err)
	}
	for _, c := range []struct {
		o    registration.Options
		want string
	}{
		{registration.Options{Principal: "444455556666", ExternalID: "ab"}, "--crawler-role is missing"},
		{registration.Options{CrawlerRole: "role/x", Principal: "444455556666", ExternalID: "ab"}, "is not a role"},
		{registration.Options{CrawlerRole: crawler, ExternalID: "ab"}, "--principal is missing"},
		{registration.Options{CrawlerRole: crawler, Principal: "1", ExternalID: "ab"}, "is not an account"},
		{registration.Options{CrawlerRole: crawler, Principal: "444455556666"}, "the external ID is missing"},
		{registration.Options{CrawlerRole: crawler, Principal: "444455556666", ExternalID: "a b"}, "has characters"},
		{registration.Options{CrawlerRole: crawler, Principal: "444455556666", ExternalID: "ab", EventClass: map[string]string{"file_activity": "x"}}, "capital letters"},
	} {
		s := spec(t, job(""))
		targets, err := classes.Assign(s, twoClasses, classes.Live{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := registration.New(s, twoClasses, targets, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.o, err, c.want)
		}
	}
}

// Each class of the OCSF versions that Security Lake takes has a name that the API's list has, but for base_event.
func TestEventClasses(t *testing.T) {
	for _, v := range ocsf.Versions() {
		if ocsf.CompareVersions(v, "1.3.0") > 0 {
			continue
		}
		schema, err := ocsf.Load(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range schema.Classes() {
			name, listed := registration.EventClass(c.Name)
			switch old := strings.HasSuffix(c.Name, "_info") && c.Name != "software_info" && c.Name != "inventory_info"; {
			case c.Name == "base_event", old: // objects of the Windows extension of 1.0.0
				if listed {
					t.Errorf("%s %s: %s", v, c.Name, name)
				}
			case !listed:
				t.Errorf("%s %s has no name", v, c.Name)
			case !slices.Contains(lakefake.EventClasses(), name):
				t.Errorf("%s %s: %s is not in the list", v, c.Name, name)
			}
		}
	}
	for class, want := range map[string]string{"network_activity": "NETWORK_ACTIVITY", "file_activity": "FILE_ACTIVITY", "detection_finding": "DETECTION_FINDING", "inventory_info": "DEVICE_INVENTORY_INFO"} {
		if got, ok := registration.EventClass(class); got != want || !ok {
			t.Error(class, got)
		}
	}
}
