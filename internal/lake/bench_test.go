package lake

import (
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// netflow is a schema and batches like those of Network Firewall logs: 37 columns, most of them constants, lookups, or of few
// values, and an unmapped map of 9 entries.
func netflow(batchRows, n int) (*Schema, []arrow.RecordBatch) {
	b := &builder{}
	str := func(name string, gen func(r *rand.Rand, i int) string) *Node {
		return leafNode(name, String, b.column(tText, text(gen)))
	}
	num := func(name string, k Kind, t arrow.DataType, gen func(r *rand.Rand, i int) int64) *Node {
		return leafNode(name, k, b.column(t, number(gen)))
	}
	pick := func(vs ...string) func(r *rand.Rand, i int) string {
		return func(r *rand.Rand, _ int) string { return vs[r.IntN(len(vs))] }
	}
	below := func(n int) func(r *rand.Rand, i int) int64 {
		return func(r *rand.Rand, _ int) int64 { return int64(r.IntN(n)) }
	}
	unique := func(n *Node) *Node { n.NearUnique = true; return n }
	host := func(r *rand.Rand, _ int) string { return fmt.Sprintf("host%d.example.com", r.IntN(2000)) }
	i8, i32, i64 := arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64
	act, sev := b.column(i8, number(below(3))), b.column(i8, number(below(4)))
	at := func(name string) *Node {
		return unique(num(name, Int64, i64, func(_ *rand.Rand, i int) int64 { return day0 + int64(i)*86 }))
	}
	s := &Schema{Class: "network_activity", Version: "1.1.0", Columns: []*Node{
		at("time"), num("activity_id", Int32, i8, below(3)),
		{Name: "activity_name", Kind: String, Column: act, Lookup: map[int64]string{0: "Traffic", 1: "Refuse", 2: "Open"}},
		constNode("category_uid", Int32, 4), constNode("category_name", String, "Network Activity"),
		constNode("class_uid", Int32, 4001), constNode("class_name", String, "Network Activity"), constNode("type_uid", Int64, 400106),
		{Name: "type_name", Kind: String, Column: act, Lookup: map[int64]string{0: "Network Activity: Traffic", 1: "Network Activity: Refuse", 2: "Network Activity: Open"}},
		num("severity_id", Int32, i8, below(4)),
		{Name: "severity", Kind: String, Column: sev, Lookup: map[int64]string{0: "Informational", 1: "Low", 2: "Medium", 3: "High"}},
		str("app_name", pick("firewall-1", "firewall-2", "firewall-3")), at("start_time"), at("end_time"),
		group("metadata", profiles(), constNode("version", String, "1.1.0"), group("product", constNode("name", String, "AWS Network Firewall"),
			constNode("vendor_name", String, "AWS"), group("feature", constNode("name", String, "Network Firewall")))),
		group("cloud", constNode("provider", String, "AWS"), constNode("region", String, "us-east-1"), str("zone", pick("us-east-1a", "us-east-1b", "us-east-1c")),
			group("account", constNode("uid", String, "111122223333"))),
		group("src_endpoint", str("ip", func(r *rand.Rand, _ int) string { return fmt.Sprintf("10.0.%d.%d", r.IntN(16), r.IntN(256)) }), unique(num("port", Int32, i32, below(60000)))),
		group("dst_endpoint", str("ip", func(r *rand.Rand, _ int) string { return fmt.Sprintf("52.%d.%d.10", r.IntN(8), r.IntN(256)) }), num("port", Int32, i32, below(4)),
			leafNode("hostname", String, b.column(tText, maybe(2, text(host))))),
		group("connection_info", unique(str("uid", func(r *rand.Rand, _ int) string { return fmt.Sprint(r.Uint64() >> 12) })), str("protocol_name", pick("tcp", "udp", "icmp")),
			num("protocol_num", Int32, i8, below(3)), leafNode("tcp_flags", Int32, b.column(i32, maybe(3, number(below(32)))))),
		group("traffic", unique(num("bytes", Int64, i64, below(1<<20))), num("packets", Int64, i64, below(200))),
		group("tls", leafNode("version", String, b.column(tText, maybe(2, text(pick("TLS 1.3"))))), leafNode("sni", String, b.column(tText, maybe(2, text(host))))),
		leafNode("unmapped", Map, b.column(tMap1, func(r *rand.Rand, b array.Builder, i int) {
			m := b.(*array.MapBuilder)
			m.Append(true)
			for j, k := range []string{"event_timestamp", "event.app_proto", "event.netflow.age", "event.netflow.min_ttl", "event.netflow.max_ttl", "event.tcp.syn", "event.tcp.ack", "event.tx_id", "event.event_type"} {
				m.KeyBuilder().(*array.StringBuilder).Append(k)
				v := "true"
				switch j {
				case 0:
					v = fmt.Sprint(1750291200 + i/12)
				case 2, 3, 4, 7:
					v = fmt.Sprint(r.IntN(256))
				case 1, 8:
					v = pick("tls", "http", "dns", "unknown")(r, i)
				}
				m.ItemBuilder().(*array.StringBuilder).Append(v)
			}
		})),
	}}
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = batchRows
	}
	return s, batches(b, 1, sizes...)
}

