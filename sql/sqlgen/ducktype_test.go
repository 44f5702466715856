package sqlgen

import (
	"reflect"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
)

func TestParseType(t *testing.T) {
	for text, id := range map[string]string{
		"VARCHAR": "VARCHAR", "DECIMAL(10,2)": "DECIMAL", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE", "VARCHAR[]": "LIST",
		"MAP(VARCHAR, STRUCT(a INTEGER))": "MAP", "ENUM('a)', 'b, c')": "ENUM", "STRUCT(a INTEGER)[][3]": "LIST", `STRUCT("a ""b" DECIMAL(4,1), c STRUCT(d VARCHAR[]))`: "STRUCT",
	} {
		got, err := parseType(text)
		if err != nil || got.id != id || got.text != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	s, err := parseType(`STRUCT("a ""b" DECIMAL(4,1), c STRUCT(d VARCHAR[]), e JSON)`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range s.fields {
		names = append(names, f.name+" "+f.typ.text)
	}
	if want := []string{`a "b DECIMAL(4,1)`, "c STRUCT(d VARCHAR[])", "e JSON"}; !reflect.DeepEqual(names, want) {
		t.Errorf("%q", names)
	}
	if e := s.fields[1].typ.fields[0].typ.elem; e == nil || e.id != "VARCHAR" {
		t.Errorf("element %+v", e)
	}
	for _, bad := range []string{"", "STRUCT(", `STRUCT("a INTEGER)`, "VARCHAR[", "STRUCT(a INTEGER) )", "ENUM('a"} {
		if got, err := parseType(bad); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

// What the scanner reads is as wide as what raw.sql declares; the rest is cast.
func TestScanKind(t *testing.T) {
	for text, want := range map[string]string{
		"VARCHAR": "0 VARCHAR ", "SMALLINT": "2 INTEGER SMALLINT", "INTEGER": "2 INTEGER ", "UINTEGER": "3 BIGINT UINTEGER", "BIGINT": "3 BIGINT ", "UBIGINT": "0 VARCHAR UBIGINT",
		"DOUBLE": "4 DOUBLE ", "TIMESTAMP WITH TIME ZONE": "5 TIMESTAMP ", "DATE": "0 VARCHAR DATE", "JSON": "6 VARCHAR JSON", "INTEGER[]": "6 VARCHAR INTEGER[]", "DECIMAL(4,1)": "0 VARCHAR DECIMAL(4,1)",
	} {
		typ, err := parseType(text)
		if err != nil {
			t.Fatal(err)
		}
		kind, column, cast := typ.scanKind()
		if got := string('0'+rune(kind)) + " " + column + " " + cast; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if decode.JSON != 6 || decode.Timestamp != 5 {
		t.Error("the numbers above are decode's kinds")
	}
}

func TestHeader(t *testing.T) {
	f := diag.File{Path: "f", Text: "-- A comment of no concern: really\n\n--class: network_activity\n-- profiles: cloud, security_control\n-- drop: a = 'x:y'\n-- consumes: a.b, c\n-- consumes: d\nSELECT 1 -- class: other\n"}
	r := &diag.List{}
	h := parseHeader(f, r)
	if h.class != "network_activity" || h.version != DefaultVersion || len(h.profiles) != 2 || h.drops[0].text != "a = 'x:y'" || len(h.consumes) != 3 || len(*r) != 0 {
		t.Errorf("%+v %v", h, *r)
	}
	for _, w := range append(append(h.profiles, h.consumes...), h.drops...) {
		if !strings.HasPrefix(f.Text[w.at:], w.text) {
			t.Errorf("%q is not at %d", w.text, w.at)
		}
	}
	if l, c := diag.Position(f.Text, h.classAt); l != 3 || c != 10 {
		t.Errorf("class at %d:%d", l, c)
	}
}
