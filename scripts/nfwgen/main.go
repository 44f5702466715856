// Command nfwgen writes deterministic, realistic AWS Network Firewall logs with the keys that AWS uses: gzip files of
// newline-delimited JSON, with flow and alert logs in separate files.
//
//	nfwgen -out DIR -events 200000 [-days 3] [-window 1h] [-seed 1] [-start 2025-06-01] [-plain]
//
// The same arguments give the same bytes. As in real files, records are nearly in order of time.
// Layout and fields: docs.aws.amazon.com/network-firewall/latest/developerguide/logging-s3.html and firewall-logging-contents.html.
package main

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const stamp = "2006-01-02T15:04:05.000000-0700"

type options struct {
	out         string
	events      int
	days        int
	window      time.Duration
	seed        uint64
	start       string
	account     string
	region      string
	plain       bool
	alertShares int
}

func main() {
	var o options
	flag.StringVar(&o.out, "out", "", "folder to write; the logs are below AWSLogs/")
	flag.IntVar(&o.events, "events", 200000, "number of events")
	flag.IntVar(&o.days, "days", 3, "number of UTC days that the events cover")
	flag.DurationVar(&o.window, "window", time.Hour, "time that one flow file and one alert file cover")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the random values")
	flag.StringVar(&o.start, "start", "2025-06-01", "first day (example: 2025-06-01)")
	flag.StringVar(&o.account, "account", "111122223333", "AWS account ID")
	flag.StringVar(&o.region, "region", "us-east-1", "AWS region")
	flag.BoolVar(&o.plain, "plain", false, "write plain files instead of gzip")
	flag.IntVar(&o.alertShares, "alerts", 30, "share of alerts among the events, in percent")
	flag.Parse()
	if o.out == "" || o.events < 1 || o.days < 1 || o.window <= 0 {
		fmt.Fprintln(os.Stderr, "nfwgen: -out is missing, or -events, -days or -window is not above 0. Try: nfwgen -out DIR")
		os.Exit(2)
	}
	files, raw, err := generate(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nfwgen:", err)
		os.Exit(1)
	}
	fmt.Printf("{\"events\":%d,\"files\":%d,\"raw_bytes\":%d}\n", o.events, files, raw)
}

// gen generates the values of events.
type gen struct {
	*rand.Rand
	inside, outside, host, rule *rand.Zipf
}

func newGen(seed uint64) *gen {
	r := rand.New(rand.NewPCG(seed, 0x5117))
	return &gen{r, rand.NewZipf(r, 1.1, 20, 4000), rand.NewZipf(r, 1.05, 50, 200000),
		rand.NewZipf(r, 1.2, 2, uint64(len(hosts)-1)), rand.NewZipf(r, 1.3, 2, uint64(len(rules)-1))}
}

type rule struct {
	id, rev, severity int
	text, category    string
}