// fileActivity is a schema and batches like those of Sysmon's file events: attacks and file.hashes are lists of objects.
func fileActivity(batchRows, n int) (*Schema, []arrow.RecordBatch) {
	b := &builder{}
	str := func(name string, gen func(r *rand.Rand, i int) string) *Node {
		return leafNode(name, String, b.column(tText, text(gen)))
	}
	num := func(name string, k Kind, t arrow.DataType, gen func(r *rand.Rand, i int) int64) *Node {
		return leafNode(name, k, b.column(t, number(gen)))
	}
	unique := func(n *Node) *Node { n.NearUnique = true; return n }
	below := func(n int) func(r *rand.Rand, i int) int64 {
		return func(r *rand.Rand, _ int) int64 { return int64(r.IntN(n)) }
	}
	of := func(format string, n int) func(r *rand.Rand, i int) string {
		return func(r *rand.Rand, _ int) string { return fmt.Sprintf(format, r.IntN(n)) }
	}
	hex := func(r *rand.Rand, n int) string {
		s := ""
		for len(s) < n {
			s += fmt.Sprintf("%016X", r.Uint64())
		}
		return s[:n]
	}
	i8, i32, i64 := arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64
	field := func(name string, t arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: t, Nullable: true}
	}
	hash := arrow.StructOf(field("algorithm_id", i32), field("algorithm", tText), field("value", tText))
	hashes := b.column(arrow.ListOf(hash), maybe(5, func(r *rand.Rand, b array.Builder, _ int) {
		l := b.(*array.ListBuilder)
		l.Append(true)
		s := l.ValueBuilder().(*array.StructBuilder)
		for id, a := range []string{"MD5", "SHA-256", "IMPHASH"} {
			s.Append(true)
			s.FieldBuilder(0).(*array.Int32Builder).Append([]int32{1, 3, 99}[id])
			s.FieldBuilder(1).(*array.StringBuilder).Append(a)
			s.FieldBuilder(2).(*array.StringBuilder).Append(hex(r, []int{32, 64, 32}[id]))
		}
	}))
	attack := arrow.StructOf(field("technique", arrow.StructOf(field("uid", tText), field("name", tText))))
	attacks := b.column(arrow.ListOf(attack), often(2, func(r *rand.Rand, b array.Builder, _ int) {
		l := b.(*array.ListBuilder)
		l.Append(true)
		s := l.ValueBuilder().(*array.StructBuilder)
		s.Append(true)
		t := s.FieldBuilder(0).(*array.StructBuilder)
		t.Append(true)
		n := r.IntN(40)
		t.FieldBuilder(0).(*array.StringBuilder).Append(fmt.Sprintf("T%d", 1000+n))
		t.FieldBuilder(1).(*array.StringBuilder).Append(fmt.Sprintf("The technique with the number %d", n))
	}))
	at := func(name string) *Node {
		return unique(num(name, Int64, i64, func(_ *rand.Rand, i int) int64 { return day0 + int64(i)*86 }))
	}
	elem := func(kids ...*Node) []*Node { return []*Node{group("element", kids...)} }
	act := b.column(i8, number(below(4)))
	path := of(`C:\Users\user%[1]d\AppData\Local\Temp\file-%[1]d.tmp`, 1<<20)
	image := of(`C:\Windows\System32\program%d.exe`, 200)
	s := &Schema{Class: "file_activity", Version: "1.1.0", Columns: []*Node{
		at("time"), leafNode("activity_id", Int32, act),
		{Name: "activity_name", Kind: String, Column: act, Lookup: map[int64]string{0: "Unknown", 1: "Create", 2: "Read", 3: "Update"}},
		constNode("category_uid", Int32, 1), constNode("category_name", String, "System Activity"),
		constNode("class_uid", Int32, 1001), constNode("class_name", String, "File System Activity"), num("type_uid", Int64, i64, below(4)),
		constNode("severity_id", Int32, 1), constNode("severity", String, "Informational"), str("message", of("File created (rule %d)", 8)),
		{Name: "attacks", Kind: List, Column: attacks, Children: elem(group("technique", leafNode("uid", String, -1), leafNode("name", String, -1)))},
		group("file", str("name", path), str("path", path), str("parent_folder", of(`C:\Users\user%d\AppData\Local\Temp`, 5000)),
			constNode("type_id", Int32, 1), at("created_time"),
			&Node{Name: "hashes", Kind: List, Column: hashes, Children: elem(leafNode("algorithm_id", Int32, -1), leafNode("algorithm", String, -1), leafNode("value", String, -1))}),
		group("actor", group("process", str("uid", of("{3F2504E0-4F89-11D3-9A0C-%012X}", 50_000)), num("pid", Int32, i32, below(20_000)), str("name", image),
			group("file", str("name", of("program%d.exe", 200)), str("path", image), constNode("type_id", Int32, 1))),
			group("user", str("name", of("user%d", 5000)), str("domain", of("DOMAIN%d", 3)))),
		group("device", constNode("type_id", Int32, 6), str("hostname", of("ws-%d.example.com", 5000)), str("instance_uid", of("i-%017x", 5000))),
		group("metadata", profiles(), constNode("version", String, "1.1.0"), at("logged_time"), str("log_level", of("Information%d", 2)),
			str("event_code", of("%d", 30)), unique(num("sequence", Int32, i32, below(1<<30))), constNode("log_name", String, "Microsoft-Windows-Sysmon/Operational"),
			group("product", constNode("name", String, "System Monitor (Sysmon)"), constNode("vendor_name", String, "Microsoft Sysinternals"))),
		leafNode("unmapped", Map, b.column(tMap1, entries(5, 0))),
	}}
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = batchRows
	}
	return s, batches(b, 1, sizes...)
}

