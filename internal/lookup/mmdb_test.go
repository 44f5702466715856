package lookup

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/lookup/mmdbtest"
)

var geo = Declaration{Name: "geo", How: CIDR, Columns: []string{"network"}}

// The fields of the records of a MaxMind database are columns, whose types are those of their values.
func TestMMDBTypes(t *testing.T) {
	type object = map[string]any
	for _, bits := range []int{24, 28, 32} {
		m := mmdbtest.New(t, bits, true)
		name := m.Put("Germany")
		first := m.Put(object{"country": object{"iso_code": "DE", "names": object{"en": mmdbtest.Pointer(name), "pt-BR": strings.Repeat("Alemanha ", 40)}}, "asn": uint32(1 << 31), "small": int32(-5), "port": uint16(443),
			"large": uint64(1 << 63), "huge": [2]uint64{1, 0}, "lat": 51.5, "ratio": float32(0.1), "anycast": true, "raw": []byte{0xab, 1}, "tags": []any{"a", "b"}, "ids": []any{uint32(7), uint32(8)},
			"parts": []any{object{"iso_code": "BY", "n": []any{uint16(1), 2.5, true, object{"x<": "\""}}}}, "mixed": uint16(5), "both": []any{"x"}, "none": []any{}})
		second := m.Put(object{"country": object{"iso_code": "AT"}, "mixed": "five", "both": "x", "anycast": false, "tags": []any{}})
		m.Insert("192.0.2.0/25", first)
		m.Insert("192.0.2.128/25", first)
		m.Insert("192.0.2.64/26", second)
		m.Insert("2001:db8::/33", second)
		m.Insert("2001:db8:8000::/33", second)
		table, err := readAs(t, geo, ".mmdb", m.File())
		if err != nil {
			t.Fatal(err)
		}
		names := map[Type]string{Text: "Text", Bool: "Bool", Int: "Int", Uint: "Uint", Double: "Double"}
		at := func(ip string) []string {
			row := table.Find(keys(ip), 0)
			if row < 0 {
				return nil
			}
			var all []string
			for i, c := range table.Columns() {
				typ := names[c.Type]
				if c.List {
					typ += " list"
				}
				if v := shown(table, i, row); v != "" && v != "NULL" && v != "[]" {
					all = append(all, c.Name+" "+typ+" "+v)
				}
			}
			return all
		}
		one := []string{"anycast Bool true", "asn Int 2147483648", `both Text ["x"]`, "country.iso_code Text DE", "country.names.en Text Germany", "country.names.pt-BR Text " + strings.Repeat("Alemanha ", 40),
			"huge Text 18446744073709551616", "ids Int list [7 8]", "large Uint 9223372036854775808", "lat Double 51.5", "mixed Text 5", `parts Text [{"iso_code":"BY","n":[1,2.5,true,{"x<":"\""}]}]`,
			"port Int 443", "ratio Double 0.1", "raw Text ab01", "small Int -5", `tags Text list ["a" "b"]`}
		two := []string{"anycast Bool false", `both Text "x"`, "country.iso_code Text AT", "mixed Text five"}
		for ip, want := range map[string][]string{"192.0.2.0": one, "192.0.2.63": one, "192.0.2.64": two, "192.0.2.127": two, "192.0.2.128": one, "192.0.2.255": one, "::ffff:192.0.2.1": one,
			"192.0.3.0": nil, "192.0.1.255": nil, "2001:db8::": two, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff": two, "2001:db9::": nil, "x": nil} {
			if d := cmp.Diff(want, at(ip)); d != "" {
				t.Errorf("%d bits: %s (-want +got):\n%s", bits, ip, d)
			}
		}
		if table.Rows() != 2 {
			t.Errorf("%d rows of 2 records", table.Rows())
		}
		if n := len(table.index.(*intervalIndex).six.hi); n != 3 {
			t.Errorf("%d intervals of one network in two parts, want 3", n)
		}
	}
}

// A database finds the row that a CSV file with the same networks finds.
func TestMMDBAsCSV(t *testing.T) {
	w := &world{rand.New(rand.NewPCG(3, 5))}
	for range 100 {
		six := w.r.IntN(2) == 0
		m := mmdbtest.New(t, 24, six)
		var networks []netip.Prefix
		for range 1 + w.r.IntN(40) {
			a := w.address(six && w.r.IntN(2) == 0)
			p, err := a.Prefix(1 + w.r.IntN(a.BitLen()))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(networks, p) && (!p.Addr().Is6() || p.Addr().As16()[0] != 0) {
				networks = append(networks, p)
			}
		}
		slices.SortStableFunc(networks, func(x, y netip.Prefix) int { return x.Bits() - y.Bits() }) // longer ones take the place of shorter ones
		slices.SortStableFunc(networks, func(x, y netip.Prefix) int { return x.Addr().BitLen() - y.Addr().BitLen() })
		text := "network,v\n"
		for _, p := range networks {
			m.Insert(p.String(), m.Put(map[string]any{"v": p.String()}))
			text += p.String() + "," + p.String() + "\n"
		}
		one := read(t, geo, text)
		two, err := readAs(t, geo, ".mmdb", m.File())
		if err != nil {
			t.Fatal(err)
		}
		value := func(t *Table, key string) string {
			if row := t.Find(keys(key), 0); row >= 0 {
				return string(t.Text(t.Column("v"), row))
			}
			return ""
		}
		for range 300 {
			key := w.address(w.r.IntN(3) == 0).String()
			if x, y := value(one, key), value(two, key); x != y {
				t.Fatalf("%s: %q of CSV, %q of the database\n%s", key, x, y, text)
			}
		}
	}
}

// What is wrong with a database is one line, and what a few bytes can stand for is bounded.
func TestMMDBErrors(t *testing.T) {
	file := func(v any) []byte {
		m := mmdbtest.New(t, 24, false)
		m.Insert("192.0.2.0/24", m.Put(v))
		return m.File()
	}
	ok := file(map[string]any{"a": "x", "b": []any{uint32(1), "y"}, "c": map[string]any{"d": 1.5}})
	wide, deep := map[string]any{}, any("x")
	for i := range MaxColumns + 1 {
		wide[string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/26/26))] = "x"
	}
	for range 40 {
		deep = map[string]any{"a": deep}
	}
	bomb := mmdbtest.New(t, 24, false)
	place := bomb.Put("x")
	for range 12 {
		place = bomb.Put([]any{mmdbtest.Pointer(place), mmdbtest.Pointer(place), mmdbtest.Pointer(place), mmdbtest.Pointer(place)})
	}
	bomb.Insert("192.0.2.0/24", bomb.Put(map[string]any{"a": mmdbtest.Pointer(place)}))
	long := mmdbtest.New(t, 24, false)
	text := long.Put(strings.Repeat("x", 60_000))
	long.Insert("192.0.2.0/24", long.Put(map[string]any{"a": slices.Repeat([]any{mmdbtest.Pointer(text)}, 200)}))
	for _, c := range []struct {
		d    Declaration
		file []byte
		want string
	}{
		{geo, nil, "it is not a MaxMind database that can be read: error opening database: invalid MaxMind DB file. Try: download the file again"},
		{geo, ok[:len(ok)-30], "it is not a MaxMind database that can be read: "},
		{geo, ok[200:], "it is not a MaxMind database that can be read: "},
		{geo, file(wide), "a lookup can have 1000 columns, and this database has more fields. Try: "},
		{geo, file(deep), "a record has more than 32 levels"},
		{geo, file(map[string]any{"a": "x", "A": "y"}), "a: two columns have this name. Try: "},
		{geo, file(map[string]any{}), "no record has a field. Try: "},
		{geo, file(map[string]any{"a": strings.Repeat("v", MaxValue+1)}), "a: a value is longer than 16384 bytes. Try: "},
		{geo, bomb.File(), "a record has more than 10,000 values"},
		{geo, long.File(), "a record has more than 1 MiB of texts"},
		{Declaration{Name: "geo", How: CIDR, Columns: []string{"net"}}, ok, "a MaxMind database is found by its networks only. Try: declare `-- lookup: geo by cidr network`"},
		{Declaration{Name: "geo", How: Equal, Columns: []string{"network"}}, ok, "a MaxMind database is found by its networks only. Try: "},
		{Declaration{Name: "geo", How: CIDR, Columns: []string{"network"}, From: "a", To: "b"}, ok, "a MaxMind database has no times of validity. Try: "},
	} {
		_, err := readAs(t, c.d, ".mmdb", c.file)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "lookups/geo.mmdb: "+c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 { // damaged files are read, or are one line
		damaged := slices.Clone(ok)
		for range 1 + r.IntN(3) {
			damaged[r.IntN(len(damaged))] = byte(r.Uint32())
		}
		var e *Error
		if _, err := readAs(t, geo, ".mmdb", damaged[:len(damaged)-r.IntN(2)*r.IntN(len(damaged))]); err != nil && (!errors.As(err, &e) || strings.Contains(err.Error(), "\n")) {
			t.Fatal(err)
		}
	}
	one, err := Read(t.Context(), geo, bytes.NewReader(ok), Options{File: "geo.mmdb", Size: int64(len(ok)), MaxBytes: 100, MaxBytesOf: "the limit"})
	if err == nil || !strings.Contains(err.Error(), "the lookup geo needs more than 0 MiB of memory, which is the limit. Try: ") {
		t.Error(one, err)
	}
}
