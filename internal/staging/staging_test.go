package staging_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/staging"
)

const nfw = "{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/"

func pattern(t *testing.T, text string) *staging.Pattern {
	t.Helper()
	p, err := staging.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPattern(t *testing.T) {
	p := pattern(t, nfw)
	got := p.Match("111122223333/network-firewall/flow/us-east-1/fw/2025/06/01/07/x.log.gz")
	if want := []string{"111122223333", "flow", "us-east-1", "fw", "2025", "06", "01", "07"}; !slices.Equal(got, want) {
		t.Errorf("captures %q", got)
	}
	if d, ok := p.Day(got); !ok || d.Format("2006-01-02") != "2025-06-01" {
		t.Errorf("day %v %v", d, ok)
	}
	for _, key := range []string{"", "x.log.gz", "1/network-firewall/flow/r/fw/2025/6/1/7/x", "1/other/flow/r/fw/2025/06/01/07/x", "a/1/network-firewall/flow/r/fw/2025/06/01/07/x"} {
		if p.Match(key) != nil {
			t.Errorf("%q matches", key)
		}
	}
	if d, ok := p.Day(p.Match("1/network-firewall/f/r/fw/2025/02/30/07/x")); ok {
		t.Errorf("30 February is %v", d)
	}
	whole := pattern(t, "{source}/{yyyy}-{mm}-{dd}-{name}.json")
	if got := whole.Match("a/2025-01-02-x-y.json"); !slices.Equal(got, []string{"a", "2025", "01", "02", "x-y"}) {
		t.Errorf("captures %q", got)
	}
	if whole.Match("a/2025-01-02-x.json.gz") != nil {
		t.Error("a pattern without a slash at its end matched part of a key")
	}
}

// TestCaptures: columns are in the order that the mapping wants them in, and NULL if the key does not have them.
func TestCaptures(t *testing.T) {
	p := pattern(t, "{account_id}/x/{region}/")
	type row struct{ Account, Region, Other string }
	for _, c := range []struct {
		name    string
		pattern *staging.Pattern
		key     string
		want    row
	}{
		{"a key that matches", p, "111122223333/x/us-east-1/a.log", row{"111122223333", "us-east-1", "NULL"}},
		{"a key that does not match", p, "111122223333/y/us-east-1/a.log", row{"NULL", "NULL", "NULL"}},
		{"no key pattern", nil, "111122223333/x/us-east-1/a.log", row{"NULL", "NULL", "NULL"}},
	} {
		got := []string{"NULL", "NULL", "NULL"}
		for i, v := range c.pattern.Captures(c.key).Columns([]string{"region", "zone", "Account_ID"}) {
			if v != nil {
				got[i] = *v
			}
		}
		if diff := cmp.Diff(c.want, row{got[2], got[0], got[1]}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestPatternRefused(t *testing.T) {
	for text, want := range map[string]string{
		"/a/{b}/": "slash", "{a}/{a}/": "twice", "{A}/": "{A}", "{a/": "brace", "a}/": "brace", "{}/": "{}", "{dd}/": "{mm}", "{mm}/": "{yyyy}",
	} {
		if _, err := staging.ParsePattern(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want a word about %q", text, err, want)
		}
	}
}

func fill(t *testing.T, keys ...string) *memstore.Store {
	t.Helper()
	m := memstore.New("staging")
	for _, k := range keys {
		if _, err := m.Put(context.Background(), k, strings.NewReader("0123456789"), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func keysOf(l *staging.Listing) []string {
	var out []string
	for _, f := range l.New {
		out = append(out, f.Key)
	}
	return out
}

func TestListSelects(t *testing.T) {
	m := fill(t, "a/1.log.gz", "a/2.log", "b/skip/3.log.gz", "b/4.log.gz", "b/folder/", "z.log.gz")
	l, err := staging.List(context.Background(), m, staging.Options{Include: []string{"**/*.log.gz"}, Exclude: []string{"b/skip/**"},
		Taken: func(o objstore.Object) bool { return o.Key == "z.log.gz" && o.ETag != "" }})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a/1.log.gz", "b/4.log.gz"}; !slices.Equal(keysOf(l), want) {
		t.Errorf("new: %q", keysOf(l))
	}
	counts := *l
	counts.New, counts.Watermark = nil, time.Time{}
	if diff := cmp.Diff(staging.Listing{Listed: 6, Excluded: 3, Taken: 1, SizeBytes: 20}, counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	before := time.Unix(1, 0)
	l, err = staging.List(context.Background(), m, staging.Options{SettledBefore: before})
	if err != nil || len(l.New) != 0 || l.Unsettled == 0 {
		t.Errorf("young objects: %v, %d new, %d unsettled", err, len(l.New), l.Unsettled)
	}
}

// TestKeysNotUTF8: they are left and counted, whether or not folders are left out.
func TestKeysNotUTF8(t *testing.T) {
	m := fill(t, "a/ok", "a/\xff", "b/\xc3(")
	for _, o := range []staging.Options{{}, {Pattern: pattern(t, "{a}/{yyyy}/"), Cutoff: func(string) time.Time { return time.Unix(0, 0) }}} {
		l, err := staging.List(context.Background(), m, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(l.New) != 1 || l.New[0].Key != "a/ok" {
			t.Errorf("listed %+v, want a/ok", l.New)
		}
		if l.NotUTF8 != 2 || l.OneNotUTF8 != "a/\xff" {
			t.Errorf("counted %d keys that are not UTF-8, one of them %q", l.NotUTF8, l.OneNotUTF8)
		}
	}
}

// TestPruning: folders of days before the cutoff are not listed, everything else is found, also keys that no pattern foresees.
func TestPruning(t *testing.T) {
	key := func(day string) string { return "1/network-firewall/flow/us-east-1/fw/" + day + "/00/x.log.gz" }
	keys := []string{key("2024/12/31"), key("2025/05/30"), key("2025/05/31"), key("2025/06/01"), key("2026/01/01"),
		"stray.log.gz", "1/other/y.log.gz", "1/network-firewall/flow/us-east-1/fw/odd/y.log.gz", "1/network-firewall/flow/us-east-1/fw/2025/13/01/00/y.log.gz",
		"1/network-firewall/flow/us-east-1/fw/2025/05/loose.log.gz"}
	m := fill(t, keys...)
	o := staging.Options{Pattern: pattern(t, nfw), Cutoff: func(prefix string) time.Time {
		if prefix != "1/network-firewall/flow/us-east-1/fw/" {
			t.Errorf("asked for the cutoff of %q", prefix)
		}
		return time.Date(2025, 5, 31, 0, 0, 0, 0, time.UTC)
	}}
	l, err := staging.List(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	got := keysOf(l)
	slices.Sort(got)
	want := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == key("2024/12/31") || k == key("2025/05/30") })
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if l.Pruned != 2 {
		t.Errorf("%d folders pruned", l.Pruned)
	}
	o.Cutoff = func(string) time.Time { return time.Time{} }
	if l, err = staging.List(context.Background(), m, o); err != nil || len(l.New) != len(keys) || l.Pruned != 0 {
		t.Errorf("full sweep: %v, %d of %d", err, len(l.New), len(keys))
	}
	if l.Unmatched != 4 {
		t.Errorf("%d keys do not match", l.Unmatched)
	}
}

// TestPruningListsLess counts the keys that the store is asked for.
func TestPruningListsLess(t *testing.T) {
	var keys []string
	for d := range 200 {
		day := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, d).Format("2006/01/02")
		for i := range 10 {
			keys = append(keys, fmt.Sprintf("1/network-firewall/flow/us-east-1/fw/%s/00/%d.log.gz", day, i))
		}
	}
	l, err := staging.List(context.Background(), fill(t, keys...), staging.Options{Pattern: pattern(t, nfw), Cutoff: func(string) time.Time { return time.Date(2025, 7, 18, 0, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	if l.Listed != 20 || len(l.New) != 20 {
		t.Errorf("%d objects listed for 2 days of 10", l.Listed)
	}
}

func TestDatePrefix(t *testing.T) {
	for text, want := range map[string]string{
		nfw:                              "1/network-firewall/f/r/fw/",
		"{a}/{b}/{c}/{d}/{e}/{yyyy}/":    "1/network-firewall/f/r/fw/",
		"{a}/{b}/{c}/{d}/{e}/{yyyy}/{x}": "1/network-firewall/f/r/fw/",
		"{a}/{dd}/{mm}/{yyyy}/":          "", // the greatest key is not of the latest day
		"{a}/{b}/":                       "",
	} {
		p := pattern(t, text)
		key := "1/network-firewall/f/r/fw/2025/06/07/08/x.log.gz"
		if text == "{a}/{b}/{c}/{d}/{e}/{yyyy}/{x}" {
			key = "1/network-firewall/f/r/fw/2025/x"
		}
		if got := p.DatePrefix(key); got != want || p.Prunable() != (want != "") {
			t.Errorf("%s: %q, %v", text, got, p.Prunable())
		}
	}
	if p := pattern(t, "{a}/{yyyy}-{mm}/{host}/{dd}/"); p.Prunable() {
		t.Error("a folder of hosts between month and day sorts keys by host")
	}
}

func TestBatches(t *testing.T) {
	var fs []staging.Found
	for i, size := range []int64{5, 5, 1, 30, 4, 4, 4} {
		fs = append(fs, staging.Found{Object: objstore.Object{Key: fmt.Sprint(i), SizeBytes: size}})
	}
	var got [][]string
	for _, b := range staging.Batches(fs, 10, nil) {
		var ks []string
		for _, f := range b {
			ks = append(ks, f.Key)
		}
		got = append(got, ks)
	}
	if want := [][]string{{"0", "1"}, {"2"}, {"3"}, {"4", "5"}, {"6"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("batches %v", got)
	}
}
