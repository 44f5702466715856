// Command memory measures the peak memory of etl run on normal, uneven and hostile input, and prints a Markdown table: VmHWM of the whole
// process against limits.memory. It fails if a record is missing, or if a peak is above the limit and 15%.
//
//	memory -bin DIR [-work DIR] [-only TEXT] [-divide 10]
//
// DIR holds etl and nfwgen. The whole table takes an hour and 10 GB of disk.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"
)

// slack is how far the peak may be above limits.memory.
const slack = 1.15

// testCase is one job over its own staging folder.
type testCase struct {
	name   string
	memory string // limits.memory
	limit  int64  // the same, in MiB
	events int    // of nfwgen; 0: objects
	// objects write staging, and return what the run must publish and reject.
	objects func(put func(name string, write func(io.Writer) error) error) (counts, error)
	raw     string // raw.sql; "": rawSQL
	parquet string // a kind of writeParquet, instead of objects
	want    counts // of parquet
	window  int    // of the zstd frames; 0: 1 MiB
}

// counts of records, and of objects that are rejected as a whole.
type counts struct{ published, quarantined, objects int64 }

const (
	rawSQL  = "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR);\n"
	mapping = `-- class: authentication
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, coalesce(id, 'x') AS "user.name", 'P' AS "metadata.product.name", 'V' AS "metadata.product.vendor_name" FROM raw
`
	stamp = `"ts":"2026-01-02T03:04:05Z"`
)

// cases of the table. n is divided by -divide where it counts records.
func cases(divide int) (out []testCase) {
	n := func(records int) int { return max(1, records/divide) }
	for _, m := range []struct {
		text  string
		limit int64
	}{{"256MiB", 256}, {"512MiB", 512}, {"1GiB", 1024}, {"4GiB", 4096}} {
		out = append(out, testCase{name: "1M Network Firewall events", memory: m.text, limit: m.limit, events: n(1_000_000)})
	}
	out = append(out, testCase{name: "2M Network Firewall events", memory: "256MiB", limit: 256, events: n(2_000_000)})
	uneven := func(large int) func(func(string, func(io.Writer) error) error) (counts, error) {
		return func(put func(string, func(io.Writer) error) error) (counts, error) {
			err := errors.Join(put("large", repeat("{"+stamp+`,"id":"r%d"}`+"\n", large)), put("small", repeat("{"+stamp+`,"id":"r%d"}`+"\n", 1000)))
			return counts{published: int64(large + 1000)}, err
		}
	}
	out = append(out,
		testCase{name: "an object of 2M records, and one of 1,000", memory: "512MiB", limit: 512, objects: uneven(n(2_000_000))},
		testCase{name: "an object of 18M records, and one of 1,000", memory: "4GiB", limit: 4096, objects: uneven(n(18_000_000))},
		testCase{name: "40M records without a time", memory: "512MiB", limit: 512, objects: func(put func(string, func(io.Writer) error) error) (counts, error) {
			return counts{quarantined: int64(n(40_000_000))}, put("rejects", repeat("{}\n", n(40_000_000)))
		}})
	// wide objects: each of so many records with a text of so many KiB.
	wide := func(name, memory string, limit int64, objects, records, kib int, field string, published bool) testCase {
		return testCase{name: name, memory: memory, limit: limit, objects: func(put func(string, func(io.Writer) error) error) (c counts, err error) {
			text := strings.Repeat("x", 1<<10)
			for i := range objects {
				err = errors.Join(err, put(fmt.Sprintf("wide-%d", i), func(w io.Writer) error {
					for range records {
						if _, err := fmt.Fprintf(w, `{%s,"%s":"`, stamp, field); err != nil {
							return err
						}
						for range kib {
							if _, err := io.WriteString(w, text); err != nil {
								return err
							}
						}
						if _, err := io.WriteString(w, "\"}\n"); err != nil {
							return err
						}
					}
					return nil
				}))
			}
			c.published = 1
			if n := int64(objects * records); published {
				c.published += n
			} else {
				c.quarantined = n
			}
			return c, errors.Join(err, put("small", repeat("{"+stamp+`,"id":"r%d"}`+"\n", 1)))
		}}
	}
	out = append(out,
		wide("4,000 records of 900 KB", "4GiB", 4096, 2, n(2000), 900, "more", true),
		wide("800 records of 900 KB", "256MiB", 256, 2, n(400), 900, "more", true),
		wide("200 records of 15 MiB", "4GiB", 4096, 2, n(100), 15<<10, "more", false),
		wide("20 records of 15 MiB", "256MiB", 256, 2, n(10), 15<<10, "more", false),
		wide("20 records of 15 MiB in a field that is mapped", "256MiB", 256, 2, n(10), 15<<10, "id", false),
		wide("4 records of 120 MB", "256MiB", 256, 4, 1, 120_000_000>>10, "more", false),
		wide("4 records of 100 MB in one object", "512MiB", 512, 1, 4, 100_000_000>>10, "more", false))
	return append(out, objectCases(n)...)
}

// repeat writes n lines. %d in a line is its number.
func repeat(line string, n int) func(io.Writer) error {
	return func(w io.Writer) error {
		for i := range n {
			text := line
			if strings.Contains(line, "%d") {
				text = fmt.Sprintf(line, i)
			}
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
		}
		return nil
	}
}

