package decode

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/klauspost/compress/gzip"
)

// firewallSpec is what a Network Firewall mapping reads.
func firewallSpec() *Spec {
	var s Spec
	for _, l := range []struct {
		kind  Kind
		keep  bool
		paths string
	}{
		{Text, false, "firewall_name availability_zone event.src_ip event.dest_ip event.proto event.tcp.tcp_flags event.tls.sni event.tls.version event.http.hostname"},
		{Timestamp, false, "event.timestamp event.netflow.start event.netflow.end"},
		{Int64, false, "event.flow_id event.netflow.pkts event.netflow.bytes"},
		{Int32, false, "event.src_port event.dest_port"},
		{Text, true, "event.event_type event.alert.action"},
		{Int64, true, "event.alert.severity"},
	} {
		for _, p := range strings.Fields(l.paths) {
			s.Leaves = append(s.Leaves, Leaf{Path: strings.Split(p, "."), Kind: l.kind, Keep: l.keep})
		}
	}
	return &s
}

// firewallLine is one event as AWS Network Firewall writes it.
func firewallLine(r *rand.Rand) string {
	t := time.Date(2020, 10, 1, 0, 0, 0, r.Intn(1e9), time.UTC).Add(time.Duration(r.Intn(86400)) * time.Second)
	iso := func(t time.Time) string { return t.Format("2006-01-02T15:04:05.000000-0700") }
	var b strings.Builder
	fmt.Fprintf(&b, `{"firewall_name":"egress-fw","availability_zone":"us-east-1%c","event_timestamp":"%d","event":{"timestamp":"%s","flow_id":%d`, 'a'+r.Intn(3), t.Unix(), iso(t), r.Int63n(1<<51))
	kind, app := "netflow", [...]string{"tls", "http", "dns", "failed"}[r.Intn(4)]
	if r.Intn(10) < 3 {
		kind = "alert"
	}
	proto := [...]string{"TCP", "TCP", "TCP", "UDP", "ICMP"}[r.Intn(5)]
	fmt.Fprintf(&b, `,"event_type":"%s","src_ip":"10.%d.%d.%d"`, kind, r.Intn(4), r.Intn(256), r.Intn(256))
	if proto != "ICMP" {
		fmt.Fprintf(&b, `,"src_port":%d`, 1024+r.Intn(60000))
	}
	fmt.Fprintf(&b, `,"dest_ip":"%d.%d.%d.%d"`, 11+r.Intn(200), r.Intn(256), r.Intn(256), r.Intn(256))
	if proto != "ICMP" {
		b.WriteString(`,"dest_port":443`)
	}
	fmt.Fprintf(&b, `,"proto":"%s"`, proto)
	if kind == "alert" {
		fmt.Fprintf(&b, `,"alert":{"action":"allowed","signature_id":%d,"rev":5,"signature":"Blocked \"bad\" domain \/ egress","category":"Potentially Bad Traffic","severity":%d}`, 2000000+r.Intn(9), 1+r.Intn(3))
		if app == "tls" {
			fmt.Fprintf(&b, `,"tls":{"subject":"CN=*.example.com","issuerdn":"C=US, O=Example, CN=R3","serial":"04:A1:%d","fingerprint":"5e:1f:%d","sni":"api.example.com","version":"TLS 1.2","notbefore":"2020-08-01T00:00:00","notafter":"2021-08-01T00:00:00","ja3":{},"ja3s":{}}`, r.Intn(1e6), r.Intn(1e6))
		}
		if app == "http" {
			fmt.Fprintf(&b, `,"http":{"hostname":"updates.vendor.example","url":"/api/v1/items?id=%d","http_user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36","http_method":"GET","protocol":"HTTP/1.1","length":0}`, r.Intn(1e6))
		}
	} else {
		fmt.Fprintf(&b, `,"netflow":{"pkts":%d,"bytes":%d,"start":"%s","end":"%s","age":%d,"min_ttl":51,"max_ttl":52}`, r.Intn(300), r.Intn(1e6), iso(t.Add(-time.Minute)), iso(t), r.Intn(300))
		if proto == "TCP" {
			b.WriteString(`,"tcp":{"tcp_flags":"1b","syn":true,"fin":true,"psh":true,"ack":true}`)
		}
	}
	fmt.Fprintf(&b, `,"app_proto":"%s"}}`, app)
	return b.String()
}

