// Command loggen writes deterministic sample logs for benchmarks: gzip files as their sources deliver them.
//
//	loggen -source windows-sysmon|aws-alb -out DIR [-events 200000] [-days 3] [-file 50000] [-seed 1]
//
// The same arguments give the same bytes. Shapes: aws-alb as in docs.aws.amazon.com/elasticloadbalancing/latest/application/
// load-balancer-access-logs.html; windows-sysmon as the Kinesis Agent for Windows writes Sysmon's events, mostly process
// creations, image loads, network connections, file creations, registry values and DNS queries.
package main

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

func main() {
	source := flag.String("source", "", "windows-sysmon or aws-alb")
	out := flag.String("out", "", "folder to write")
	events := flag.Int("events", 200000, "events")
	days := flag.Int("days", 3, "UTC days covered")
	perFile := flag.Int("file", 50000, "events of one file")
	seed := flag.Uint64("seed", 1, "seed")
	flag.Parse()
	make := map[string]maker{"windows-sysmon": sysmon, "aws-alb": alb}[*source]
	if make == nil || *out == "" || *events < 1 || *days < 1 || *perFile < 1 {
		fmt.Fprintln(os.Stderr, "loggen: -source windows-sysmon or aws-alb and -out DIR are needed, and -events, -days and -file above 0")
		os.Exit(2)
	}
	if err := generate(*source, make, *out, *events, *days, *perFile, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "loggen:", err)
		os.Exit(1)
	}
}

// maker appends one record of a time, with its newline.
type maker func(b []byte, r *rand.Rand, n int, at time.Time) []byte

func generate(source string, make maker, out string, events, days, perFile int, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 0))
	start := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	step := time.Duration(days) * 24 * time.Hour / time.Duration(events)
	for from := 0; from < events; from += perFile {
		at := start.Add(time.Duration(from) * step)
		path := filepath.Join(out, key(source, at))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		zip := gzip.NewWriter(f)
		w := bufio.NewWriterSize(zip, 1<<20)
		var line []byte
		for n := from; n < min(from+perFile, events); n++ {
			line = make(line[:0], r, n, start.Add(time.Duration(n)*step+time.Duration(r.IntN(2000))*time.Millisecond))
			if _, err := w.Write(line); err != nil {
				return err
			}
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

// key of a file, as the source's delivery names it.
func key(source string, at time.Time) string {
	if source == "aws-alb" {
		return at.Format("AWSLogs/111122223333/elasticloadbalancing/us-east-1/2006/01/02/") +
			"111122223333_elasticloadbalancing_us-east-1_app.web.0123456789abcdef_" + at.Format("20060102T1504Z") + "_192.0.2.10_" + at.Format("150405") + ".log.gz"
	}
	return at.Format("windows-sysmon/2006/01/02/15/") + "sysmon-1-" + at.Format("2006-01-02-15-04-05") + ".gz"
}

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }
