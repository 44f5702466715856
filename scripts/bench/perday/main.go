// Command perday is what etl run is compared with: DuckDB alone, used as a careful user would for the same job. It projects records
// into a temporary table for each class, and then writes one sorted Parquet file for each class and day. It verifies nothing, it
// does not keep unmapped fields, and it does not record what it did.
//
//	perday -source network-firewall|aws-alb|windows-sysmon -in STAGING -out DIR [-threads 2] [-memory 1GB]
//
// For network-firewall it runs project.sql, which builds structs. For the others it runs the SELECTs of the shipped mapping as a
// person would paste them into DuckDB: with dotted column names and the macros that they call. DuckDB's own readers fill the table
// raw.
package main

import (
	"database/sql"
	_ "embed"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2"
)

//go:embed project.sql
var project string

func main() {
	var p peer
	flag.StringVar(&p.source, "source", "network-firewall", "kind of logs: network-firewall, aws-alb or windows-sysmon")
	flag.StringVar(&p.in, "in", "", "staging folder to read")
	flag.StringVar(&p.out, "out", "", "folder to write; it is deleted first")
	flag.IntVar(&p.threads, "threads", 2, "threads of DuckDB")
	flag.StringVar(&p.memory, "memory", "", "memory_limit of DuckDB (example: 1GB); default: that of DuckDB")
	flag.Parse()
	if err := p.run(); err != nil {
		fmt.Fprintln(os.Stderr, "perday:", err)
		os.Exit(1)
	}
}

// peer is one run of perday.
type peer struct {
	source, in, out, memory string
	threads                 int
	db                      *sql.DB
}

func (p *peer) exec(q string, args ...any) error {
	_, err := p.db.Exec(fmt.Sprintf(q, args...))
	return err
}

func (p *peer) run() error {
	var files []string
	err := filepath.WalkDir(p.in, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".gz") {
			files = append(files, "'"+path+"'")
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := os.RemoveAll(p.out); err != nil {
		return err
	}
	if err := os.MkdirAll(p.out, 0o755); err != nil {
		return err
	}
	if p.db, err = sql.Open("duckdb", ""); err != nil {
		return err
	}
	defer p.db.Close()
	p.db.SetMaxOpenConns(1)
	if err := p.exec("SET threads=%d; SET TimeZone='UTC'; SET temp_directory='%s.spill'", p.threads, p.out); err != nil {
		return err
	}
	if p.memory != "" {
		if err := p.exec("SET memory_limit='%s'", p.memory); err != nil {
			return err
		}
	}
	list := "[" + strings.Join(files, ",") + "]"
	if p.source == "network-firewall" {
		if err := p.exec("CREATE TEMP TABLE t AS %s", strings.ReplaceAll(project, "@SRC@", list)); err != nil {
			return err
		}
		if err := p.write("t", p.out); err != nil {
			return err
		}
	} else if err := p.mapping(list); err != nil {
		return err
	}
	return os.RemoveAll(p.out + ".spill")
}

// mapping runs the SELECTs of a shipped mapping.
func (p *peer) mapping(files string) error {
	m, err := load(p.source)
	if err != nil {
		return err
	}
	for _, q := range m.macros {
		if err := p.exec("%s", q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	if err := p.exec("CREATE TEMP TABLE raw AS %s", m.raw(files)); err != nil {
		return err
	}
	for class, selects := range m.classes {
		var parts []string
		for _, s := range selects {
			parts = append(parts, "("+s+")")
		}
		if err := p.exec("CREATE TEMP TABLE %s AS SELECT *, strftime(time, '%%Y%%m%%d') AS eventDay FROM (%s)", class, strings.Join(parts, " UNION ALL BY NAME ")); err != nil {
			return fmt.Errorf("%s: %w", class, err)
		}
		if err := p.write(class, filepath.Join(p.out, class)); err != nil {
			return err
		}
	}
	return nil
}

// write exports a table as one sorted file for each day.
func (p *peer) write(table, out string) error {
	rows, err := p.db.Query("SELECT DISTINCT eventDay FROM " + table + " ORDER BY 1")
	if err != nil {
		return err
	}
	var days []string
	for rows.Next() {
		var d string
		if err := rows.Scan(&d); err != nil {
			return err
		}
		days = append(days, d)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, d := range days {
		dir := filepath.Join(out, "eventDay="+d)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := p.exec("COPY (SELECT * EXCLUDE eventDay FROM %s WHERE eventDay='%s' ORDER BY time) TO '%s/part.parquet' (FORMAT parquet, COMPRESSION zstd)", table, d, dir); err != nil {
			return err
		}
	}
	return nil
}