func firewallLines(n int) []byte {
	r := rand.New(rand.NewSource(1))
	var b bytes.Buffer
	for range n {
		b.WriteString(firewallLine(r))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func packed(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

const benchLines = 20000

func BenchmarkScan(b *testing.B) {
	lines := bytes.Split(bytes.TrimSpace(firewallLines(benchLines)), []byte("\n"))
	s := NewScanner(firewallSpec(), NewKeys())
	var bytes int64
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l := lines[i%len(lines)]
		i++
		if _, rej := s.Scan(l); rej != nil {
			b.Fatal(rej)
		}
		bytes += int64(len(l))
	}
	b.SetBytes(bytes / int64(b.N))
}

// BenchmarkReader unpacks, verifies and frames; ns/op is for 20,000 records.
func BenchmarkReader(b *testing.B) {
	object := packed(firewallLines(benchLines))
	r := newJSONReader(nil, Options{})
	for b.Loop() {
		r.open(bytes.NewReader(object))
		for n := 0; ; n++ {
			if _, err := r.next(); err == io.EOF && n == benchLines {
				break
			} else if err != nil {
				b.Fatal(n, err)
			}
		}
	}
}

// BenchmarkRecords does all of it.
func BenchmarkRecords(b *testing.B) {
	object := packed(firewallLines(benchLines))
	d := NewRecords(firewallSpec(), NewKeys(), Options{})
	for b.Loop() {
		d.Open(bytes.NewReader(object))
		for n := 0; ; n++ {
			if _, _, rej, err := d.Next(); err == io.EOF && n == benchLines {
				break
			} else if err != nil || rej != nil {
				b.Fatal(n, rej, err)
			}
		}
	}
}

// BenchmarkMap makes a batch of 2,048 maps.
func BenchmarkMap(b *testing.B) {
	lines := bytes.Split(bytes.TrimSpace(firewallLines(2048)), []byte("\n"))
	keys := NewKeys()
	s := NewScanner(firewallSpec(), keys)
	rests := array.NewStringBuilder(memory.DefaultAllocator)
	for _, l := range lines {
		s.Scan(l)
		rests.Append(string(s.Rest()))
	}
	rest := rests.NewStringArray()
	e := NewExpander(keys)
	b.ReportAllocs()
	for b.Loop() {
		m, err := e.Map(memory.DefaultAllocator, rest, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		m.Release()
	}
}

func newRand() *rand.Rand { return rand.New(rand.NewSource(1)) }

// albLines are access logs as an Application Load Balancer writes them.
func albLines(n int) []byte {
	r := rand.New(rand.NewSource(1))
	var b bytes.Buffer
	for i := range n {
		t := time.Date(2018, 7, 2, 22, 23, 0, r.Intn(1e6)*1000, time.UTC).Add(time.Duration(i) * time.Millisecond).Format("2006-01-02T15:04:05.000000Z")
		fmt.Fprintf(&b, `https %s app/my-loadbalancer/50dc6c495c0c9188 192.168.%d.%d:%d 10.0.%d.1:80 0.000 0.%03d 0.000 200 200 %d %d "GET https://www.example.com:443/items?id=%d HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337262-36d228ad5d99923122bbe354" "www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/12345678" 1 %s "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"`+"\n",
			t, r.Intn(256), r.Intn(256), 1024+r.Intn(60000), r.Intn(256), r.Intn(1000), r.Intn(1000), r.Intn(100000), r.Intn(1e6), t)
	}
	return b.Bytes()
}

// BenchmarkSpaceDelimited frames and scans 29 fields a record, of which 16 are leaves.
func BenchmarkSpaceDelimited(b *testing.B) {
	object := albLines(benchLines)
	spec := &Spec{Format: Format{Name: FormatCSV, Delimiter: ' ', Quote: '"', Null: []string{"-"}}}
	for i := range 29 {
		name := fmt.Sprint("c", i)
		spec.Format.Columns = append(spec.Format.Columns, name)
		if i%2 == 0 {
			spec.Leaves = append(spec.Leaves, Leaf{Path: []string{name}, Kind: Text})
		}
	}
	spec.Leaves = append(spec.Leaves, Leaf{Path: []string{"c1"}, Kind: Timestamp})
	d := NewRecords(spec, NewKeys(), Options{})
	b.SetBytes(int64(len(object)))
	b.ReportAllocs()
	for b.Loop() {
		d.Open(bytes.NewReader(object))
		for n := 0; ; n++ {
			if _, _, rej, err := d.Next(); err == io.EOF && n == benchLines {
				break
			} else if err != nil || rej != nil {
				b.Fatal(n, rej, err)
			}
		}
	}
}
