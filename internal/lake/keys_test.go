package lake

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestEpochDay(t *testing.T) {
	for text, want := range map[string]int32{
		"1970-01-01T00:00:00Z": 0, "1970-01-01T23:59:59Z": 0, "1969-12-31T23:59:59Z": -1, "1969-12-31T00:00:00Z": -1, "1969-12-30T23:59:59Z": -2,
		"2025-06-20T01:00:00+02:00": 20258, "1899-12-31T12:00:00Z": -25568,
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := EpochDay(at); got != want {
			t.Errorf("%s: day %d, want %d", text, got, want)
		}
	}
}

func TestPartition(t *testing.T) {
	p := testPartition()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := p.Prefix(); got != "region=us-east-1/accountId=111122223333/eventDay=20250619/" {
		t.Errorf("prefix %s", got)
	}
	good := []Partition{{"eu-west-1", "external", "20240229"}, {"us-gov-west-1", "external_acme-1_A", "20260101"}}
	for _, p := range good {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
		folder, q, ok := ParsePrefix("ext/nfw/" + p.Prefix() + "f.parquet")
		if !ok || q != p || folder != "ext/nfw/" {
			t.Errorf("%s parsed as %q %+v %v", p.Prefix(), folder, q, ok)
		}
	}
	bad := []Partition{
		{"", "111122223333", "20250619"}, {"us/east", "111122223333", "20250619"}, {"..", "111122223333", "20250619"}, {"US-EAST-1", "111122223333", "20250619"},
		{"us-east-1", "11112222333", "20250619"}, {"us-east-1", "11112222333a", "20250619"}, {"us-east-1", "", "20250619"}, {"us-east-1", "external_", "20250619"},
		{"us-east-1", "external_../x", "20250619"}, {"us-east-1", "external_a/b", "20250619"}, {"us-east-1", "external_" + strings.Repeat("x", 65), "20250619"}, {"us-east-1", "１１１１２２２２３３３３", "20250619"},
		{"us-east-1", "111122223333", "20250229"}, {"us-east-1", "111122223333", "2025061"}, {"us-east-1", "111122223333", "2025-6-19"}, {"us-east-1", "111122223333", "20250619/"},
	}
	for _, p := range bad {
		var k *KeyError
		if err := p.Validate(); !errors.As(err, &k) || k.Hint == "" {
			t.Errorf("%+v: %v", p, err)
		}
		if _, _, ok := ParsePrefix(p.Prefix()); ok {
			t.Errorf("%s was parsed", p.Prefix())
		}
	}
}

func TestTargets(t *testing.T) {
	net, dns := Class{"network_activity", 4001}, Class{"dns_activity", 4003}
	const table = "amazon_security_lake_table_us_east_1_ext_"
	for _, c := range []struct {
		source  string
		layout  Layout
		classes []Class
		want    []string // source, folder, table
	}{
		{"network-firewall", LayoutByClass, []Class{net}, []string{"network-firewall", "ext/network-firewall/", table + "network_firewall"}},
		{"nfw", LayoutByClass, []Class{net, dns}, []string{"nfw", "ext/nfw/network_activity/", table + "nfw_network_activity", "nfw", "ext/nfw/dns_activity/", table + "nfw_dns_activity"}},
		{"nfw", LayoutSourcePerClass, []Class{net, dns}, []string{"nfw-4001", "ext/nfw-4001/", table + "nfw_4001", "nfw-4003", "ext/nfw-4003/", table + "nfw_4003"}},
		{"nfw", LayoutSingle, []Class{net, dns}, []string{"nfw", "ext/nfw/", table + "nfw", "nfw", "ext/nfw/", table + "nfw"}},
	} {
		ts, err := Targets(c.source, "us-east-1", c.layout, c.classes)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range ts {
			got = append(got, x.Source, x.Folder, x.Table)
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s %q: %v", c.source, c.layout, got)
		}
	}
	for _, c := range []struct {
		source, region string
		layout         Layout
		classes        []Class
		want           string
	}{
		{"network-firewall-logs", "us-east-1", "", []Class{net}, "it has 21 characters, and Security Lake allows 20"},
		{"Network Firewall", "us-east-1", "", []Class{net}, "(example: network-firewall)"},
		{"../x", "us-east-1", "", []Class{net}, "(example: x)"},
		{"-x", "us-east-1", "", []Class{net}, "begin with a letter"},
		{"", "us-east-1", "", []Class{net}, "1 to 20"},
		{"network-firewall", "us-east-1", LayoutSourcePerClass, []Class{net}, "shorten source_name to 15"},
		{"nfw", "us-east-1", "flat", []Class{net}, "source-per-class or single"},
		{"nfw", "us-east-1", "", []Class{net, net}, "twice"},
		{"nfw", "us-east-1", "", []Class{{"a/b", 1}}, "OCSF class"},
		{"nfw", "us-east-1", "", nil, "no event class"},
		{"nfw", "..", "", []Class{net}, "AWS region"},
	} {
		if _, err := Targets(c.source, c.region, c.layout, c.classes); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %q: %v", c.source, c.layout, err)
		}
	}
	if n := DatabaseName("us-east-1"); n != "amazon_security_lake_glue_db_us_east_1" {
		t.Error(n)
	}
}

