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

// rows of one operation of the benchmarks, in batches as DuckDB gives them.
const benchRows, benchBatch = 2048 * 64, 2048

func benchmarkWriter(b *testing.B, nw func(w io.Writer, s *Schema, o WriterOptions) (Writer, error)) {
	s, bs := netflow(benchBatch, benchRows/benchBatch)
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

func BenchmarkPageWriter(b *testing.B)  { benchmarkWriter(b, NewPageWriter) }
func BenchmarkArrowWriter(b *testing.B) { benchmarkWriter(b, NewArrowWriter) }
