// Command loggen writes deterministic sample logs for benchmarks: gzip files with the names that their sources give them.
//
//	loggen -source NAME -out DIR [-events 200000] [-days 3] [-file 50000] [-seed 1]
//
// The same arguments give the same bytes. Each source is in a file of its own, which names the page of its format.
package main

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	sources := sources()
	name := flag.String("source", "", "kind of logs: "+strings.Join(slices.Sorted(maps.Keys(sources)), ", "))
	out := flag.String("out", "", "folder to write")
	events := flag.Int("events", 200000, "number of events")
	days := flag.Int("days", 3, "number of UTC days that the events cover")
	perFile := flag.Int("file", 50000, "number of events in each file")
	seed := flag.Uint64("seed", 1, "seed of the random values")
	flag.Parse()
	source, ok := sources[*name]
	if !ok || *out == "" || *events < 1 || *days < 1 || *perFile < 1 {
		fmt.Fprintln(os.Stderr, "loggen: -source or -out is missing, or -events, -days or -file is not above 0. Try: loggen -source aws-alb -out DIR")
		os.Exit(2)
	}
	if err := generate(source, *out, *events, *days, *perFile, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "loggen:", err)
		os.Exit(1)
	}
}

// A source writes the logs of one mapping that etl ships.
type source struct {
	record func(b []byte, r *rand.Rand, n int, at time.Time) []byte // appends record number n of a given time, with its newline
	key    func(at time.Time) string                                // the key under which the source delivers a file, without .gz
	head   string                                                   // the lines before the first record of a file
	comma  string                                                   // between two records of a file
	tail   string                                                   // after the last record of a file
}

// sources has the sources by the names of their mappings.
func sources() map[string]source {
	return map[string]source{
		"aws-alb":            {record: alb, key: albKey},
		"aws-waf":            {record: waf, key: wafKey},
		"cloudtrail":         {record: cloudtrail, key: cloudtrailKey, head: `{"Records":[`, comma: ",", tail: "]}"},
		"crowdstrike-falcon": {record: falcon, key: falconKey},
		"entra-signin":       {record: entra, key: entraKey},
		"okta":               {record: okta, key: oktaKey},
		"route53-resolver":   {record: resolver, key: resolverKey},
		"vpc-flow":           {record: vpcFlow, key: vpcFlowKey, head: vpcFlowHead},
		"eks-audit":          {record: eks, key: eksKey},
		"security-hub":       {record: securityHub, key: securityHubKey},
		"windows-security":   {record: windowsSecurity, key: windowsSecurityKey},
		"windows-sysmon":     {record: sysmon, key: sysmonKey},
		"cisco-asa":          {record: ciscoASA, key: ciscoASAKey},
		"suricata":           {record: suricata, key: suricataKey},
		"zeek":               {record: zeek, key: zeekKey, head: zeekHead},
	}
}

func generate(source source, out string, events, days, perFile int, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 0))
	start := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	step := time.Duration(days) * 24 * time.Hour / time.Duration(events)
	for from := 0; from < events; from += perFile {
		at := start.Add(time.Duration(from) * step)
		path := filepath.Join(out, source.key(at)+".gz")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		zip := gzip.NewWriter(f)
		w := bufio.NewWriterSize(zip, 1<<20)
		if _, err := w.WriteString(source.head); err != nil {
			return err
		}
		var line []byte
		for n := from; n < min(from+perFile, events); n++ {
			if n > from {
				if _, err := w.WriteString(source.comma); err != nil {
					return err
				}
			}
			line = source.record(line[:0], r, n, start.Add(time.Duration(n)*step+time.Duration(r.IntN(2000))*time.Millisecond))
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		if _, err := w.WriteString(source.tail); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := zip.Close(); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }
