// Command perday is the benchmark's peer: DuckDB alone, doing what a careful user of it would do for this job. It projects
// into a temp table, then writes one ordered Parquet file a day. It verifies nothing and keeps no record of what it did.
//
//	perday -in STAGING -out DIR [-threads 2] [-memory 1GB]
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
	in := flag.String("in", "", "staging folder")
	out := flag.String("out", "", "output folder")
	threads := flag.Int("threads", 2, "threads")
	memory := flag.String("memory", "", "memory_limit")
	flag.Parse()
	if err := run(*in, *out, *threads, *memory); err != nil {
		fmt.Fprintln(os.Stderr, "perday:", err)
		os.Exit(1)
	}
}

func run(in, out string, threads int, memory string) error {
	var files []string
	err := filepath.WalkDir(in, func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".log.gz") {
			files = append(files, "'"+p+"'")
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(q string, args ...any) error {
		_, err := db.Exec(fmt.Sprintf(q, args...))
		return err
	}
	if err := exec("SET threads=%d; SET TimeZone='UTC'; SET temp_directory='%s.spill'", threads, out); err != nil {
		return err
	}
	if memory != "" {
		if err := exec("SET memory_limit='%s'", memory); err != nil {
			return err
		}
	}
	q := strings.ReplaceAll(project, "@SRC@", "["+strings.Join(files, ",")+"]")
	if err := exec("CREATE TEMP TABLE t AS %s", q); err != nil {
		return err
	}
	rows, err := db.Query("SELECT DISTINCT eventDay FROM t ORDER BY 1")
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
		if err := exec("COPY (SELECT * EXCLUDE eventDay FROM t WHERE eventDay='%s' ORDER BY time) TO '%s/part.parquet' (FORMAT parquet, COMPRESSION zstd)", d, dir); err != nil {
			return err
		}
	}
	return os.RemoveAll(out + ".spill")
}