func main() {
	bin := flag.String("bin", "bin", "folder with etl and nfwgen")
	work := flag.String("work", "", "folder for data (example: /tmp/memory). Default: a temporary folder")
	only := flag.String("only", "", "measure only the cases whose name or limit contains this text")
	divide := flag.Int("divide", 1, "divide the numbers of records (example: 10)")
	kind := flag.String("parquet", "", "write a Parquet file of this kind to -work, and end (example: page). The tool starts itself like this")
	flag.Parse()
	if *kind != "" {
		if err := writeParquet(*kind, *work); err != nil {
			fmt.Fprintln(os.Stderr, "memory:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(*bin, *work, *only, *divide); err != nil {
		fmt.Fprintln(os.Stderr, "memory:", err)
		os.Exit(1)
	}
}

func run(bin, work, only string, divide int) error {
	if divide < 1 {
		return errors.New("-divide is at least 1")
	}
	if work == "" {
		dir, err := os.MkdirTemp("", "memory-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		work = dir
	}
	fmt.Println("| input | `limits.memory` | peak MiB | of the limit | CPU s | published | rejected |\n| --- | --- | --- | --- | --- | --- | --- |")
	var failed error
	for i, c := range cases(divide) {
		if !strings.Contains(c.name+" "+c.memory, only) {
			continue
		}
		if err := c.measure(bin, filepath.Join(work, fmt.Sprint(i))); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s, %s: %w", c.name, c.memory, err))
		}
	}
	return failed
}

// measure runs one case in a folder, which it removes.
func (c *testCase) measure(bin, dir string) error {
	defer os.RemoveAll(dir)
	want, err := c.prepare(bin, dir)
	if err != nil {
		return err
	}
	etl := exec.Command(filepath.Join(bin, "etl"), "run", filepath.Join(dir, "job.yaml"), "--output", "json")
	out, runErr := etl.Output()
	usage := etl.ProcessState.SysUsage().(*syscall.Rusage)
	peak := usage.Maxrss >> 10
	cpu := (etl.ProcessState.UserTime() + etl.ProcessState.SystemTime()).Seconds()
	if runErr != nil {
		return fmt.Errorf("etl run (%d MiB): %w: %.300s", peak, runErr, out)
	}
	var sum struct {
		Records struct{ Published, Quarantined int64 } `json:"records"`
		Objects struct{ Quarantined int64 }            `json:"objects"`
	}
	if err := json.Unmarshal(out, &sum); err != nil {
		return fmt.Errorf("read the summary of etl run: %w", err)
	}
	rejected := fmt.Sprint(sum.Records.Quarantined)
	if n := sum.Objects.Quarantined; n > 0 {
		rejected = fmt.Sprintf("%d objects", n)
	}
	fmt.Printf("| %s | %s | %d | %d%% | %.1f | %d | %s |\n", c.name, c.memory, peak, 100*peak/c.limit, cpu, sum.Records.Published, rejected)
	if got := (counts{sum.Records.Published, sum.Records.Quarantined, sum.Objects.Quarantined}); got != want {
		return fmt.Errorf("%+v, want %+v", got, want)
	}
	if float64(peak) > slack*float64(c.limit) {
		return fmt.Errorf("the peak of %d MiB is above the limit and 15%%", peak)
	}
	return nil
}

// prepare writes staging, the mapping and the job file of a case.
func (c *testCase) prepare(bin, dir string) (want counts, err error) {
	staging := filepath.Join(dir, "staging")
	for _, d := range []string{staging, filepath.Join(dir, "login"), filepath.Join(dir, "tmp")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return want, err
		}
	}
	source, uses := fmt.Sprintf("staging: %s", staging), filepath.Join(dir, "login")
	if c.events > 0 {
		gen := exec.Command(filepath.Join(bin, "nfwgen"), "-out", staging, "-events", fmt.Sprint(c.events))
		gen.Stderr = os.Stderr
		if err := gen.Run(); err != nil {
			return want, fmt.Errorf("nfwgen: %w", err)
		}
		want.published = int64(c.events)
		source, uses = fmt.Sprintf(`staging: %s, include: ["**/*.gz"], key_pattern: "{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/"`, filepath.Join(staging, "AWSLogs")), "network-firewall"
	} else if c.parquet != "" {
		want = c.want
		self, err := os.Executable()
		if err != nil {
			return want, err
		}
		if out, err := exec.Command(self, "-parquet", c.parquet, "-work", filepath.Join(staging, "rows.parquet")).CombinedOutput(); err != nil {
			return want, fmt.Errorf("write Parquet: %w: %s", err, out)
		}
	} else if want, err = c.objects(func(name string, write func(io.Writer) error) error {
		return packed(filepath.Join(staging, name+".zst"), c.window, write)
	}); err != nil {
		return want, err
	}
	job := fmt.Sprintf("name: memory\nsource: {%s}\nmapping: %s\nlake: {location: %s/lake, source_name: memory, region: us-east-1, account_id: \"111122223333\"}\n"+
		"limits: {memory: %s, max_retries: 0, max_quarantine_ratio: 1, max_broken_ratio: 1, temp_dir: %s/tmp}\n", source, uses, dir, c.memory, dir)
	for file, text := range map[string]string{"job.yaml": job, "login/raw.sql": cmp.Or(c.raw, rawSQL), "login/login.sql": mapping} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			return want, err
		}
	}
	return want, nil
}

// packed writes a zstd frame that says that its window has so many bytes, a power of 2. Writing one with such a window would count in the
// peak of the process that is started next.
func packed(path string, window int, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	z, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return err
	}
	err = errors.Join(write(z), z.Close())
	if err == nil && window > 0 {
		const windowByte, leastLog = 5, 10
		_, err = f.WriteAt([]byte{byte(bits.Len(uint(window))-1-leastLog) << 3}, windowByte)
	}
	return errors.Join(err, f.Close())
}
