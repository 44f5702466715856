package hostile

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/decode/archive/archivetest"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// maxPeak is what a run of these tests may take, at limits.memory: 256MiB. Records are as large as the tests make them.
const maxPeak = 1 << 30

// TestBombs: an object that unpacks to far more than its size stays within the memory limit, and the records next to it are published.
func TestBombs(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	n := size(16<<20, 1<<30)
	for name, data := range map[string][]byte{
		"zeros in gzip":        gz(zeros(n)),
		"zeros in zstd":        zst(t, zeros(n)),
		"blanks in gzip":       gz(strings.Repeat(" ", n)),
		"empty lines in zstd":  zst(t, strings.Repeat("\n", n)),
		"broken lines in gzip": gz(strings.Repeat("x\n", n>>9)),
		"an open text in gzip": gz(`{"event":{"a":"` + strings.Repeat("a", n)),
		"zeros in gzip twice":  gz(string(gz(zeros(n)))),
		"members in gzip":      gz(string(bytes.Repeat(gz(""), size(1000, 100_000)))),
		"gzip in gzip in gzip": gz(string(gz(string(gz(zeros(n)))))),
		"zstd in gzip":         gz(string(zst(t, zeros(n)))),
		"a window of zstd":     []byte("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"), // of 2 GiB, around nothing
		"members of gzip":      bytes.Repeat(gz(""), size(1000, 100_000)),
		"zeros in zip":         archivetest.Zip(t, member{"a", zeros(n)}, member{"b", zeros(n)}),
		"zeros in tar.gz":      gz(string(archivetest.Tar(t, member{"a", zeros(n)}))),
		"blanks in xz":         packs(t)["xz"](strings.Repeat(" ", size(4<<20, 256<<20))),
		"zeros in lz4":         packs(t)["lz4"](zeros(n)),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put("bomb", data)
			w.put("later.log", []byte(ten(100)))
			w.wants(100, 10)
			peakBelow(t, maxPeak, func() {
				if sum := w.done(); sum.Records.Published != 20 {
					t.Errorf("%+v", sum.Records)
				}
			})
		})
	}
}

// TestWideRecords: a record with very many keys or elements, or nested very deep, is published or quarantined by itself.
func TestWideRecords(t *testing.T) {
	many := func(n int, one func(i int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = one(i)
		}
		return strings.Join(all, ",")
	}
	keys, elements, depth := size(20_000, 1_000_000), size(20_000, 100_000), size(5000, 1_000_000)
	for name, more := range map[string]string{
		"keys":                 `,"more":{` + many(keys, func(i int) string { return fmt.Sprintf(`"key%d":%d`, i, i) }) + `}`,
		"the same key":         "," + many(keys, func(int) string { return `"again":1` }),
		"elements":             `,"more":[` + many(elements, strconv.Itoa) + `]`,
		"objects in a list":    `,"more":[` + many(elements, func(i int) string { return `{"a":` + strconv.Itoa(i) + `}` }) + `]`,
		"nested lists":         `,"more":` + strings.Repeat("[", depth) + strings.Repeat("]", depth),
		"nested objects":       `,"more":` + strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth),
		"lists that stay open": `,"more":` + strings.Repeat("[", depth),
		"a long key":           `,"` + strings.Repeat("k", size(1<<20, 32<<20)) + `":1`,
		"a long text":          `,"more":"` + strings.Repeat("t", size(2<<20, 32<<20)) + `"`,
		"a long number":        `,"more":` + strings.Repeat("9", size(1<<20, 8<<20)),
		"a large exponent":     `,"more":1e99999999999,"src_port":1e400`,
		"half a character":     `,"more":"\ud800","x":"\u0000"`,
		"bytes not in UTF-8":   ",\"more\":\"\xff\xfe\xc0\x80\"",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put("wide.log", []byte(flow(100)+flowAt(101, "2025-06-02T10:00:00.000000+0000", more)+flow(102)))
			w.wants(100, 1)
			w.wants(102, 1)
			w.may["101"] = true
			peakBelow(t, maxPeak, func() {
				if sum := w.done(); sum.Records.Read != 13 {
					t.Errorf("%+v", sum.Records)
				}
			})
		})
	}
}

// TestTruncated: an object that is cut off at any byte publishes all of its records or not one, if it is packed. Of plain text,
// the records before the cut are published.
func TestTruncated(t *testing.T) {
	for name, pack := range packs(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cuts := 0
			for {
				data := pack(ten(100 * (cuts + 1)))
				if cuts >= len(data) {
					break
				}
				w.put(fmt.Sprintf("cut%04d", cuts), data[:cuts])
				cuts++
			}
			w.put("whole", pack(ten(100*(cuts+1))))
			w.wants(100*(cuts+1), 10)
			if sum := w.done(); sum.Records.Published != 20 {
				t.Errorf("%+v", sum.Records)
			}
			t.Logf("%s: %d cases", name, cuts)
		})
	}
	t.Run("text", func(t *testing.T) {
		w := newWorld(t)
		cuts := 0
		for cut := 0; cut < len(ten(100_000)); cut += size(13, 1) {
			first := 100_000 + 100*cuts
			text := ten(first)[:cut]
			w.put(fmt.Sprintf("cut%05d.log", cut), []byte(text))
			lines := strings.SplitAfter(text, "}}")
			w.wants(first, len(lines)-1) // what follows the last end of a record is not one
			cuts++
		}
		w.done()
		t.Logf("text: %d cases", cuts)
	})
}

