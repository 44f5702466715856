// Command bench runs etl run and perday (DuckDB alone) in turn over the same staging folder, and prints the ratios of CPU seconds,
// wall seconds and peak memory of the whole processes.
//
//	bench -bin bin -events 1000000 [-source NAME] [-pairs 5] [-memory 4GiB] [-dir DIR]
//	bench -bin bin -lookup cidr|equal [-rows 1000000] [-events 1000000] ...
//
// With -lookup, both programs are etl run: one with the shipped mapping, the other one with the same mapping and a lookup of each event's
// source address in a table of generated rows.
//
// Each pair runs both programs, so that a machine whose speed changes does not favor one of them. The first pair warms the page
// cache and is not counted. Generated logs stay in -dir and are used again. Sources that perday has no query for run without it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"
	"time"
)

// figures of one process.
type figures struct{ cpu, wall, peakMB float64 }

func main() {
	var o settings
	flag.StringVar(&o.source, "source", "network-firewall", "kind of logs: "+strings.Join(slices.Sorted(maps.Keys(sources())), ", "))
	flag.StringVar(&o.bin, "bin", "bin", "folder with the programs etl, nfwgen, loggen and perday")
	flag.IntVar(&o.events, "events", 1000000, "number of generated events")
	flag.IntVar(&o.pairs, "pairs", 5, "pairs that are counted")
	flag.StringVar(&o.memory, "memory", "4GiB", "limits.memory of the job, and memory_limit of perday (example: 512MiB)")
	flag.StringVar(&o.dir, "dir", filepath.Join(os.TempDir(), "silt-bench"), "folder for generated logs and for output")
	flag.StringVar(&o.lookup, "lookup", "", "compare etl run with and without a lookup that finds rows by: cidr, equal")
	flag.IntVar(&o.rows, "rows", 1000000, "rows of the lookup")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A source is one kind of generated logs, and the mapping of the same name.
type source struct {
	keyPattern string // of its job
	staging    string // the folder below the generated logs that its job reads
	peer       bool   // perday has a query for it
}

// sources has the sources by the names of their mappings.
func sources() map[string]source {
	return map[string]source{
		"network-firewall":   {"{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/", "AWSLogs", true},
		"aws-alb":            {"{account_id}/elasticloadbalancing/{region}/{yyyy}/{mm}/{dd}/", "AWSLogs", true},
		"aws-waf":            {"{account_id}/WAFLogs/{region}/{web_acl}/{yyyy}/{mm}/{dd}/", "AWSLogs", false},
		"cloudtrail":         {"{account_id}/{folder}/{region}/{yyyy}/{mm}/{dd}/", "AWSLogs", false},
		"route53-resolver":   {"{account_id}/vpcdnsquerylogs/{vpc_id}/{yyyy}/{mm}/{dd}/", "AWSLogs", false},
		"vpc-flow":           {"{account_id}/vpcflowlogs/{region}/{yyyy}/{mm}/{dd}/", "AWSLogs", false},
		"crowdstrike-falcon": {"{yyyy}/{mm}/{dd}/{hh}/", "crowdstrike", false},
		"entra-signin":       {"{container}/tenantId={tenant}/y={yyyy}/m={mm}/d={dd}/h={hh}/", "entra", false},
		"okta":               {"{yyyy}/{mm}/{dd}/", "okta", false},
		"cisco-asa":          {"{firewall}/{yyyy}/{mm}/{dd}/", "cisco-asa", false},
		"eks-audit":          {"eks-audit/{yyyy}/{mm}/{dd}/{hh}/", "", false},
		"security-hub":       {"security-hub/{yyyy}/{mm}/{dd}/{hh}/", "", false},
		"suricata":           {"{sensor}/{yyyy}/{mm}/{dd}/{hh}/", "suricata", false},
		"windows-security":   {"{yyyy}/{mm}/{dd}/", "windows-security", false},
		"windows-sysmon":     {"windows-sysmon/{yyyy}/{mm}/{dd}/{hh}/", "", true},
		"zeek":               {"{sensor}/{yyyy}/{mm}/{dd}/{file}", "zeek", false},
	}
}

// settings of a benchmark.
type settings struct {
	source, bin, dir, memory string
	events, pairs            int
	lookup                   string // how rows are found; "": no lookup
	rows                     int
}

func run(o settings) error {
	kind, ok := sources()[o.source]
	if !ok {
		return fmt.Errorf("%q is not a source. Try: -source network-firewall", o.source)
	}
	var err error
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return err
	}
	staging := filepath.Join(o.dir, fmt.Sprintf("staging-%s-%d", o.source, o.events))
	if err := generate(o, staging); err != nil {
		return err
	}
	work := filepath.Join(o.dir, "work")
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	read := filepath.Join(staging, kind.staging)
	if o.lookup != "" {
		return lookups(o, read, kind.keyPattern, work)
	}
	etl := func() (figures, error) { return etlRun(o, read, kind.keyPattern, o.source, work) }
	limit := strings.NewReplacer("GiB", "GB", "MiB", "MB").Replace(o.memory)
	var perday func() (figures, error)
	if kind.peer {
		perday = func() (figures, error) {
			f, _, err := measure(exec.Command(filepath.Join(o.bin, "perday"), "-source", o.source, "-in", staging, "-out", filepath.Join(work, "perday"), "-memory", limit))
			return f, err
		}
	}
	if err := compare(o, program{"etl run", etl}, program{"perday", perday}); err != nil {
		return err
	}
	return printSizes(read, filepath.Join(work, "lake"), o.events)
}