// rows of one operation of the benchmarks, in batches as DuckDB gives them.
const benchRows, benchBatch = 2048 * 64, 2048

type makeBatches func(batchRows, n int) (*Schema, []arrow.RecordBatch)

func benchmarkWriter(b *testing.B, nw func(w io.Writer, s *Schema, o WriterOptions) (Writer, error), rows makeBatches) {
	s, bs := rows(benchBatch, benchRows/benchBatch)
	var size int64
	b.ResetTimer()
	before := cpuSeconds(b)
	for range b.N {
		w, err := nw(io.Discard, s, WriterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for _, x := range bs {
			if err := w.Write(x); err != nil {
				b.Fatal(err)
			}
		}
		st, err := w.Close()
		if err != nil {
			b.Fatal(err)
		}
		size = st.Bytes
	}
	b.ReportMetric((cpuSeconds(b)-before)/float64(b.N)/benchRows*1e6, "cpu-s/1M-rows")
	b.ReportMetric(float64(size)/benchRows, "bytes/row")
}

// cpuSeconds of the process: steadier than the clock where others share the machine.
func cpuSeconds(b *testing.B) float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

func BenchmarkPageWriter(b *testing.B)  { benchmarkWriter(b, NewWriter, netflow) }
func BenchmarkArrowWriter(b *testing.B) { benchmarkWriter(b, newArrowWriter, netflow) }

func BenchmarkPageWriterLists(b *testing.B)  { benchmarkWriter(b, NewWriter, fileActivity) }
func BenchmarkArrowWriterLists(b *testing.B) { benchmarkWriter(b, newArrowWriter, fileActivity) }