func TestColumns(t *testing.T) {
	s, _ := firewall(0)
	got := map[string]string{}
	for _, c := range Columns(s) {
		got[c.Name] = c.Type
	}
	for name, want := range map[string]string{
		"time": "bigint", "class_uid": "int", "ratio": "double", "seen_time_dt": "timestamp", "made_time_dt": "timestamp", "is_alert": "boolean", "activity_name": "string", "unmapped": "map<string,string>",
		"metadata": "struct<profiles:array<string>,version:string,product:struct<name:string,feature:struct<name:string>>>",
		"flags":    "array<boolean>", "doubles": "array<double>",
	} {
		if got[name] != want {
			t.Errorf("%s is %s", name, got[name])
		}
	}
	s, _ = groupList()
	if c := Columns(s)[2]; c.Type != "array<struct<name:string,uid:int,seen_dt:timestamp>>" {
		t.Error(c)
	}
}

// deep is a list of lists, so many of them.
func deep(n int) *Node {
	e := &Node{Name: "element", Kind: String}
	for range n {
		e = &Node{Name: "element", Kind: List, Children: []*Node{e}}
	}
	return e
}

func TestSchemaRefused(t *testing.T) {
	for want, n := range map[string]*Node{
		"twice":                 group("g", leafNode("a", String, 0), leafNode("A", String, 1)),
		"without fields":        group("g"),
		"one child":             {Name: "l", Kind: List},
		"neither":               {Name: "x", Kind: String, Column: -1},
		"does not fit":          constNode("x", Int32, int64(1)<<40),
		"(string)":              constNode("x", Int64, "1"),
		"lookup":                {Name: "x", Kind: Int32, Lookup: map[int64]string{1: "a"}},
		"not a field":           leafNode("a.b", String, 0),
		"list of maps":          {Name: "l", Kind: List, Children: []*Node{{Name: "element", Kind: Map}}},
		"and lists have":        {Name: "x", Kind: String, Children: []*Node{leafNode("y", String, 0)}},
		"unknown kind":          {Name: "x", Kind: 99},
		"has 70000 bytes":       constNode("x", String, strings.Repeat("x", 70000)),
		"l: has a constant":     {Name: "l", Kind: List, Children: []*Node{constNode("element", String, "x")}},
		"l[].g: has a constant": {Name: "l", Kind: List, Children: []*Node{group("element", &Node{Name: "g", Kind: Group, Present: 1, Children: []*Node{leafNode("a", String, 0)}})}},
		"l[].k: has a constant": {Name: "l", Kind: List, Children: []*Node{group("element", &Node{Name: "k", Kind: String, Lookup: map[int64]string{1: "a"}})}},
		"to 65 levels":          deep(32),
		"of its lookup":         {Name: "x", Kind: String, Lookup: map[int64]string{1: strings.Repeat("x", 200_000), 2: strings.Repeat("y", 100_000)}},
	} {
		s := &Schema{Class: "c", Columns: []*Node{n}}
		var e *SchemaError
		if err := s.Validate(); !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := (&Schema{Class: "c", Columns: []*Node{deep(31)}}).Validate(); err != nil {
		t.Error(err)
	}
}