// generate makes the logs, unless they are there from an earlier benchmark.
func generate(o settings, staging string) error {
	if _, err := os.Stat(filepath.Join(staging, "ready")); err == nil {
		return nil
	}
	fmt.Printf("generating %d events of %s\n", o.events, o.source)
	if err := os.RemoveAll(staging); err != nil {
		return err
	}
	// about 50,000 events in each file
	window := time.Duration(float64(72*time.Hour) / max(1, float64(o.events)/100000))
	gen := exec.Command(filepath.Join(o.bin, "nfwgen"), "-out", staging, "-events", fmt.Sprint(o.events), "-window", window.String())
	if o.source != "network-firewall" {
		gen = exec.Command(filepath.Join(o.bin, "loggen"), "-source", o.source, "-out", staging, "-events", fmt.Sprint(o.events))
	}
	gen.Stdout, gen.Stderr = os.Stdout, os.Stderr
	if err := gen.Run(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(staging, "ready"), nil, 0o644)
}

// etlRun runs a job with a mapping over a staging folder. The lake and the state of an earlier run are deleted first.
func etlRun(o settings, staging, keyPattern, mapping, work string) (figures, error) {
	job := fmt.Sprintf(`name: bench
source:
  staging: %s
  include: ["**/*.gz"]
  key_pattern: "%s"
mapping: %s
lake: {location: %s/lake, source_name: %s, region: us-east-1}
limits: {memory: %s}
`, staging, keyPattern, mapping, work, o.source, o.memory)
	file := filepath.Join(work, "job.yaml")
	if err := os.WriteFile(file, []byte(job), 0o644); err != nil {
		return figures{}, err
	}
	if err := os.RemoveAll(filepath.Join(work, "lake")); err != nil {
		return figures{}, err
	}
	f, out, err := measure(exec.Command(filepath.Join(o.bin, "etl"), "run", file, "--output", "json"))
	if err != nil {
		return f, err
	}
	var s struct {
		Records struct{ Read, Published int64 } `json:"records"`
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return f, fmt.Errorf("read the summary of etl run: %w", err)
	}
	if s.Records.Published != int64(o.events) {
		return f, fmt.Errorf("etl run published %d of %d events", s.Records.Published, o.events)
	}
	return f, nil
}

// program is one of the two programs of each pair.
type program struct {
	name string
	run  func() (figures, error) // nil: the source has none
}

// compare runs two programs in pairs and prints their figures and ratios.
func compare(o settings, first, second program) error {
	var a, b []figures
	for i := range o.pairs + 1 {
		x, err := first.run()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("pair %d: %s %.2f CPU s, %.2f s, %.0f MB", i, first.name, x.cpu, x.wall, x.peakMB)
		var y figures
		if second.run != nil {
			if y, err = second.run(); err != nil {
				return err
			}
			line += fmt.Sprintf("; %s %.2f CPU s, %.2f s, %.0f MB", second.name, y.cpu, y.wall, y.peakMB)
		}
		fmt.Println(line)
		if i > 0 {
			a, b = append(a, x), append(b, y)
		}
	}
	fmt.Printf("%s, %d events, %d pairs, memory %s; median (min to max)\n", o.source, o.events, o.pairs, o.memory)
	for _, m := range []struct {
		name string
		of   func(figures) float64
	}{{"CPU s", func(f figures) float64 { return f.cpu }}, {"wall s", func(f figures) float64 { return f.wall }}, {"peak MB", func(f figures) float64 { return f.peakMB }}} {
		var p, q, r []float64
		for i := range a {
			p, q, r = append(p, m.of(a[i])), append(q, m.of(b[i])), append(r, m.of(a[i])/m.of(b[i]))
		}
		line := fmt.Sprintf("%-8s %s %s", m.name, first.name, spread(p))
		if second.run != nil {
			line += fmt.Sprintf("   %s %s   ratio %s", second.name, spread(q), spread(r))
		}
		fmt.Println(line)
	}
	return nil
}

// printSizes prints what a million of the records takes in staging and in the lake.
func printSizes(staging, lake string, events int) error {
	staged, err := size(staging, ".gz")
	if err != nil {
		return err
	}
	written, err := size(lake, ".parquet")
	if err != nil {
		return err
	}
	million := float64(events) / 1e6
	fmt.Printf("a million records: %.0f MB in staging (gzip), %.0f MB in the lake\n", float64(staged)/1e6/million, float64(written)/1e6/million)
	return nil
}

// size is the sum of the sizes of the files below a folder that have an extension.
func size(dir, ext string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ext {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		sum += info.Size()
		return nil
	})
	return sum, err
}

// measure runs a command and returns its figures and its standard output.
func measure(c *exec.Cmd) (figures, []byte, error) {
	var failure strings.Builder
	c.Stderr = &failure
	t := time.Now()
	out, err := c.Output()
	f := figures{wall: time.Since(t).Seconds()}
	if err != nil {
		return f, nil, fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, failure.String())
	}
	u := c.ProcessState.SysUsage().(*syscall.Rusage)
	f.cpu = (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
	f.peakMB = float64(u.Maxrss) / 1024
	return f, out, nil
}

// spread is the median with the smallest and the largest value.
func spread(v []float64) string {
	s := append([]float64(nil), v...)
	sort.Float64s(s)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", s[len(s)/2], s[0], s[len(s)-1])
}
