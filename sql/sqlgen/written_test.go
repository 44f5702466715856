package sqlgen_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// A value that is put back into unmapped is the text that the record had, whatever its type and format.
func TestRestoredAsWritten(t *testing.T) {
	cases := []struct {
		typ    string
		header string   // a line of raw.sql
		texts  []string // in every format
		json   []string // values of JSON that are not texts
	}{
		{typ: "VARCHAR", texts: []string{"a b", "1e3", "True", "ä/é", "-"}, json: []string{`1e3`, `12.50`, `"\u00e4\/"`}},
		{typ: "INTEGER", texts: []string{"443", "007", "+5", "1e3", "70000000000", "0x1F", "1.0", " 7"}},
		{typ: "BIGINT", texts: []string{"9223372036854775807", "007", "9223372036854775808"}},
		{typ: "SMALLINT", texts: []string{"5", "70000"}},
		{typ: "UINTEGER", texts: []string{"5", "-5"}},
		{typ: "UBIGINT", texts: []string{"18446744073709551615", "007", "+5"}},
		{typ: "HUGEINT", texts: []string{"18446744073709551615", "007"}},
		{typ: "DOUBLE", texts: []string{"1e3", "1E+03", "1.50", "100", "-0.0", "0.1000000000000000055", "1.", "007.5", "1e999", "NaN"}, json: []string{`1e3`, `1.50`}},
		{typ: "FLOAT", texts: []string{"1e3", "0.10", "16777217"}, json: []string{`16777217`}},
		{typ: "DECIMAL(10,2)", texts: []string{"1.5", "001.500", "1.005", "+1"}, json: []string{`1.5`, `1e1`}},
		{typ: "BOOLEAN", texts: []string{"true", "false", "True", "1", "yes"}, json: []string{`true`}},
		{typ: "TIMESTAMP", texts: []string{"2026-01-31T08:15:02Z", "2026-01-31 08:15:02", "2026-01-31t08:15:02.5+01:00", "2026-01-31T08:15:02.123456789Z", "2026-01-31T08:15:02-0530", "2026-01-31", "1769847302"}, json: []string{`1769847302`}},
		{typ: "TIMESTAMPTZ", texts: []string{"2026-01-31T08:15:02+02:00"}},
		{typ: "TIMESTAMP_S", texts: []string{"2026-01-31T08:15:02.750Z"}},
		{typ: "TIMESTAMP_NS", texts: []string{"2026-01-31T08:15:02.123456789Z"}},
		{typ: "TIMESTAMP", header: "-- timestamp: v clf", texts: []string{"31/Jan/2026:08:15:02 +0100", "31/Foo/2026"}},
		{typ: "TIMESTAMP", header: "-- timestamp: v %b %e %Y %H:%M:%S 'Europe/Berlin'", texts: []string{"Jan  3 2026 08:15:02"}},
		{typ: "TIMESTAMP", header: "-- timestamp: v epoch_ms", texts: []string{"1769847302250", "1769847302250.5", "01769847302250"}, json: []string{`1769847302250`, `1.76984730225e12`}},
		{typ: "DATE", texts: []string{"2026-01-31", "2026-1-31", "31.01.2026"}},
		{typ: "TIME", texts: []string{"08:15:02", "8:15:02.5"}},
		{typ: "INTERVAL", texts: []string{"1 day", "P1D"}},
		{typ: "UUID", texts: []string{"0011AABB-4455-6677-8899-AABBCCDDEEFF", "{0011aabb-4455-6677-8899-aabbccddeeff}"}},
		{typ: "JSON", texts: []string{"text", "1e3"}, json: []string{`1e3`, `[1,  2.50]`, `{"a":[ 1.50,  "\u0041\/" ]}`}},
		{typ: "INTEGER[]", texts: []string{"all"}, json: []string{`[1,  2]`, `[ "x" ]`}},
		{typ: "MAP(VARCHAR, VARCHAR)", texts: []string{"all"}, json: []string{`{"a":  1.50}`}},
		{typ: "STRUCT(a INTEGER)[]", texts: []string{"all"}, json: []string{`[{"a":  1, "a": 2}]`}},
	}
	for _, format := range []string{"json", "csv", "kv"} {
		header, columns, consumes, texts, named, again := "", "ts TIMESTAMP, kind VARCHAR", "", "''", "", ""
		var records, keys, values []string
		for i, c := range cases {
			field := fmt.Sprintf("v%d", i)
			if c.header != "" {
				header += strings.Replace(c.header, " v ", " "+field+" ", 1) + "\n"
			}
			columns += ", " + field + " " + c.typ
			consumes += "-- consumes: " + field + " = 'another'\n"
			texts += ", CAST(" + field + " AS VARCHAR)"
			named += fmt.Sprintf(`, %s AS "unmapped.named.%s"`, field, field)
			again += fmt.Sprintf(`, %s AS "unmapped.again.%s"`, field, field)
			add := func(record, key, value string) {
				records, keys, values = append(records, record), append(keys, key), append(values, value)
			}
			for _, text := range c.texts {
				quoted, err := json.Marshal(text)
				if err != nil {
					t.Fatal(err)
				}
				switch format {
				case "json":
					add(fmt.Sprintf(`{"ts":"2026-01-31T08:15:02Z","kind":"KIND",%q:%s}`, field, quoted), field, text)
				case "csv":
					add("2026-01-31T08:15:02Z,KIND,"+strings.Repeat(",", i)+text, field, text)
				case "kv":
					add(`ts=2026-01-31T08:15:02Z kind=KIND `+field+`="`+text+`"`, field, text)
				}
			}
			for _, value := range c.json {
				key, text := field, value
				var object map[string]json.RawMessage
				switch {
				case value[0] == '"' && json.Unmarshal([]byte(value), &text) != nil, value[0] == '{' && json.Unmarshal([]byte(value), &object) != nil:
					t.Fatal(value)
				case value[0] == '{': // its values have keys of their own
					key, text = field+".a", string(object["a"])
				}
				if format == "json" {
					add(fmt.Sprintf(`{"ts":"2026-01-31T08:15:02Z","kind":"KIND",%q:%s}`, field, value), key, text)
				}
			}
		}
		if format == "csv" {
			header += "-- header: no\n"
		}
		files := map[string]string{"raw.sql": "-- format: " + format + "\n" + header + "CREATE TABLE raw (" + columns + ");"}
		kinds := map[string][]string{"other": {""}, "read": {""}, "named": {"named."}, "twice": {"named.", "again."}}
		for kind, more := range map[string]string{"other": "", "read": ", concat(" + texts + ") AS app_name", "named": named, "twice": named + again} {
			head := sqltest.SmallHead
			if kind == "read" {
				head += consumes
			}
			files[kind+".sql"] = head + "SELECT " + strings.Replace(sqltest.SmallBase, "name AS", "'h' AS", 1) + more + " FROM raw WHERE kind = '" + kind + "'"
		}
		compiled := sqltest.Compile(t, sqltest.Mapping(t, files))
		for kind, prefixes := range kinds {
			lines := make([]string, len(records))
			for i, record := range records {
				lines[i] = strings.Replace(record, "KIND", kind, 1)
			}
			events := sqltest.Run(t, compiled, nil, lines...)
			if len(events) != len(lines) {
				t.Fatalf("%s, SELECT %s: %d events of %d records", format, kind, len(events), len(lines))
			}
			for i, e := range events {
				for _, prefix := range prefixes {
					got, ok := e.Unmapped[prefix+keys[i]]
					if !ok { // it is not of the type, so its name is that of the record
						got = e.Unmapped[keys[i]]
					}
					if e.Reason != nil || got != values[i] {
						t.Errorf("SELECT %s: %s: unmapped has %q, want %q (%v, %v)", kind, lines[i], got, values[i], e.Unmapped, e.Reason)
					}
				}
			}
		}
	}
}
