// Command loggen writes deterministic sample logs for benchmarks: gzip files with the names that their sources give them.
//
//	loggen -source windows-sysmon|aws-alb -out DIR [-events 200000] [-days 3] [-file 50000] [-seed 1]
//
// The same arguments give the same bytes. The format of aws-alb is that of docs.aws.amazon.com/elasticloadbalancing/latest/
// application/load-balancer-access-logs.html. windows-sysmon is what the Kinesis Agent for Windows writes for Sysmon's events:
// process creations, image loads, network connections, file creations, registry values and DNS queries.
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
	source := flag.String("source", "", "kind of logs: windows-sysmon or aws-alb")
	out := flag.String("out", "", "folder to write")
	events := flag.Int("events", 200000, "number of events")
	days := flag.Int("days", 3, "number of UTC days that the events cover")
	perFile := flag.Int("file", 50000, "number of events in each file")
	seed := flag.Uint64("seed", 1, "seed of the random values")
	flag.Parse()
	record := map[string]generator{"windows-sysmon": sysmon, "aws-alb": alb}[*source]
	if record == nil || *out == "" || *events < 1 || *days < 1 || *perFile < 1 {
		fmt.Fprintln(os.Stderr, "loggen: -source or -out is missing, or -events, -days or -file is not above 0. Try: loggen -source aws-alb -out DIR")
		os.Exit(2)
	}
	if err := generate(*source, record, *out, *events, *days, *perFile, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "loggen:", err)
		os.Exit(1)
	}
}

// generator appends one record of a given time, with its newline.
type generator func(b []byte, r *rand.Rand, n int, at time.Time) []byte

func generate(source string, record generator, out string, events, days, perFile int, seed uint64) error {
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
			line = record(line[:0], r, n, start.Add(time.Duration(n)*step+time.Duration(r.IntN(2000))*time.Millisecond))
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

// key is the key under which the source delivers a file.
func key(source string, at time.Time) string {
	if source == "aws-alb" {
		return "AWSLogs/111122223333/elasticloadbalancing/us-east-1/" + at.Format("2006/01/02/") +
			"111122223333_elasticloadbalancing_us-east-1_app.web.0123456789abcdef_" + at.Format("20060102T1504Z") + "_192.0.2.10_" + at.Format("150405") + ".log.gz"
	}
	return at.Format("windows-sysmon/2006/01/02/15/") + "sysmon-1-" + at.Format("2006-01-02-15-04-05") + ".gz"
}

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }
