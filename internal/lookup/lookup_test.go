package lookup

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// read makes a table of a CSV text.
func read(t testing.TB, d Declaration, text string) *Table {
	t.Helper()
	table, err := tryRead(t, d, text)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func tryRead(t testing.TB, d Declaration, text string) (*Table, error) {
	t.Helper()
	return Read(t.Context(), d, strings.NewReader(text), Options{File: "lookups/" + d.Name + ".csv"})
}

func keys(all ...string) (out [][]byte) {
	for _, k := range all {
		out = append(out, []byte(k))
	}
	return out
}

// naive finds rows by looking at each.
type naive struct {
	d    Declaration
	rows [][]string // key columns, from, to
}

func day(n int) string { return time.Unix(int64(n)*86400, 0).UTC().Format(time.DateOnly) }

func (n *naive) find(key []string, at int) int {
	best, bits := -1, -1
	for i, r := range n.rows {
		if n.d.Timed() {
			if from := r[len(r)-2]; from != "" && day(at) < from {
				continue
			}
			if to := r[len(r)-1]; to != "" && day(at) >= to {
				continue
			}
		}
		switch n.d.How {
		case Equal:
			same := true
			for k := range n.d.Columns {
				same = same && r[k] == key[k]
			}
			if same {
				return i
			}
		case CIDR:
			ip, err := netip.ParseAddr(key[0])
			if err != nil {
				continue
			}
			p, err := netip.ParsePrefix(r[0])
			if err != nil {
				a := netip.MustParseAddr(r[0])
				p = netip.PrefixFrom(a, a.BitLen())
			}
			if p.Contains(ip.Unmap()) && p.Bits() > bits {
				best, bits = i, p.Bits()
			}
		case Range:
			if v, err := strconv.Atoi(key[0]); err == nil {
				first, _ := strconv.Atoi(r[0])
				last, _ := strconv.Atoi(r[1])
				if first <= v && v <= last {
					return i
				}
				continue
			}
			ip, err := netip.ParseAddr(key[0])
			if err != nil {
				continue
			}
			first, last := netip.MustParseAddr(r[0]), netip.MustParseAddr(r[1])
			if ip.Unmap().BitLen() == first.BitLen() && first.Compare(ip.Unmap()) <= 0 && ip.Unmap().Compare(last) <= 0 {
				return i
			}
		}
	}
	return best
}

// world makes random rows, and keys that are in them, at their edges or elsewhere.
type world struct{ r *rand.Rand }

func (w world) address(six bool) netip.Addr {
	if !six {
		return netip.AddrFrom4([4]byte{[]byte{192, 198, 0, 255}[w.r.IntN(4)], byte(w.r.IntN(3) * 127), byte(w.r.IntN(256)), byte(w.r.IntN(256))})
	}
	var b [16]byte
	copy(b[:], []byte{0x20, 0x01, 0x0d, 0xb8})
	if w.r.IntN(8) == 0 {
		copy(b[:], []byte{0xff, 0xff, 0xff, 0xff})
	}
	for i := 4; i < 16; i++ {
		if w.r.IntN(3) == 0 {
			b[i] = byte(w.r.IntN(2) * 255)
		}
	}
	return netip.AddrFrom16(b)
}

func (w world) rows(d Declaration) (rows [][]string) {
	last := 0
	var lastIP uint32
	seen := map[string]bool{}
	for range 1 + w.r.IntN(60) {
		var key []string
		switch d.How {
		case Equal:
			for range d.Columns {
				key = append(key, string(rune('a'+w.r.IntN(4)))+strings.Repeat("x", w.r.IntN(3)))
			}
		case CIDR:
			a := w.address(w.r.IntN(2) == 0)
			p := netip.PrefixFrom(a, w.r.IntN(a.BitLen()+1)).Masked()
			key = []string{p.String()}
			if p.IsSingleIP() && w.r.IntN(2) == 0 {
				key = []string{p.Addr().String()}
			}
		case Range:
			if d.Columns[0] == "port" {
				last += 1 + w.r.IntN(5)
				first := last
				last += w.r.IntN(5)
				key = []string{strconv.Itoa(first - 40), strconv.Itoa(last - 40)}
			} else {
				lastIP += 1 + uint32(w.r.IntN(1<<25))
				first := lastIP
				lastIP += uint32(w.r.IntN(1 << 25))
				four := func(v uint32) string {
					return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}).String()
				}
				key = []string{four(first), four(lastIP)}
			}
		}
		name := strings.Join(key, "\x00")
		if p, err := netip.ParsePrefix(key[0]); err == nil && p.IsSingleIP() {
			name = p.Addr().String()
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		if !d.Timed() {
			rows = append(rows, key)
			continue
		}
		at := w.r.IntN(10)
		for k := range 1 + w.r.IntN(4) {
			from, to := day(at), ""
			if k == 0 && w.r.IntN(3) == 0 {
				from = ""
			}
			at += 1 + w.r.IntN(10)
			if w.r.IntN(4) > 0 {
				to = day(at)
			}
			rows = append(rows, append(append([]string{}, key...), from, to))
			if to == "" {
				break
			}
			at += w.r.IntN(3)
		}
	}
	w.r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func (w world) key(d Declaration, rows [][]string) []string {
	r := rows[w.r.IntN(len(rows))]
	switch d.How {
	case Equal:
		if w.r.IntN(3) > 0 {
			return r[:len(d.Columns)]
		}
		var key []string
		for range d.Columns {
			key = append(key, string(rune('a'+w.r.IntN(5))))
		}
		return key
	case Range:
		v := r[w.r.IntN(2)]
		if n, err := strconv.Atoi(v); err == nil {
			return []string{strconv.Itoa(n - 1 + w.r.IntN(3))}
		}
		return []string{near(netip.MustParseAddr(v), w.r.IntN(3)-1)}
	}
	if w.r.IntN(10) == 0 {
		return []string{[]string{"", "x", "192.0.2", "192.0.2.256", "::g", "1.2.3.4.5"}[w.r.IntN(6)]}
	}
	if w.r.IntN(3) == 0 {
		return []string{w.address(w.r.IntN(2) == 0).String()}
	}
	p, err := netip.ParsePrefix(r[0])
	if err != nil {
		return []string{near(netip.MustParseAddr(r[0]), w.r.IntN(3)-1)}
	}
	q, _ := readPrefix(r[0])
	if w.r.IntN(2) == 0 {
		return []string{near(p.Addr(), w.r.IntN(3)-1)}
	}
	last := p.Addr().As16()
	for i := range 128 - (128 - p.Addr().BitLen()) - p.Bits() {
		last[15-i/8] |= 1 << (i % 8)
	}
	a := netip.AddrFrom16(last).Unmap()
	if want, got := a.String(), q.last(); ofIP(a) != got {
		panic(fmt.Sprintf("%s ends at %s, not at %v", r[0], want, got))
	}
	text := near(a, w.r.IntN(3)-1)
	if w.r.IntN(8) == 0 && a.Is4() {
		text = "::ffff:" + text
	}
	return []string{text}
}

func near(a netip.Addr, by int) string {
	switch {
	case by < 0 && a.Prev().IsValid():
		a = a.Prev()
	case by > 0 && a.Next().IsValid():
		a = a.Next()
	}
	return a.String()
}

// Each way to find a row gives what looking at each row gives, with and without times of validity.
func TestAgainstNaive(t *testing.T) {
	for _, d := range []Declaration{
		{Name: "a", How: Equal, Columns: []string{"key"}},
		{Name: "a", How: Equal, Columns: []string{"one", "two"}},
		{Name: "a", How: Equal, Columns: []string{"key"}, From: "from", To: "to"},
		{Name: "a", How: CIDR, Columns: []string{"net"}},
		{Name: "a", How: CIDR, Columns: []string{"net"}, From: "from", To: "to"},
		{Name: "a", How: Range, Columns: []string{"port", "last"}},
		{Name: "a", How: Range, Columns: []string{"port", "last"}, From: "from", To: "to"},
		{Name: "a", How: Range, Columns: []string{"first", "last"}},
	} {
		found, none := 0, 0
		for seed := range uint64(150) {
			w := world{rand.New(rand.NewPCG(seed, 7))}
			rows := w.rows(d)
			header := append([]string{}, d.Columns...)
			if d.Timed() {
				header = append(header, d.From, d.To)
			}
			var text bytes.Buffer
			c := csv.NewWriter(&text)
			if err := c.WriteAll(append([][]string{header}, rows...)); err != nil {
				t.Fatal(err)
			}
			table := read(t, d, text.String())
			oracle := &naive{d, rows}
			var batch [][]byte
			var one []int64
			for range 200 {
				key, at := w.key(d, rows), w.r.IntN(40)
				got, want := table.Find(keys(key...), int64(at)*86_400_000), oracle.find(key, at)
				if got != want {
					t.Fatalf("%s, seed %d: %q on %s: row %d, want %d\n%s", d.String(), seed, key, day(at), got, want, text.String())
				}
				batch, one = append(batch, []byte(key[0])), append(one, int64(got))
				if want < 0 {
					none++
					continue
				}
				found++
				if got, want := string(table.Text(0, got)), rows[want][0]; got != want {
					t.Fatalf("%s: %q, want %q", d.String(), got, want)
				}
			}
			if d.Arguments() == 1 && !d.Timed() {
				sameInBatches(t, table, batch, one)
			}
		}
		if found < 2000 || none < 2000 {
			t.Errorf("%s: %d found, %d not", d.String(), found, none)
		}
	}
}

// sameInBatches compares what a table finds for several keys at once with what it finds for each.
func sameInBatches(t *testing.T, table *Table, keys [][]byte, want []int64) {
	t.Helper()
	for from, size := 0, 1; from < len(keys); from, size = from+size, min(size*3, Batch) {
		to := min(from+size, len(keys))
		got, texts := make([]int64, to-from), make([][]byte, to-from)
		table.FindAll(keys[from:to], got)
		if !slices.Equal(got, want[from:to]) {
			t.Fatalf("%s: rows %v of %q, want %v", table.String(), got, keys[from:to], want[from:to])
		}
		table.Texts(0, got, texts)
		for i, row := range got {
			text := ""
			if row >= 0 {
				text = string(table.Text(0, int(row)))
			}
			if string(texts[i]) != text {
				t.Fatalf("%s: %q, want %q", table.String(), texts[i], text)
			}
		}
	}
}

// A mistake in a file is one line with its place, the column and what to try, and without a value of the file.
func TestMistakes(t *testing.T) {
	equal := Declaration{Name: "a", How: Equal, Columns: []string{"key"}}
	cidr := Declaration{Name: "a", How: CIDR, Columns: []string{"net"}}
	ports := Declaration{Name: "a", How: Range, Columns: []string{"first", "last"}}
	timed := Declaration{Name: "a", How: Equal, Columns: []string{"key"}, From: "since", To: "until"}
	for _, c := range []struct {
		d          Declaration
		text, want string
	}{
		{equal, "", "lookups/a.csv: the file is empty. Try: add a first line with the names of the columns"},
		{equal, "name\nx\n", "lookups/a.csv:1: key: the file does not have this column of the `-- lookup:` line. Try: name one of its columns (name)"},
		{equal, "keys\nx\n", "lookups/a.csv:1: key: the file does not have this column of the `-- lookup:` line. Try: name the column keys"},
		{equal, "key,KEY\nx,y\n", "lookups/a.csv:1: KEY: two columns have this name. Try: give one of them another name"},
		{equal, "key,\nx,y\n", "lookups/a.csv:1: a column has no name. Try: add a first line with a name for each column"},
		{equal, "key,v\ns3cret,1\nb,2\ns3cret,3\n", "lookups/a.csv:4: key: the same key is on line 2. Try: remove one of the rows, or declare from when to when each is valid (`valid from..to`)"},
		{equal, "key,v\n\"a\nb\",1\n\n,2\n", "lookups/a.csv:5: key: a key is empty. Try: remove the row"},
		{equal, "key,v\na,1,s3cret\n", "lookups/a.csv:2: the line has another number of values than the first line. Try: put values with commas in quotes (\")"},
		{equal, "key,v\na,s3\"cret\n", "lookups/a.csv:2: bare \" in non-quoted-field. Try: put values with commas or quotes in quotes (\"), and double the quotes in them"},
		{equal, "key,v\na,b\nc,\"" + strings.Repeat("d\n", 3<<20), "lookups/a.csv:3: a record is longer than 4 MiB. Try: close the quotes (\") of a value near this line"},
		{equal, "key,v\na,\xff\n", "lookups/a.csv:2: v: a value is not UTF-8. Try: save the file as UTF-8"},
		{equal, "key,v\na," + strings.Repeat("b", MaxValue+1) + "\n", "lookups/a.csv:2: v: a value is longer than 16384 bytes. Try: shorten it"},
		{cidr, "net\n192.0.2.0/24\ns3cret\n", "lookups/a.csv:3: net: not a CIDR prefix (example: 192.0.2.0/24) or an address. Try: correct the value"},
		{cidr, "net\n192.0.2.1/24\n", "lookups/a.csv:2: net: the address has bits behind the prefix: the network is 192.0.2.0/24. Try: correct the value"},
		{cidr, "net\n192.0.2.0/24\n::ffff:192.0.2.0/120\n", "lookups/a.csv:3: net: the same key is on line 2. Try: remove one of the rows, or declare from when to when each is valid (`valid from..to`)"},
		{ports, "first,last\n1,2\nx,4\n", "lookups/a.csv:3: first: not a whole number, as in the rows before. Try: correct the value"},
		{ports, "first,last\n4,2\n", "lookups/a.csv:2: last: the range ends before it begins. Try: exchange the two values"},
		{ports, "first,last\n4,8\n1,4\n", "lookups/a.csv:3: first, last: the range has values of the one on line 2. Try: write ranges that have no value in common"},
		{timed, "key,since,until\na,2025-01-01,2025-03-01\na,2025-02-01,\n", "lookups/a.csv:3: since..until: the key is valid at the same time on line 2. Try: end one row at the time at which the other one begins"},
		{timed, "key,since,until\na,2025-01-01,2024-03-01\n", "lookups/a.csv:2: until: the validity ends before it begins. Try: write a later time, or no value for a row that is still valid"},
		{timed, "key,since,until\na,yesterday,2024-03-01\n", "lookups/a.csv:2: since: not a time. Try: write it as 2025-06-01 or 2025-06-01T08:00:00Z"},
	} {
		_, err := tryRead(t, c.d, c.text)
		if err == nil {
			t.Errorf("%.40q: no error, want %s", c.text, c.want)
			continue
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.40q: %T", c.text, err)
		}
		if err.Error() != c.want {
			t.Errorf("%.40q:\n%s, want\n%s", c.text, err, c.want)
		}
	}
}

// A table that is larger than its limit is refused.
func TestMaxBytes(t *testing.T) {
	var b strings.Builder
	b.WriteString("key\n")
	for i := range 300_000 {
		fmt.Fprintf(&b, "host-%d.example.com\n", i)
	}
	d := Declaration{Name: "hosts", How: Equal, Columns: []string{"key"}}
	o := Options{File: "hosts.csv", MaxBytes: 4 << 20, MaxBytesOf: "half of limits.memory"}
	_, err := Read(t.Context(), d, strings.NewReader(b.String()), o)
	if err == nil || !strings.Contains(err.Error(), "the lookup hosts needs more than ") {
		t.Error(err)
	}
	o.MaxBytes = 64 << 20
	table, err := Read(t.Context(), d, strings.NewReader(b.String()), o)
	if err != nil {
		t.Fatal(err)
	}
	if n := table.Bytes() / int64(table.Rows()); n > 50 {
		t.Errorf("%d bytes a row", n)
	}
	for _, i := range []int{0, 1, 65_536, 299_999} {
		if row := table.Find(keys(fmt.Sprintf("host-%d.example.com", i)), 0); row != i {
			t.Errorf("row %d, want %d", row, i)
		}
	}
}

// A mark of the byte order at the start of a file is not part of a name.
func TestByteOrderMark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(path, []byte("\xef\xbb\xbfkey,v\na,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := Read(t.Context(), Declaration{Name: "a", How: Equal, Columns: []string{"Key"}}, f, Options{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if row := table.Find(keys("a"), 0); row != 0 || string(table.Text(table.Column("V"), row)) != "1" {
		t.Error(row)
	}
}

// What the quick reader of IPv4 networks reads, the general one reads in the same way.
func TestReadPrefix4(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 1))
	texts := []string{"192.0.2.0/24", "0.0.0.0/0", "10.0.0.0/8", "203.0.113.7/32", "198.51.100.9", "192.0.2.1/24", "1.2.3.4/33", "1.2.3.4/08", "1.2.3.4/", "01.2.3.4/32", "256.0.0.0/8", "::ffff:192.0.2.0/120"}
	read := 0
	for range 20000 {
		text := []byte(texts[random.IntN(len(texts))])
		for range random.IntN(3) {
			text[random.IntN(len(text))] = "0123456789./: "[random.IntN(14)]
		}
		first, last, ok := readPrefix4(text)
		if !ok {
			continue
		}
		read++
		p, why := readPrefix(string(text))
		if why != "" || p.first != (address{lo: uint64(first), four: true}) || p.last() != (address{lo: uint64(last), four: true}) {
			t.Fatalf("%q: %d to %d, and in general %+v to %+v, %s", text, first, last, p.first, p.last(), why)
		}
	}
	if read < 3000 {
		t.Errorf("only %d of the texts are networks", read)
	}
}

