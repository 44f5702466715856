package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/catalog"
)

func TestParseTypeRoundTrip(t *testing.T) {
	for in, want := range map[string]string{
		"string":                                "string",
		"INT":                                   "int",
		"decimal(10, 2)":                        "decimal(10,2)",
		"map<string,string>":                    "map<string,string>",
		"array<struct<name:string,uid:string>>": "array<struct<name:string,uid:string>>",
		" struct< a : int , b:array< map<string, struct<c:bigint>> > >": "struct<a:int,b:array<map<string,struct<c:bigint>>>>",
		"struct<x-forwarded.for:string>":                                "struct<x-forwarded.for:string>",
	} {
		got, err := catalog.ParseType(in)
		if err != nil || got.String() != want {
			t.Errorf("ParseType(%q) = %q, %v; want %q", in, got.String(), err, want)
		}
	}
	for _, bad := range []string{
		"", "array", "array<", "array<>", "array<int", "array<int>>", "map<string>", "map<string,>", "struct<>", "struct<a>",
		"struct<a:>", "struct<a:int,>", "struct<:int>", "decimal(", "decimal(a)", "decimal(1", "int int", "string,",
		strings.Repeat("array<", 200) + "int" + strings.Repeat(">", 200),
	} {
		if got, err := catalog.ParseType(bad); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("ParseType(%q) = %q, %v; want ErrInvalid", bad, got.String(), err)
		}
	}
}

func cols(pairs ...string) []catalog.Column {
	var out []catalog.Column
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, catalog.Column{Name: pairs[i], Type: pairs[i+1]})
	}
	return out
}

func TestMerge(t *testing.T) {
	cases := []struct {
		name             string
		have, want, then []catalog.Column
		changed          bool
	}{
		{"new table, in lower case", nil, cols("Time", "BIGINT", "src", "struct<IP:string>"), cols("time", "bigint", "src", "struct<ip:string>"), true},
		{"the same", cols("a", "int", "b", "int"), cols("b", "int", "a", "int"), cols("a", "int", "b", "int"), false},
		{"fewer", cols("a", "int", "b", "int"), cols("a", "int"), cols("a", "int", "b", "int"), false},
		{"a column in front goes to the end", cols("b", "int"), cols("a", "int", "b", "int"), cols("b", "int", "a", "int"), true},
		{"fields keep their order", cols("s", "struct<z:int,a:int>"), cols("s", "struct<a:int,m:int,z:int>"), cols("s", "struct<z:int,a:int,m:int>"), true},
		{"deep", cols("s", "array<struct<m:map<string,struct<x:int>>>>"), cols("s", "array<struct<n:int,m:map<string,struct<w:int,x:int>>>>"),
			cols("s", "array<struct<m:map<string,struct<x:int,w:int>>,n:int>>"), true},
		{"a crawler's case stays", cols("Src", "struct<IP:string>"), cols("src", "struct<ip:string,port:int>"), cols("Src", "struct<IP:string,port:int>"), true},
		{"a crawler's spaces stay while nothing grows", cols("s", "struct<a: int>"), cols("s", "struct<a:int>"), cols("s", "struct<a: int>"), false},
		{"an odd type that nobody changes", cols("u", "uniontype<int,string>"), cols("v", "int"), cols("u", "uniontype<int,string>", "v", "int"), true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			merged, changed, err := catalog.Merge(c.have, c.want)
			if err != nil || changed != c.changed || !catalog.SameColumns(merged, c.then) {
				t.Errorf("got %v changed %v err %v\nwant %v changed %v", merged, changed, err, c.then, c.changed)
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	cases := []struct {
		have, want []catalog.Column
		path       string
		sentinel   error
	}{
		{cols("port", "int"), cols("port", "string"), "port is int in the catalog and would become string", catalog.ErrType},
		{cols("s", "struct<a:struct<b:int>>"), cols("s", "struct<a:struct<b:bigint>>"), "s.a.b is int in the catalog and would become bigint", catalog.ErrType},
		{cols("s", "array<struct<b:int>>"), cols("s", "array<struct<b:bigint>>"), "s[].b is int", catalog.ErrType},
		{cols("s", "map<string,int>"), cols("s", "map<string,string>"), "s{} is int", catalog.ErrType},
		{cols("s", "map<string,int>"), cols("s", "map<int,int>"), "s{key} is string", catalog.ErrType},
		{cols("s", "struct<a:int>"), cols("s", "string"), "s is struct<a:int>", catalog.ErrType},
		{cols("u", "uniontype<int>"), cols("u", "int"), "u is uniontype<int>", catalog.ErrType},
		{nil, cols("a", "int", "A", "int"), `column "A" exists twice`, catalog.ErrInvalid},
		{nil, cols("s", "struct<a:int,A:int>"), "field s.A exists twice", catalog.ErrInvalid},
		{nil, cols("", "int"), "no name", catalog.ErrInvalid},
		{nil, cols("a", "array<int"), `column "a"`, catalog.ErrInvalid},
	}
	for _, c := range cases {
		merged, changed, err := catalog.Merge(c.have, c.want)
		if !errors.Is(err, c.sentinel) || !strings.Contains(err.Error(), c.path) || merged != nil || changed {
			t.Errorf("Merge(%v, %v) = %v, %v, %v; want %v saying %q", c.have, c.want, merged, changed, err, c.sentinel, c.path)
		}
	}
	have := cols("s", "struct<a:int,b:int>")
	if _, _, err := catalog.Merge(have, cols("s", "struct<c:int,b:string>")); err == nil || have[0].Type != "struct<a:int,b:int>" {
		t.Errorf("a refused merge touched its input: %v, %v", have, err)
	}
}

func TestCheckPartitions(t *testing.T) {
	p := catalog.Partition{Values: [3]string{"us-east-1", "111122223333", "20260102"}, Location: "s3://b/x/"}
	if out, err := catalog.CheckPartitions([]catalog.Partition{p, p}); err != nil || len(out) != 1 {
		t.Errorf("twice the same: %v, %v", out, err)
	}
	other := p
	other.Location = "s3://b/y/"
	if _, err := catalog.CheckPartitions([]catalog.Partition{p, other}); !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("two locations of one partition: %v", err)
	}
	for _, account := range []string{"", "..", "a/b", strings.Repeat("1", catalog.MaxValueBytes+1)} {
		bad := p
		bad.Values[1] = account
		if _, err := catalog.CheckPartitions([]catalog.Partition{bad}); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("account %q: %v", account, err)
		}
	}
	bad := p
	bad.Location = "s3://b/x"
	if _, err := catalog.CheckPartitions([]catalog.Partition{bad}); !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("a location without its slash: %v", err)
	}
}
