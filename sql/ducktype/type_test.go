package ducktype

import (
	"reflect"
	"testing"

	"github.com/silt-etl/silt/internal/decode"
)

func TestParseType(t *testing.T) {
	for text, id := range map[string]string{
		"VARCHAR": "VARCHAR", "DECIMAL(10,2)": "DECIMAL", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE", "VARCHAR[]": "LIST",
		"MAP(VARCHAR, STRUCT(a INTEGER))": "MAP", "ENUM('a)', 'b, c')": "ENUM", "STRUCT(a INTEGER)[][3]": "LIST", `STRUCT("a ""b" DECIMAL(4,1), c STRUCT(d VARCHAR[]))`: "STRUCT",
	} {
		got, err := Parse(text)
		if err != nil || got.ID != id || got.Text != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	s, err := Parse(`STRUCT("a ""b" DECIMAL(4,1), c STRUCT(d VARCHAR[]), e JSON)`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range s.Fields {
		names = append(names, f.Name+" "+f.Type.Text)
	}
	if want := []string{`a "b DECIMAL(4,1)`, "c STRUCT(d VARCHAR[])", "e JSON"}; !reflect.DeepEqual(names, want) {
		t.Errorf("%q", names)
	}
	if e := s.Fields[1].Type.Fields[0].Type.Elem; e == nil || e.ID != "VARCHAR" {
		t.Errorf("element %+v", e)
	}
	for _, bad := range []string{"", "STRUCT(", `STRUCT("a INTEGER)`, "VARCHAR[", "STRUCT(a INTEGER) )", "ENUM('a"} {
		if got, err := Parse(bad); err == nil {
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
		typ, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		kind, column, cast := typ.ScanKind()
		if got := string('0'+rune(kind)) + " " + column + " " + cast; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if decode.JSON != 6 || decode.Timestamp != 5 {
		t.Error("the numbers above are decode's kinds")
	}
}
