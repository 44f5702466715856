package classes_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/classes"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
)

var (
	net  = lake.Class{Name: "network_activity", UID: 4001}
	http = lake.Class{Name: "http_activity", UID: 4002}
	dns  = lake.Class{Name: "dns_activity", UID: 4003}
)

func job(source, layout string) *jobfile.Spec {
	s := jobfile.Default()
	s.Lake.SourceName, s.Lake.Region, s.Lake.Layout = source, "us-east-1", layout
	s.Catalog.Table = "t"
	return &s
}

func in(names ...string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

// TestAssign: each class's folder and table, by what has rows and what the job names. "!" marks a class that lacks something.
func TestAssign(t *testing.T) {
	const own = "amazon_security_lake_table_us_east_1_ext_"
	for name, c := range map[string]struct {
		job     *jobfile.Spec
		change  func(*jobfile.Spec)
		live    classes.Live
		classes []lake.Class
		want    []string
	}{
		"new, one class":                  {job("s", "auto"), nil, classes.Live{}, []lake.Class{net}, []string{"ext/s/ t"}},
		"new, several":                    {job("s", "auto"), nil, classes.Live{}, []lake.Class{net, dns}, []string{"ext/s/network_activity/ t_network_activity", "ext/s/dns_activity/ t_dns_activity"}},
		"first":                           {job("s", "auto"), nil, classes.Live{First: net.Name}, []lake.Class{dns, net}, []string{"ext/s-4003/ " + own + "s_4003", "ext/s/ t"}},
		"first, and own":                  {job("s", "auto"), nil, classes.Live{First: net.Name, Own: in("s-4003")}, []lake.Class{dns, net}, []string{"ext/s-4003/ " + own + "s_4003", "ext/s/ t"}},
		"first is gone":                   {job("s", "auto"), nil, classes.Live{First: net.Name}, []lake.Class{dns, http}, []string{"ext/s-4003/ " + own + "s_4003", "ext/s-4002/ " + own + "s_4002"}},
		"by class":                        {job("s", "auto"), nil, classes.Live{ByClass: in(net.Name)}, []lake.Class{net, dns}, []string{"ext/s/network_activity/ t_network_activity", "ext/s/dns_activity/ t_dns_activity"}},
		"by class, one left":              {job("s", "auto"), nil, classes.Live{ByClass: in(net.Name, dns.Name)}, []lake.Class{net}, []string{"ext/s/network_activity/ t_network_activity"}},
		"first and folders of an earlier": {job("s", "auto"), nil, classes.Live{First: net.Name, ByClass: in(dns.Name)}, []lake.Class{net, dns, http}, []string{"ext/s/ t", "ext/s/dns_activity/ t_dns_activity", "ext/s-4002/ " + own + "s_4002"}},
		"too long":                        {job("sixteen-letters-", "auto"), nil, classes.Live{First: net.Name}, []lake.Class{net, dns}, []string{"ext/sixteen-letters-/ t", "ext/sixteen-letters--4003/ " + own + "sixteen_letters__4003!"}},
		"named": {job("sixteen-letters-", "auto"), func(s *jobfile.Spec) { s.Lake.Classes = map[string]*jobfile.Class{dns.Name: {SourceName: "d"}} },
			classes.Live{First: net.Name}, []lake.Class{net, dns}, []string{"ext/sixteen-letters-/ t", "ext/d/ " + own + "d"}},
		"named, with a table": {job("s", "auto"), func(s *jobfile.Spec) {
			s.Lake.Classes = map[string]*jobfile.Class{dns.Name: {SourceName: "d", Table: "u"}}
		},
			classes.Live{ByClass: in(net.Name)}, []lake.Class{net, dns}, []string{"ext/s/network_activity/ t_network_activity", "ext/d/ u"}},
		"no role": {job("s", "auto"), func(s *jobfile.Spec) { s.Lake.RoleARN = "r" }, classes.Live{First: net.Name}, []lake.Class{net, dns}, []string{"ext/s/ t", "ext/s-4003/ " + own + "s_4003!"}},
		"role": {job("s", "auto"), func(s *jobfile.Spec) {
			s.Lake.RoleARN = "r"
			s.Lake.Classes = map[string]*jobfile.Class{dns.Name: {SourceName: "s-4003", RoleARN: "r2"}}
		}, classes.Live{First: net.Name}, []lake.Class{net, dns}, []string{"ext/s/ t", "ext/s-4003/ " + own + "s_4003"}},
		"the first is named": {job("s", "auto"), func(s *jobfile.Spec) { s.Lake.Classes = map[string]*jobfile.Class{net.Name: {SourceName: "s"}} },
			classes.Live{}, []lake.Class{net, dns}, []string{"ext/s/ t", "ext/s-4003/ " + own + "s_4003"}},
		"source-per-class": {job("sixteen-letters-", "source-per-class"), func(s *jobfile.Spec) {
			s.Lake.Classes = map[string]*jobfile.Class{net.Name: {SourceName: "n"}, dns.Name: {SourceName: "d"}}
		}, classes.Live{}, []lake.Class{net, dns}, []string{"ext/n/ " + own + "n", "ext/d/ " + own + "d"}},
		"single": {job("s", "single"), nil, classes.Live{First: net.Name}, []lake.Class{net, dns}, []string{"ext/s/ t", "ext/s/ t"}},
	} {
		if c.change != nil {
			c.change(c.job)
		}
		targets, err := classes.Assign(c.job, c.classes, c.live)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, x := range c.classes {
			x := targets[x.Name]
			got = append(got, x.Folder+" "+x.Table+map[bool]string{true: "!"}[x.Missing != ""])
			if x.Missing != "" && !strings.Contains(x.Missing, ". Try: ") {
				t.Errorf("%s: %q does not say what to try", name, x.Missing)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		m := &ledger.Manifest{Classes: classes.Record(c.job, targets)}
		if changed := classes.Changed(m, targets); changed != nil {
			t.Errorf("%s: the manifest says that %q changed", name, changed)
		}
		planned, err := classes.Planned(m, c.classes)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(targets, planned); m.Classes != nil && diff != "" {
			t.Errorf("%s: the manifest keeps other targets (-want +got):\n%s", name, diff)
		}
		if isNew := strings.HasPrefix(name, "new") || name == "single" || name == "by class"; isNew != (m.Classes == nil) {
			t.Errorf("%s: the manifest keeps %v", name, m.Classes)
		}
	}
}

func TestAssignRefuses(t *testing.T) {
	for want, c := range map[string]struct {
		named map[string]*jobfile.Class
		live  classes.Live
	}{
		"lake.classes.network_activity.source_name: rows of the class are in ext/s/ already":              {map[string]*jobfile.Class{net.Name: {SourceName: "n"}}, classes.Live{First: net.Name}},
		"lake.classes.network_activity.table: rows of the class are in ext/s/ already":                    {map[string]*jobfile.Class{net.Name: {Table: "n"}}, classes.Live{First: net.Name}},
		"lake.classes.dns_activity.source_name: rows of the class are in ext/s-4003/":                     {map[string]*jobfile.Class{dns.Name: {SourceName: "n"}}, classes.Live{First: net.Name, Own: in("s-4003")}},
		"lake.classes.dns_activity.source_name: rows of the class are in ext/s/dns_activity/":             {map[string]*jobfile.Class{dns.Name: {SourceName: "n"}}, classes.Live{ByClass: in(dns.Name)}},
		"lake.classes.http_activity.source_name: class dns_activity has folder ext/s-4003/ already":       {map[string]*jobfile.Class{http.Name: {SourceName: "s-4003"}}, classes.Live{First: net.Name}},
		"lake.classes.dns_activity.source_name: class network_activity has folder ext/s/ already. Try: a": {map[string]*jobfile.Class{dns.Name: {SourceName: "s"}}, classes.Live{First: net.Name}},
	} {
		s := job("s", "auto")
		s.Lake.Classes = c.named
		if _, err := classes.Assign(s, []lake.Class{net, dns, http}, c.live); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestChanged: a class that got a place since is not changed, and one that lost its place or has another is.
func TestChanged(t *testing.T) {
	m := &ledger.Manifest{Classes: map[string]ledger.ClassTarget{"a": {Folder: "ext/a/", Table: "a"}, "b": {Folder: "ext/b/", Table: "b", Missing: "x"}, "c": {Folder: "ext/c/", Table: "c"},
		"d": {Folder: "ext/d/", Table: "d"}, "e": {Folder: "ext/e/", Table: "e"}}}
	got := classes.Changed(m, map[string]lake.Target{"a": {Folder: "ext/a/", Table: "a"}, "b": {Folder: "ext/b2/", Table: "b"}, "c": {Folder: "ext/c/", Table: "c2"}, "d": {Folder: "ext/d/", Table: "d", Missing: "x"}})
	want := []string{`lake.classes.c was "ext/c/ c" and is "ext/c/ c2"`, `lake.classes.d was "ext/d/ d" and is not set`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
