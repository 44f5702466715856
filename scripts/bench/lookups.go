package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/mappings"
)

// lookups compares etl run with and without a lookup.
func lookups(o settings, staging, keyPattern, work string) error {
	if o.source != "network-firewall" {
		return fmt.Errorf("-lookup is for network-firewall, not for %s", o.source)
	}
	with := filepath.Join(work, "with-lookup")
	if err := writeLookupMapping(o, with); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(with, "lookups", "assets.csv"))
	if err != nil {
		return err
	}
	fmt.Printf("a lookup by %s of %d rows: %.1f MB of CSV\n", o.lookup, o.rows, float64(info.Size())/1e6)
	return compare(o,
		program{"with lookup", func() (figures, error) { return etlRun(o, staging, keyPattern, with, work) }},
		program{"without", func() (figures, error) { return etlRun(o, staging, keyPattern, o.source, work) }})
}

// writeLookupMapping writes the shipped mapping with a lookup of the source's address, and the table.
func writeLookupMapping(o settings, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "lookups"), 0o755); err != nil {
		return err
	}
	m, err := mappings.Load(o.source)
	if err != nil {
		return err
	}
	const column = `  event.src_ip   AS "src_endpoint.ip",`
	for name, text := range m.Files {
		switch name {
		case "raw.sql":
			text = "-- lookup: assets by " + o.lookup + " network\n" + text
		case "network_activity.sql":
			if !strings.Contains(text, column) {
				return fmt.Errorf("%s of %s does not have the line %q", name, o.source, column)
			}
			text = strings.Replace(text, column, column+"\n"+`  lookup('assets', event.src_ip).owner AS "src_endpoint.name",`, 1)
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return writeAssets(filepath.Join(dir, "lookups", "assets.csv"), o.lookup, o.rows)
}

// writeAssets writes a table of distinct networks, or of addresses, with an owner (one of 20,000) and a tier. The networks are of the
// addresses that nfwgen generates: 10.0.0.0/14, and 11.0.0.0 to 110.255.255.255.
func writeAssets(file, how string, rows int) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "network,owner,tier")
	r := rand.New(rand.NewPCG(1, uint64(rows)))
	seen := make(map[uint64]bool, rows)
	for len(seen) < rows {
		bits := 32
		if how == "cidr" {
			bits = []int{32, 32, 29, 28, 27, 26, 24, 24, 24, 24, 23, 22, 20, 16}[r.IntN(14)]
		}
		address := r.Uint32N(100<<24) + 11<<24
		if r.IntN(20) == 0 {
			address = 10<<24 + r.Uint32N(1<<18)
		}
		address &= ^uint32(0) << (32 - bits)
		key := uint64(address)<<8 | uint64(bits)
		if seen[key] {
			continue
		}
		seen[key] = true
		fmt.Fprintf(w, "%d.%d.%d.%d", address>>24, address>>16&255, address>>8&255, address&255)
		if bits < 32 {
			fmt.Fprintf(w, "/%d", bits)
		}
		fmt.Fprintf(w, ",team %d,%d\n", r.IntN(20000), r.IntN(4))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
