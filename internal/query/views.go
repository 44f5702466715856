package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/location"
)

// source is a table that the query reads: its partitions, and which of them are wanted.
type source struct {
	table      catalog.Table
	partitions []catalog.Partition
	wanted     []bool
	files      []string // local paths
}

// views makes the statements that create a view for each table the query names, after fetching the files that are on S3.
func (p *planner) views(ctx context.Context, o Options, names *tableNames, refs []reference, showAll bool) error {
	byTable := map[string][]reference{}
	for _, r := range refs {
		t, ok, err := names.find(r)
		if err != nil {
			return err
		}
		if ok {
			byTable[t] = append(byTable[t], r)
		}
	}
	var sources []*source
	for _, t := range names.tables {
		if contains(names.views, strings.ToLower(t)) {
			continue // the catalog's entry of a view
		}
		if len(byTable[t]) == 0 && !showAll {
			continue
		}
		table, err := o.Catalog.Table(ctx, t)
		if err != nil {
			return err
		}
		s := &source{table: table}
		sources = append(sources, s)
		if len(byTable[t]) == 0 {
			continue // only its name is shown
		}
		err = o.Catalog.Partitions(ctx, t, func(part catalog.Partition) error {
			s.partitions = append(s.partitions, part)
			return nil
		})
		if err != nil {
			return err
		}
		p.choose(ctx, s, byTable[t])
	}
	if err := p.locate(ctx, o, sources); err != nil {
		return err
	}
	schema := ""
	if o.Database != "" && !slices.Contains([]string{"main", "temp", "system", "pg_catalog", "information_schema"}, names.database) {
		schema = engine.Identifier(o.Database)
		p.setup = append(p.setup, "CREATE SCHEMA IF NOT EXISTS "+schema)
	}
	for _, s := range sources {
		sql, err := view(s.table, s.files)
		if err != nil {
			return err
		}
		for name, t := range names.of {
			if t != s.table.Name {
				continue
			}
			p.setup = append(p.setup, "CREATE VIEW main."+engine.Identifier(name)+" AS "+sql)
			if schema != "" {
				p.setup = append(p.setup, "CREATE VIEW "+schema+"."+engine.Identifier(name)+" AS "+sql)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.defined)) {
		p.setup = append(p.setup, "CREATE VIEW main."+engine.Identifier(name)+" AS "+p.defined[name].SQL)
		if schema != "" {
			p.setup = append(p.setup, "CREATE VIEW "+schema+"."+engine.Identifier(name)+" AS "+p.defined[name].SQL)
		}
	}
	return nil
}

// expand replaces references to views by references to their tables.
func (p *planner) expand(ctx context.Context, o *Options, names *tableNames, refs []reference, showAll bool) (out []reference, err error) {
	p.defined = map[string]View{}
	define := func(name string) (v View, err error) {
		v, ok := p.defined[name]
		if !ok {
			if v, err = o.View(ctx, name); err == nil {
				p.defined[name] = v
			}
		}
		return v, err
	}
	for _, r := range refs {
		if !names.isView(r) {
			out = append(out, r)
			continue
		}
		v, err := define(strings.ToLower(r.name))
		if err != nil {
			return nil, err
		}
		var conditions []node
		for _, c := range r.conditions {
			if keysWithin(c, v.PrunedBy) {
				conditions = append(conditions, c)
			}
		}
		for _, t := range v.Tables {
			out = append(out, reference{schema: o.Database, name: t, as: r.as, conditions: conditions})
		}
	}
	for _, name := range names.views {
		if !showAll {
			break
		}
		if _, err := define(name); err != nil && !errors.Is(err, ErrNoView) {
			return nil, err
		}
	}
	return out, nil
}

// choose marks the partitions that some reference wants. A condition that needs more than the keys excludes
// no partition.
func (p *planner) choose(ctx context.Context, s *source, refs []reference) {
	s.wanted = make([]bool, len(s.partitions))
	for _, r := range refs {
		ok := len(r.conditions) > 0
		if ok {
			var rows []int
			if rows, ok = p.ask(ctx, s, r); ok {
				for _, i := range rows {
					s.wanted[i] = true
				}
			}
		}
		if !ok {
			for i := range s.wanted {
				s.wanted[i] = true
			}
			return
		}
	}
}

// ask has DuckDB evaluate a reference's conditions over the partition keys.
func (p *planner) ask(ctx context.Context, s *source, r reference) (rows []int, ok bool) {
	const parts = "silt_partitions"
	if err := p.db.Exec(ctx, "CREATE OR REPLACE TABLE "+parts+" (silt_number INTEGER, region VARCHAR, accountid VARCHAR, eventday VARCHAR)"); err != nil {
		return nil, false
	}
	var b strings.Builder
	for i, part := range s.partitions {
		if b.Len() == 0 {
			b.WriteString("INSERT INTO " + parts + " VALUES ")
		} else {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "(%d,%s,%s,%s)", i, engine.Literal(part.Values[0]), engine.Literal(part.Values[1]), engine.Literal(part.Values[2]))
		if b.Len() > 64<<10 || i == len(s.partitions)-1 {
			if err := p.db.Exec(ctx, b.String()); err != nil {
				return nil, false
			}
			b.Reset()
		}
	}
	ast, err := p.db.Parser().Parse("SELECT silt_number FROM " + parts + " AS " + engine.Identifier(r.as) + " WHERE true AND true")
	if err != nil {
		return nil, false
	}
	var doc struct {
		Error      bool `json:"error"`
		Statements []struct {
			Node   map[string]json.RawMessage `json:"node"`
			Params json.RawMessage            `json:"named_param_map"`
		} `json:"statements"`
	}
	if json.Unmarshal(ast, &doc) != nil || len(doc.Statements) != 1 {
		return nil, false
	}
	var where map[string]json.RawMessage
	if json.Unmarshal(doc.Statements[0].Node["where_clause"], &where) != nil {
		return nil, false
	}
	conditions := r.conditions
	if len(conditions) == 1 { // a conjunction has two at least
		conditions = append([]node{}, conditions[0], conditions[0])
	}
	if where["children"], err = json.Marshal(conditions); err != nil {
		return nil, false
	}
	if doc.Statements[0].Node["where_clause"], err = json.Marshal(where); err != nil {
		return nil, false
	}
	ast, err = json.Marshal(doc)
	if err != nil {
		return nil, false
	}
	sql, err := p.db.Parser().Print(ast)
	if err != nil {
		return nil, false
	}
	res, err := p.db.Query(ctx, sql)
	if err != nil {
		return nil, false
	}
	defer res.Close()
	rows = []int{}
	for {
		batch, err := res.Next()
		if err != nil {
			return nil, false
		}
		if batch == nil {
			return rows, true
		}
		col, ok := batch.Column(0).(interface{ Value(int) int32 })
		for i := range int(batch.NumRows()) {
			if !ok {
				break
			}
			rows = append(rows, int(col.Value(i)))
		}
		batch.Release()
		if !ok {
			return nil, false
		}
	}
}

// locate finds the files of the wanted partitions, and fetches those that are on S3.
func (p *planner) locate(ctx context.Context, o Options, sources []*source) error {
	f := &fetch{o: o}
	for _, s := range sources {
		for i, part := range s.partitions {
			if !s.wanted[i] {
				continue
			}
			if _, at, ok := lake.ParsePrefix(part.Location); !ok || at.Values() != part.Values {
				return fmt.Errorf("partition %s of table %s is at %s, which is not the folder of these values. Try: query it with another tool, or correct the partition",
					strings.Join(part.Values[:], "/"), s.table.Name, part.Location)
			}
			at, err := location.Parse(part.Location)
			if err != nil {
				return fmt.Errorf("partition %s of table %s: location %w", strings.Join(part.Values[:], "/"), s.table.Name, err)
			}
			if !at.IsFolder() {
				f.add(s, at)
				continue
			}
			if err := s.folder(part.Location); err != nil {
				return err
			}
		}
		if at, err := location.Parse(s.table.Location); err == nil && at.IsFolder() && len(s.files) > 0 {
			p.allowed = append(p.allowed, s.table.Location)
			for _, file := range s.files { // a partition can be in another folder
				if !strings.HasPrefix(file, filepath.Clean(s.table.Location)+string(filepath.Separator)) {
					p.allowed = append(p.allowed, file)
				}
			}
		}
	}
	if len(f.partitions) > 0 {
		p.allowed = append(p.allowed, o.CacheDir)
		if err := f.run(ctx); err != nil {
			return err
		}
	}
	for _, a := range slices.Clone(p.allowed) {
		if escaped := literalGlob.Replace(a); escaped != a { // DuckDB asks for the pattern, too
			p.allowed = append(p.allowed, escaped)
		}
	}
	return nil
}

// folder adds the Parquet files of a partition on this machine. A folder that does not exist has none.
func (s *source) folder(location string) error {
	entries, err := os.ReadDir(location)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), ".parquet") {
			s.files = append(s.files, filepath.Join(location, e.Name()))
		}
	}
	return nil
}