// A column that is not needed has no values in memory, but they are checked.
func TestNeeded(t *testing.T) {
	o := Options{File: "a.csv", Needed: func(column string) bool { return column == "owner" }}
	text := "net,site,owner\n192.0.2.0/24,berlin,ada\n192.0.2.7,rome,bob\n"
	for _, d := range []Declaration{{Name: "a", How: CIDR, Columns: []string{"net"}}, {Name: "a", How: Equal, Columns: []string{"net"}}} {
		table, err := Read(t.Context(), d, strings.NewReader(text), o)
		if err != nil {
			t.Fatal(err)
		}
		if row := table.Find(keys("192.0.2.7"), 0); row != 1 || string(table.Text(2, row)) != "bob" {
			t.Errorf("%s: row %d", d.String(), row)
		}
		if table.Kept(0) != (d.How == Equal) || table.Kept(1) || !table.Kept(2) || len(table.Columns()) != 3 {
			t.Errorf("%s: the values of %v are kept: %t, %t, %t", d.String(), table.Columns(), table.Kept(0), table.Kept(1), table.Kept(2))
		}
	}
	for _, bad := range []string{"\xff", "\"x\n\xff\"", strings.Repeat("b", MaxValue+1)} {
		_, err := Read(t.Context(), Declaration{Name: "a", How: CIDR, Columns: []string{"net"}}, strings.NewReader("net,site\n192.0.2.0/24,"+bad+"\n"), o)
		if err == nil || !strings.HasPrefix(err.Error(), "a.csv:2: site: a value is ") {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

// Spans are sorted by their begin, and larger ones before those in them.
func TestSortShort(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, first := range map[string]func() uint32{
		"everywhere":        random.Uint32,
		"few begins":        func() uint32 { return random.Uint32N(50) * 0x5_0000_01 },
		"near":              func() uint32 { return 0x0a00_0000 + random.Uint32N(1<<12) },
		"near and far away": func() uint32 { return random.Uint32N(1<<10) + random.Uint32N(2)*0xffff_fc00 },
		"at the end":        func() uint32 { return math.MaxUint32 - random.Uint32N(3) },
	} {
		for _, n := range []int{0, 1, 65, 3000, 50_000} {
			spans := make([]shortSpan, n)
			for i := range spans {
				at := first()
				spans[i] = shortSpan{at, at | random.Uint32N(4)*0x3f, uint32(i)}
			}
			want := slices.SortedFunc(slices.Values(spans), order4)
			if sortShort(spans); !slices.Equal(spans, want) {
				t.Errorf("%s, %d spans: not in order", name, n)
			}
		}
	}
}

// order4 is the order of the spans as spans of addresses of any kind.
func order4(x, y shortSpan) int { return order(x.span(), y.span()) }
