package staging_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/staging"
)

var braces = regexp.MustCompile(`\{[^{}]*\}`)

// format puts captures into a pattern's text.
func format(text string, captures []string) string {
	i := 0
	return braces.ReplaceAllStringFunc(text, func(string) string { i++; return captures[i-1] })
}

// FuzzPattern: a pattern is refused in one line, or what it captures of a key, put in its place, is the key again; days are what
// the digits say; and a listing leaves a key out only if its day is before the cutoff.
func FuzzPattern(f *testing.F) {
	for _, text := range []string{nfw, "{source}/{yyyy}-{mm}-{dd}-{name}.json", "{a}/{dd}/{mm}/{yyyy}/", "{a}/{b}/", "{yyyy}/{mm}/", "{yyyy}{mm}/{dd}{hh}/x", "{yyyy}/{x}", "{yyyy}/{mm}-{dd}/{a}-{b}.log",
		"a.b(c)/[{d}]*", "{a}{b}/", "", "/", "x", "{a", "a}", "{}", "{A}/", "{a}/{a}/", "{dd}/", "x//{yyyy}/"} {
		for _, key := range []string{"1/network-firewall/flow/us-east-1/fw/2025/06/01/07/x.log.gz", "a/2025-02-30-x-y.json", "2025/06/x", "202506/0107/x", "2025/06-01/a-b-c.log", "a/01/06/2025/x", "", "x", "x//2024/y", "a/b/c"} {
			f.Add(text, key)
		}
	}
	f.Fuzz(func(t *testing.T, text, key string) {
		p, err := staging.ParsePattern(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		names := slices.Clone(p.Names())
		slices.Sort(names)
		if names = slices.Compact(names); len(names) != len(p.Names()) {
			t.Errorf("%q has a name twice", text)
		}
		got := p.Match(key)
		if got == nil {
			if at := p.DatePrefix(key); at != "" {
				t.Errorf("%q: the folder of dated folders of %q, which does not match, is %q", text, key, at)
			}
			return
		}
		if len(got) != len(p.Names()) {
			t.Fatalf("%q: %d captures, %d names", text, len(got), len(p.Names()))
		}
		for _, c := range got {
			if c == "" || strings.Contains(c, "/") {
				t.Errorf("%q captures %q of %q", text, c, key)
			}
		}
		whole := format(text, got)
		if rest, ok := strings.CutPrefix(key, whole); !ok || rest != "" && !strings.HasSuffix(text, "/") {
			t.Errorf("%q with %q is %q, the key is %q", text, got, whole, key)
		}
		if again := p.Match(whole); again == nil || format(text, again) != whole {
			t.Errorf("%q matches %q and not %q", text, key, whole)
		}
		at := p.DatePrefix(key)
		if !strings.HasPrefix(key, at) || at != "" && !strings.HasSuffix(at, "/") {
			t.Errorf("%q: the folder of dated folders of %q is %q", text, key, at)
		}
		day, ok := p.Day(got)
		if !ok {
			return
		}
		for i, name := range p.Names() {
			layout, dated := map[string]string{"yyyy": "2006", "mm": "01", "dd": "02"}[name]
			if dated && day.Format(layout) != got[i] {
				t.Errorf("%q: %s is %q in %q, its day is %s", text, name, got[i], key, day)
			}
		}
		m := memstore.New("mem://staging")
		if _, err := m.Put(t.Context(), key, strings.NewReader("x"), objstore.PutOptions{}); err != nil {
			return // no key
		}
		for _, cutoff := range []time.Time{{}, day.AddDate(-1, 0, 0), day, day.AddDate(0, 0, 1), day.AddDate(1, 0, 0)} {
			l, err := staging.List(t.Context(), m, staging.Options{Pattern: p, Cutoff: func(string) time.Time { return cutoff }})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(l.New); n > 1 || n == 0 && !cutoff.After(day) {
				t.Errorf("%q: %q, of %s, is listed %d times with the cutoff %s", text, key, day.Format(time.DateOnly), n, cutoff.Format(time.DateOnly))
			}
			l, err = staging.List(t.Context(), m, staging.Options{Pattern: p, Cutoff: func(string) time.Time { return cutoff }, Through: day})
			if err != nil || len(l.New) == 0 && !cutoff.After(day) {
				t.Errorf("%q: %q, of %s, is not listed through that day: %v", text, key, day.Format(time.DateOnly), err)
			}
		}
	})
}