var (
	rules = []rule{
		{2260002, 1, 3, "SURICATA Applayer Detect protocol only one direction", "Generic Protocol Command Decode"},
		{2210044, 2, 3, "SURICATA STREAM Packet with invalid timestamp", "Generic Protocol Command Decode"},
		{2027863, 5, 2, "ET INFO Observed DNS Query to .biz TLD", "Potentially Bad Traffic"},
		{2013028, 7, 2, "ET POLICY curl User-Agent Outbound", "Attempted Information Leak"},
		{2402000, 6666, 2, "ET DROP Dshield Block Listed Source group 1", "Misc Attack"},
		{5, 1, 3, "aws:alert_established action", ""},
		{1000001, 1, 1, "Blocked \"bad\" domain / egress policy", "A Network Trojan was detected"},
		{1000002, 4, 3, "not matching any TLS allowlisted FQDNs", ""},
	}
	hosts = []string{"sts.amazonaws.com", "s3.us-east-1.amazonaws.com", "mirror.example.org", "git.example.com", "api.example.com",
		"updates.vendor.example", "xn--bcher-kva.example", "telemetry.corp.example", "cdn.example.net"}
	agents = []string{"curl/8.5.0", "Go-http-client/1.1", "python-requests/2.31.0",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"}
	urls  = []string{"/", "/index.html", "/latest/meta-data/", "/simple/requests/", "/api/v1/items?id=", "/a/b/c/d.js?v="}
	zones = []string{"a", "b", "c"}
	ports = []int{443, 443, 443, 80, 53, 22, 123, 8080, 3306, 0}
	ttls  = []int{64, 128, 255, 52, 238, 110}
	flags = []string{
		`,"tcp":{"tcp_flags":"1b","syn":true,"fin":true,"psh":true,"ack":true}`,
		`,"tcp":{"tcp_flags":"02","syn":true}`,
		`,"tcp":{"tcp_flags":"1a","syn":true,"psh":true,"ack":true}`,
		`,"tcp":{"tcp_flags":"16","syn":true,"rst":true,"ack":true}`,
		`,"tcp":{"tcp_flags":"00"}`}
)

func pick[T any](g *gen, list []T) T { return list[g.IntN(len(list))] }

func (g *gen) ip(outside bool) string {
	if outside {
		v := uint32(g.outside.Uint64()) * 2654435761
		return fmt.Sprintf("%d.%d.%d.%d", 11+(v>>24)%100, v>>16&255, v>>8&255, v&255)
	}
	v := g.inside.Uint64()
	return fmt.Sprintf("10.%d.%d.%d", v%4, v>>8&255, v&255)
}

// event appends one record with its newline.
func (g *gen) event(b []byte, o options, t time.Time, alert bool) []byte {
	b = append(b, `{"firewall_name":"egress-fw`...)
	if g.IntN(10) == 0 {
		b = append(b, "-2"...)
	}
	b = append(b, `","availability_zone":"`+o.region...)
	b = append(b, pick(g, zones)...)
	b = append(b, `","event_timestamp":"`...)
	b = strconv.AppendInt(b, t.Unix(), 10)
	b = append(b, `","event":{"timestamp":"`...)
	b = t.AppendFormat(b, stamp)
	b = append(b, `","flow_id":`...)
	b = strconv.AppendInt(b, g.Int64N(1<<51), 10)
	if alert {
		b = append(b, `,"event_type":"alert"`...)
	} else {
		b = append(b, `,"event_type":"netflow"`...)
	}
	proto := "TCP"
	if v := g.IntN(100); v < 24 {
		proto = "UDP"
	} else if v < 28 {
		proto = "ICMP"
	}
	inbound := g.IntN(2) == 0
	b = append(b, `,"src_ip":"`+g.ip(inbound)+`"`...)
	if proto != "ICMP" {
		b = append(b, `,"src_port":`...)
		b = strconv.AppendInt(b, int64(1024+g.IntN(64512)), 10)
	}
	b = append(b, `,"dest_ip":"`+g.ip(!inbound)+`"`...)
	if proto != "ICMP" {
		p := pick(g, ports)
		if p == 0 {
			p = 1024 + g.IntN(64512)
		}
		b = append(b, `,"dest_port":`...)
		b = strconv.AppendInt(b, int64(p), 10)
	}
	b = append(b, `,"proto":"`+proto+`"`...)
	app := ""
	switch proto {
	case "ICMP":
		b = fmt.Appendf(b, `,"icmp_type":%d,"icmp_code":0`, pick(g, []int{0, 8, 3}))
	case "TCP":
		app = pick(g, []string{"tls", "tls", "http", "ssh", "failed", ""})
	case "UDP":
		app = pick(g, []string{"dns", "ntp", "unknown"})
	}
	if alert {
		b = g.alert(b, app)
	} else {
		b = g.netflow(b, t, proto)
	}
	if app != "" {
		b = append(b, `,"app_proto":"`+app+`"`...)
	}
	return append(b, "}}\n"...)
}

func (g *gen) alert(b []byte, app string) []byte {
	r, action := rules[g.rule.Uint64()], "allowed"
	if g.IntN(3) == 0 {
		action = "blocked"
	}
	b = fmt.Appendf(b, `,"tx_id":0,"alert":{"action":%q,"signature_id":%d,"rev":%d,"signature":%q,"category":%q,"severity":%d}`,
		action, r.id, r.rev, r.text, r.category, r.severity)
	host := hosts[g.host.Uint64()]
	switch app {
	case "tls":
		b = fmt.Appendf(b, `,"tls":{"sni":%q,"version":%q,"ja3":{},"ja3s":{}}`, host, pick(g, []string{"UNDETERMINED", "TLS 1.2", "TLS 1.3"}))
	case "http":
		u := pick(g, urls)
		if u[len(u)-1] == '=' {
			u += strconv.Itoa(g.IntN(100000))
		}
		b = fmt.Appendf(b, `,"http":{"hostname":%q,"url":%q,"http_user_agent":%q,"http_method":"GET","protocol":"HTTP/1.1","length":%d}`,
			host, u, pick(g, agents), g.IntN(3000))
	}
	return b
}

func (g *gen) netflow(b []byte, t time.Time, proto string) []byte {
	packets := 1 + g.IntN(1+g.IntN(400))
	age := g.IntN(1 + g.IntN(600))
	ttl := pick(g, ttls)
	b = fmt.Appendf(b, `,"netflow":{"pkts":%d,"bytes":%d,"start":"`, packets, packets*(40+g.IntN(1400)))
	b = t.Add(-time.Duration(age)*time.Second-61*time.Second).AppendFormat(b, stamp)
	b = append(b, `","end":"`...)
	b = t.Add(-61*time.Second).AppendFormat(b, stamp)
	b = fmt.Appendf(b, `","age":%d,"min_ttl":%d,"max_ttl":%d}`, age, ttl-g.IntN(3), ttl)
	if proto == "TCP" {
		b = append(b, pick(g, flags)...)
	}
	return b
}

func generate(o options) (files int, raw int64, err error) {
	start, err := time.Parse("2006-01-02", o.start)
	if err != nil {
		return 0, 0, fmt.Errorf("-start: %q is not a day (example: 2025-06-01)", o.start)
	}
	g := newGen(o.seed)
	end := start.AddDate(0, 0, o.days)
	windows := int((end.Sub(start) + o.window - 1) / o.window)
	done := 0
	for w := range windows {
		from := start.Add(time.Duration(w) * o.window)
		to := from.Add(o.window)
		if to.After(end) {
			to = end
		}
		n := o.events*(w+1)/windows - done
		done += n
		alerts := n * o.alertShares / 100
		for _, part := range []struct {
			kind string
			n    int
		}{{"flow", n - alerts}, {"alert", alerts}} {
			if part.n == 0 {
				continue
			}
			size, err := writeFile(o, g, part.kind, from, to, part.n)
			if err != nil {
				return files, raw, err
			}
			files++
			raw += size
		}
	}
	return files, raw, nil
}

func writeFile(o options, g *gen, kind string, from, to time.Time, n int) (raw int64, err error) {
	dir := filepath.Join(o.out, "AWSLogs", o.account, "network-firewall", kind, o.region, "egress-fw", from.Format("2006/01/02/15"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	name := fmt.Sprintf("%s_network-firewall_%s_%s_egress-fw_%s_%08x.log", o.account, kind, o.region, from.Format("200601021504"), g.Uint32())
	if !o.plain {
		name += ".gz"
	}
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	bw := bufio.NewWriterSize(f, 1<<20)
	var w io.Writer = bw
	var z *gzip.Writer
	if !o.plain {
		z = gzip.NewWriter(bw)
		w = z
	}
	b := make([]byte, 0, 4096)
	for i := range n {
		t := from.Add(time.Duration(int64(to.Sub(from)) / int64(n) * int64(i)))
		t = t.Add(time.Duration(g.IntN(20_000_000)) * time.Microsecond) // late by up to 20 s
		if !t.Before(to) {
			t = to.Add(-time.Microsecond)
		}
		b = g.event(b[:0], o, t, kind == "alert")
		raw += int64(len(b))
		if _, err := w.Write(b); err != nil {
			return raw, err
		}
	}
	if z != nil {
		if err := z.Close(); err != nil {
			return raw, err
		}
	}
	if err := bw.Flush(); err != nil {
		return raw, err
	}
	return raw, f.Close()
}
