package refused_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/refused"
)

// TestExample: an example is one short line, whatever the record holds. If records are hidden, it only says where the record is.
func TestExample(t *testing.T) {
	row := quarantine.Row{Object: "a\nb.log", Record: 7, Message: "m", Raw: []byte("one\ntwo\x1b[2J" + strings.Repeat("ä", 200))}
	got := refused.ExampleOf(&row, "json", false).String()
	if want := "a\\nb.log, record 7: one\\ntwo\\u001b[2J" + strings.Repeat("ä", 94) + "..."; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if diff := cmp.Diff(refused.Example{Object: row.Object, Record: 7, Place: "record 7"}, refused.ExampleOf(&row, "json", true)); diff != "" {
		t.Errorf("hidden (-want +got):\n%s", diff)
	}
	row = quarantine.Row{Object: "a.log", Record: 1, Raw: []byte(`{"a":1}`)}
	if got := refused.ExampleOf(&row, "csv", false).String(); !strings.Contains(got, "looks like JSON, and the mapping reads csv") {
		t.Errorf("another format: %q", got)
	}
	if got := (refused.Example{Object: "whole.gz"}).String(); got != "whole.gz" {
		t.Errorf("a whole object: %q", got)
	}
}

// TestKinds: kinds have counts of their own up to a bound, every record is counted, and the most frequent kinds are named.
func TestKinds(t *testing.T) {
	k := refused.Kinds{}
	for i := range 200 {
		k.Add(fmt.Sprintf("type = %d", i), int64(i+1))
	}
	k.Add("type = 3", 5000)
	if len(k) != 51 || k.Records() != 200*201/2+5000 {
		t.Errorf("%d kinds of %d records", len(k), k.Records())
	}
	if got, want := k.String(), "other kinds (18,825), type = 3 (5,004), type = 49 (50), type = 48 (49), type = 47 (48), type = 46 (47), type = 45 (46), type = 44 (45), 43 more kinds"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestKindOf names kinds by the values that records are chosen by, as one short text.
func TestKindOf(t *testing.T) {
	long := []byte(strings.Repeat("x", 100))
	for want, fields := range map[string][]refused.Field{
		"":                                   nil,
		`a.b = "stats"`:                      {{Path: "a.b", Set: true, Value: []byte("stats")}},
		`a = "1" and c = "x\ny"`:             {{Path: "a", Set: true, Value: []byte("1")}, {Path: "b"}, {Path: "c", Set: true, Value: []byte("x\ny")}},
		"without a":                          {{Path: "a"}, {Path: "b"}},
		`a = "` + string(long[:60]) + `..."`: {{Path: "a", Set: true, Value: long}},
	} {
		if got := refused.KindOf(fields); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