// view is the SELECT of a table: the catalog's columns in its order and types, then the partition keys. Columns and struct
// fields that a file lacks are NULL.
func view(t catalog.Table, files []string) (string, error) {
	var columns, empty []string
	for _, c := range t.Columns {
		if isKey(c.Name) {
			continue
		}
		parsed, err := catalog.ParseType(c.Type)
		if err != nil {
			return "", fmt.Errorf("table %s, column %s: %w", t.Name, c.Name, err)
		}
		typ, err := duckType(parsed)
		if err != nil {
			return "", fmt.Errorf("table %s, column %s: %w", t.Name, c.Name, err)
		}
		name := engine.Identifier(c.Name)
		columns = append(columns, fmt.Sprintf("CAST(%s AS %s) AS %s", name, typ, name))
		empty = append(empty, fmt.Sprintf("CAST(NULL AS %s) AS %s", typ, name))
	}
	for _, k := range [][2]string{{"region", "region"}, {"accountId", "accountid"}, {"eventDay", "eventday"}} {
		columns = append(columns, fmt.Sprintf("%s AS %s", engine.Identifier(k[0]), k[1]))
		empty = append(empty, "CAST(NULL AS VARCHAR) AS "+engine.Identifier(k[0]))
	}
	from := "(SELECT " + strings.Join(empty, ", ") + " WHERE false)"
	if len(files) > 0 {
		quoted := make([]string, len(files))
		for i, f := range files {
			quoted[i] = engine.Literal(literalGlob.Replace(f))
		}
		from = "(FROM read_parquet([" + strings.Join(quoted, ", ") + "], union_by_name=true, hive_partitioning=true, " +
			"hive_types={'region': VARCHAR, 'accountId': VARCHAR, 'eventDay': VARCHAR}) UNION ALL BY NAME " + from + ")"
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + from, nil
}

// literalGlob keeps read_parquet from reading a path as a pattern.
var literalGlob = strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]")

