// Command bench runs etl run and perday (DuckDB alone) in turn over the same staging folder, and prints the ratios of CPU seconds,
// wall seconds and peak memory of the whole processes.
//
//	bench -bin bin -events 1000000 [-source NAME] [-pairs 5] [-memory 4GiB] [-dir DIR]
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
	source := flag.String("source", "network-firewall", "kind of logs: "+strings.Join(slices.Sorted(maps.Keys(sources())), ", "))
	bin := flag.String("bin", "bin", "folder with the programs etl, nfwgen, loggen and perday")
	events := flag.Int("events", 1000000, "number of generated events")
	pairs := flag.Int("pairs", 5, "pairs that are counted")
	memory := flag.String("memory", "4GiB", "limits.memory of the job, and memory_limit of perday (example: 512MiB)")
	dir := flag.String("dir", filepath.Join(os.TempDir(), "silt-bench"), "folder for generated logs and for output")
	flag.Parse()
	if err := run(*source, *bin, *dir, *memory, *events, *pairs); err != nil {
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
		"network-firewall": {"{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/", "AWSLogs", true},
		"aws-alb":          {"{account_id}/elasticloadbalancing/{region}/{yyyy}/{mm}/{dd}/", "AWSLogs", true},
		"aws-waf":          {"{account_id}/WAFLogs/{region}/{web_acl}/{yyyy}/{mm}/{dd}/", "AWSLogs", false},
		"cloudtrail":       {"{account_id}/{folder}/{region}/{yyyy}/{mm}/{dd}/", "AWSLogs", false},
		"route53-resolver": {"{account_id}/vpcdnsquerylogs/{vpc_id}/{yyyy}/{mm}/{dd}/", "AWSLogs", false},
		"vpc-flow":         {"{account_id}/vpcflowlogs/{region}/{yyyy}/{mm}/{dd}/", "AWSLogs", false},
		"okta":             {"{yyyy}/{mm}/{dd}/", "okta", false},
		"cisco-asa":        {"{firewall}/{yyyy}/{mm}/{dd}/", "cisco-asa", false},
		"eks-audit":        {"eks-audit/{yyyy}/{mm}/{dd}/{hh}/", "", false},
		"security-hub":     {"security-hub/{yyyy}/{mm}/{dd}/{hh}/", "", false},
		"suricata":         {"{sensor}/{yyyy}/{mm}/{dd}/{hh}/", "suricata", false},
		"windows-sysmon":   {"windows-sysmon/{yyyy}/{mm}/{dd}/{hh}/", "", true},
		"zeek":             {"{sensor}/{yyyy}/{mm}/{dd}/{file}", "zeek", false},
	}
}

func run(source, bin, dir, memory string, events, pairs int) error {
	kind, ok := sources()[source]
	if !ok {
		return fmt.Errorf("%q is not a source. Try: -source network-firewall", source)
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	staging := filepath.Join(dir, fmt.Sprintf("staging-%s-%d", source, events))
	if _, err := os.Stat(filepath.Join(staging, "ready")); err != nil {
		fmt.Printf("generating %d events of %s\n", events, source)
		if err := os.RemoveAll(staging); err != nil {
			return err
		}
		// about 50,000 events in each file
		window := time.Duration(float64(72*time.Hour) / max(1, float64(events)/100000))
		gen := exec.Command(filepath.Join(bin, "nfwgen"), "-out", staging, "-events", fmt.Sprint(events), "-window", window.String())
		if source != "network-firewall" {
			gen = exec.Command(filepath.Join(bin, "loggen"), "-source", source, "-out", staging, "-events", fmt.Sprint(events))
		}
		gen.Stdout, gen.Stderr = os.Stdout, os.Stderr
		if err := gen.Run(); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(staging, "ready"), nil, 0o644); err != nil {
			return err
		}
	}
	work := filepath.Join(dir, "work")
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	job := fmt.Sprintf(`name: bench
source:
  staging: %s
  include: ["**/*.gz"]
  key_pattern: "%s"
mapping: %s
lake: {location: %s/lake, source_name: %s, region: us-east-1}
limits: {memory: %s}
`, filepath.Join(staging, kind.staging), kind.keyPattern, source, work, source, memory)
	if err := os.WriteFile(filepath.Join(work, "job.yaml"), []byte(job), 0o644); err != nil {
		return err
	}
	etl := func() (figures, error) {
		if err := os.RemoveAll(filepath.Join(work, "lake")); err != nil {
			return figures{}, err
		}
		c := exec.Command(filepath.Join(bin, "etl"), "run", filepath.Join(work, "job.yaml"), "--output", "json")
		f, out, err := measure(c)
		if err != nil {
			return f, err
		}
		var s struct {
			Records struct{ Read, Published int64 } `json:"records"`
		}
		if err := json.Unmarshal(out, &s); err != nil {
			return f, fmt.Errorf("read the summary of etl run: %w", err)
		}
		if s.Records.Published != int64(events) {
			return f, fmt.Errorf("etl run published %d of %d events", s.Records.Published, events)
		}
		return f, nil
	}
	limit := strings.NewReplacer("GiB", "GB", "MiB", "MB").Replace(memory)
	perday := func() (figures, error) {
		f, _, err := measure(exec.Command(filepath.Join(bin, "perday"), "-source", source, "-in", staging, "-out", filepath.Join(work, "perday"), "-memory", limit))
		return f, err
	}
	var a, b []figures
	for i := range pairs + 1 {
		x, err := etl()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("pair %d: etl run %.2f CPU s, %.2f s, %.0f MB", i, x.cpu, x.wall, x.peakMB)
		var y figures
		if kind.peer {
			if y, err = perday(); err != nil {
				return err
			}
			line += fmt.Sprintf("; perday %.2f CPU s, %.2f s, %.0f MB", y.cpu, y.wall, y.peakMB)
		}
		fmt.Println(line)
		if i > 0 {
			a, b = append(a, x), append(b, y)
		}
	}
	fmt.Printf("%s, %d events, %d pairs, memory %s; median (min to max)\n", source, events, pairs, memory)
	for _, m := range []struct {
		name string
		of   func(figures) float64
	}{{"CPU s", func(f figures) float64 { return f.cpu }}, {"wall s", func(f figures) float64 { return f.wall }}, {"peak MB", func(f figures) float64 { return f.peakMB }}} {
		var p, q, r []float64
		for i := range a {
			p, q, r = append(p, m.of(a[i])), append(q, m.of(b[i])), append(r, m.of(a[i])/m.of(b[i]))
		}
		if kind.peer {
			fmt.Printf("%-8s etl run %s   perday %s   ratio %s\n", m.name, spread(p), spread(q), spread(r))
		} else {
			fmt.Printf("%-8s etl run %s\n", m.name, spread(p))
		}
	}
	return printSizes(filepath.Join(staging, kind.staging), filepath.Join(work, "lake"), events)
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