// TestFlipped: whichever byte of a packed object is changed, its ten records are published as they were, or not one is.
func TestFlipped(t *testing.T) {
	for name, pack := range packs(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			flips := 0
			changes := []byte{0xff}
			if size(0, 1) > 0 {
				changes = []byte{1, 2, 4, 8, 16, 32, 64, 128, 0xff}
			}
			for at := 0; ; at++ {
				data := pack(ten(100))
				if at >= len(data) {
					break
				}
				for _, change := range changes {
					first := 100 * (flips + 1)
					data := pack(ten(first))
					data[min(at, len(data)-1)] ^= change
					w.put(fmt.Sprintf("flip%05d", flips), data)
					for i := range 10 {
						w.may[strconv.Itoa(first+i)] = true
					}
					flips++
				}
			}
			w.done()
			rows := w.rows()
			for f := range flips {
				n := 0
				for i := range 10 {
					n += rows[strconv.Itoa(100*(f+1)+i)]
				}
				if n != 0 && n != 10 {
					t.Errorf("flip %d: %d of 10 records were published", f, n)
				}
			}
			t.Logf("%s: %d cases", name, flips)
		})
	}
}

// TestTimes: times at the ends of the calendar, leap seconds, and times that do not exist are published or quarantined, each record by
// itself.
func TestTimes(t *testing.T) {
	w := newWorld(t)
	times := []string{"0001-01-01T00:00:00.000000+0000", "9999-12-31T23:59:59.999999+0000", "2016-12-31T23:59:60.000000+0000", "2025-06-02T23:59:60+0000",
		"2025-06-02T24:00:00+0000", "2025-02-30T00:00:00+0000", "2025-06-02T10:00:00+9999", "0000-00-00T00:00:00+0000", "-0001-01-01T00:00:00+0000",
		"10000-01-01T00:00:00+0000", "292278994-08-17T07:12:55+0000", "1969-12-31T23:59:59.999999+0000", "2025-06-02", "", "now", "\\u0000", "2025-06-02T10:00:00.0000000000000000001+0000"}
	for i, at := range times {
		w.put(fmt.Sprintf("time%02d.log", i), []byte(strings.Replace(flowAt(100+i, "AT", ""), "AT", at, 1)))
		w.may[strconv.Itoa(100+i)] = true
	}
	if sum := w.done(); sum.Records.Read != int64(10+len(times)) {
		t.Errorf("%+v", sum.Records)
	}
}

// TestGrowingExpressions: expressions that make much of each record are computed for a few records at a time, in mappings of several
// classes, too, and also where the run looks for the record that fails.
func TestGrowingExpressions(t *testing.T) {
	const nested = 10
	long := "length(" + strings.Repeat("hex(", nested) + "event.p" + strings.Repeat(")", nested) + ")"
	class := func(name, uid, proto string) string {
		return "-- class: " + name + "\nSELECT event.\"timestamp\" AS \"time\", 1 AS activity_id, 1 AS severity_id, event.flow_id AS \"" + uid + "\", event.dest_ip AS \"dst_endpoint.ip\", event.dest_ip AS \"src_endpoint.ip\", " +
			"0 AS \"connection_info.direction_id\", timezone(event.zone, event.\"timestamp\") AS \"unmapped.local\", " + long + " AS \"unmapped.length\"," +
			"'P' AS \"metadata.product.name\", 'V' AS \"metadata.product.vendor_name\" FROM raw WHERE event.proto = '" + proto + "'"
	}
	m, err := mappings.LoadFiles("growing", map[string]string{
		"raw.sql": `CREATE TABLE raw (event STRUCT("timestamp" TIMESTAMP, flow_id VARCHAR, dest_ip VARCHAR, proto VARCHAR, zone VARCHAR, p VARCHAR));`,
		"a.sql":   class("network_activity", "connection_info.uid", "UDP"),
		"b.sql":   class("ssh_activity", "connection_info.uid", "TCP"),
	})
	if err != nil {
		t.Fatal(err)
	}
	n := size(300, 3000)
	w := newWorld(t)
	w.wrap = func(r *jobs.Runner) { r.Mapping = m }
	var b strings.Builder
	for i := range n {
		zone := ""
		if i == n/2 {
			zone = `,"zone":"Nowhere"`
			w.may[strconv.Itoa(100+i)] = true
		} else {
			w.wants(100+i, 1)
		}
		b.WriteString(flowAt(100+i, "2025-06-02T10:00:00.000000+0000", zone+`,"p":"`+strings.Repeat("ab", 500)+`"`))
	}
	w.put("growing.log", []byte(b.String()))
	peakBelow(t, 256<<20, func() {
		if sum := w.done(); sum.Records.Published != int64(n+9) || sum.Records.Quarantined != 1 {
			t.Errorf("%+v", sum.Records)
		}
	})
}
