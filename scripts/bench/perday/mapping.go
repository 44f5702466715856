package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/silt-etl/silt/mappings"
	library "github.com/silt-etl/silt/sql"
)

// pasted is a shipped mapping as a person would paste it into DuckDB.
type pasted struct {
	macros  []string
	classes map[string][]string // the SELECTs of each class
	columns []column            // of raw.sql
	raw     func(files string) string
}

type column struct{ name, typ string }

// noLookup finds nothing: DuckDB would read the whole lookup for each call.
const noLookup = "CREATE MACRO lookup(name, value) AS CAST(NULL AS STRUCT(name VARCHAR, tactics VARCHAR, version VARCHAR))"

// load reads a shipped mapping and the macro library.
func load(source string) (*pasted, error) {
	m := &pasted{classes: map[string][]string{}, macros: []string{noLookup}}
	lib, err := library.Library()
	if err != nil {
		return nil, err
	}
	for _, x := range lib {
		m.macros = append(m.macros, x.Text)
	}
	mapping, err := mappings.Load(source)
	if err != nil {
		return nil, err
	}
	for _, q := range strings.Split(mapping.Files["macros.sql"], ";\n") {
		if strings.Contains(q, "CREATE MACRO") {
			m.macros = append(m.macros, q)
		}
	}
	m.columns = columnsOf(mapping.Files["raw.sql"])
	selects, problems, err := mapping.Selects(context.Background())
	if err != nil {
		return nil, err
	}
	if problems.Failed() {
		return nil, problems.Errors()
	}
	for _, s := range selects {
		m.classes[s.Class] = append(m.classes[s.Class], s.SQL)
	}
	switch source {
	case "aws-alb":
		m.raw = m.alb
	case "windows-sysmon":
		m.raw = m.sysmon
	default:
		return nil, fmt.Errorf("perday cannot read logs of %s", source)
	}
	return m, nil
}

var comment = regexp.MustCompile(`--[^\n]*`)

// columnsOf reads the columns of a CREATE TABLE. Commas within STRUCT(...) do not separate columns.
func columnsOf(text string) (cols []column) {
	text = comment.ReplaceAllString(text, "")
	body := text[strings.IndexByte(text, '(')+1 : strings.LastIndexByte(text, ')')]
	depth, from := 0, 0
	for i, c := range body + "," {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				name, typ, _ := strings.Cut(strings.TrimSpace(body[from:min(i, len(body))]), " ")
				cols = append(cols, column{name, strings.Join(strings.Fields(typ), " ")})
				from = i + 1
			}
		}
	}
	return cols
}

// alb reads access logs of load balancers as CSV.
func (m *pasted) alb(files string) string {
	var cols []string
	for _, c := range m.columns {
		if c.name != `"key"` {
			cols = append(cols, fmt.Sprintf("'%s': '%s'", strings.Trim(c.name, `"`), c.typ))
		}
	}
	return `SELECT *, {'account_id': '111122223333', 'region': 'us-east-1'} AS "key" FROM read_csv(` + files + `, delim = ' ', quote = '"', escape = '\', auto_detect = false, header = false, null_padding = true, nullstr = '-', ` +
		"columns = {" + strings.Join(cols, ", ") + "})"
}

// sysmon parses Description once into a map, and reads the fields from it.
func (m *pasted) sysmon(files string) string {
	var cols, fields []string
	for _, c := range m.columns {
		if c.name != "Description" {
			cols = append(cols, fmt.Sprintf("'%s': '%s'", strings.Trim(c.name, `"`), c.typ))
			continue
		}
		cols = append(cols, "'Description': 'VARCHAR'")
		inner := columnsOf(c.typ[strings.IndexByte(c.typ, '('):])
		for _, f := range inner {
			name := strings.Trim(f.name, `"`)
			value := "m['" + name + "']"
			switch name {
			case "title":
				value = `split_part(Description, ':', 1)`
			case "SourceProcessGuid", "TargetProcessGuid":
				value = fmt.Sprintf("coalesce(m['%s'], m['%s'])", name, strings.Replace(name, "Guid", "GUID", 1))
			}
			fields = append(fields, fmt.Sprintf("'%s': TRY_CAST(nullif(%s, '-') AS %s)", name, value, f.typ))
		}
	}
	return "SELECT * REPLACE ({" + strings.Join(fields, ", ") + `} AS Description) FROM (
  SELECT *, map(list_transform(lines, lambda l: split_part(l, ': ', 1)), list_transform(lines, lambda l: substr(l, position(': ' IN l) + 2))) AS m
  FROM (SELECT *, string_split(Description, chr(13) || chr(10))[2:] AS lines
    FROM read_json(` + files + ", format = 'newline_delimited', columns = {" + strings.Join(cols, ", ") + "})))"
}