// duckType is a Glue type in DuckDB's words.
func duckType(t catalog.Type) (string, error) {
	switch t.Kind {
	case catalog.Array:
		elem, err := duckType(*t.Elem)
		return elem + "[]", err
	case catalog.Map:
		key, err := duckType(*t.Key)
		if err != nil {
			return "", err
		}
		elem, err := duckType(*t.Elem)
		return "MAP(" + key + ", " + elem + ")", err
	case catalog.Struct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			typ, err := duckType(f.Type)
			if err != nil {
				return "", err
			}
			fields[i] = engine.Identifier(f.Name) + " " + typ
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")", nil
	}
	name, args, _ := strings.Cut(t.Name, "(")
	if duck, ok := map[string]string{"string": "VARCHAR", "varchar": "VARCHAR", "char": "VARCHAR", "int": "INTEGER", "integer": "INTEGER",
		"bigint": "BIGINT", "smallint": "SMALLINT", "tinyint": "TINYINT", "double": "DOUBLE", "float": "FLOAT", "boolean": "BOOLEAN",
		"timestamp": "TIMESTAMP", "date": "DATE", "binary": "BLOB"}[name]; ok {
		return duck, nil
	}
	if name == "decimal" {
		if args == "" {
			return "DECIMAL(10,0)", nil
		}
		return "DECIMAL(" + args, nil
	}
	return "", fmt.Errorf("%w: the type %s cannot be queried", catalog.ErrInvalid, t.Name)
}
