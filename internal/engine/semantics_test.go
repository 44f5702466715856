package engine

import (
	"testing"
)

// What mappings and the generated SQL depend on in DuckDB. A row here fails when an upgrade changes an answer.
func TestSemantics(t *testing.T) {
	d := openDB(t, Options{Threads: 1})
	for _, c := range []struct{ sql, want string }{
		// TRY gives NULL where its expression fails, row by row.
		{"SELECT list(TRY(v::INTEGER) ORDER BY v)::VARCHAR FROM (VALUES ('1'), ('70000'), ('http'), ('1e3')) t(v)", "[1, 1000, 70000, NULL]"},
		{"SELECT TRY(300::TINYINT)", "(null)"},
		{"SELECT TRY(strptime('x', '%Y'))", "(null)"},
		{"SELECT TRY('2024-02-30'::DATE)", "(null)"},
		{"SELECT TRY(list_extract([1,2], 5))", "(null)"},
		{"SELECT TRY(9223372036854775807 + x) FROM (VALUES (1)) t(x)", "(null)"},
		// Casts round and read text leniently: the scanner decides what a value is.
		{"SELECT CAST(70000.6 AS INTEGER)", "70001"},
		{"SELECT CAST(' 443 ' AS INTEGER)", "443"},
		{"SELECT CAST('0x1f' AS INTEGER)", "31"},
		{"SELECT CAST(2.5 AS INTEGER) + CAST(3.5::DOUBLE AS INTEGER)", "7"},
		// A zero divisor is not an error, and TRY does not make it NULL.
		{"SELECT (1 / 0)::VARCHAR", "inf"},
		{"SELECT 1 // 0", "(null)"},
		// Times: // truncates toward zero, so a time before 1970 comes out a millisecond late; epoch_ms does as much.
		{"SELECT epoch_us(TIMESTAMP '2024-01-01 00:00:00.123999') // 1000", "1704067200123"},
		{"SELECT epoch_ms(TIMESTAMP '2024-01-01 00:00:00.123999')", "1704067200123"},
		{"SELECT epoch_us(TIMESTAMP '1969-12-31 23:59:59.999999') // 1000", "0"},
		{"SELECT epoch_us(TIMESTAMP '1960-01-01 00:00:00') // 1000", "-315619200000"},
		// A TIMESTAMP drops an offset, a TIMESTAMPTZ keeps the instant; ICU is built in, and the zone is UTC.
		{"SELECT ('2024-01-01 10:00:00+02'::TIMESTAMPTZ)::VARCHAR", "2024-01-01 08:00:00+00"},
		{"SELECT ('2024-01-01 10:00:00+02'::TIMESTAMPTZ::TIMESTAMP)::VARCHAR", "2024-01-01 08:00:00"},
		{"SELECT epoch_us(strptime('2024-01-01T10:00:00.123456+0200', '%Y-%m-%dT%H:%M:%S.%f%z'))", "1704096000123456"},
		{"SELECT typeof(strptime('2024-01-01T10:00:00.123456+0200', '%Y-%m-%dT%H:%M:%S.%f%z'))", "TIMESTAMP WITH TIME ZONE"},
		{"SELECT (TIMESTAMPTZ '2024-07-01 00:00:00+00' AT TIME ZONE 'America/New_York')::VARCHAR", "2024-06-30 20:00:00"},
		// Text.
		{`SELECT length('\x01')`, "4"},
		{"SELECT 'a' || NULL", "(null)"},
		{"SELECT concat('a', NULL)", "a"},
		{"SELECT '{\"a\":1,\"a\":2}'::JSON ->> 'a'", "1"},
		// A struct of NULLs is not NULL by itself.
		{"SELECT ({'a': NULL, 'b': NULL} IS NULL)", "false"},
		{"SELECT (CASE WHEN false THEN {'a': 1} END IS NULL)", "true"},
		{"SELECT CAST({'b': 'x', 'c': 1} AS STRUCT(a INTEGER, b VARCHAR))::VARCHAR", "{'a': NULL, 'b': x}"},
		// NULLs sort last.
		{"SELECT list(v ORDER BY v)::VARCHAR FROM (VALUES (2), (NULL), (1)) t(v)", "[1, 2, NULL]"},
	} {
		got, err := collectErr(d, c.sql)
		if err != nil || len(got) != 1 || got[0][0] != c.want {
			t.Errorf("%s: %v %v, want %s", c.sql, got, err, c.want)
		}
	}
}
