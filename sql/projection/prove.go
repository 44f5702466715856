package projection

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// TRY does not catch every error of the functions below. If such a call fails for each of a few made-up records, it fails for
// every record: an unknown time zone is an example.

// escapesTry are functions with errors that TRY does not catch.
var escapesTry = map[string]bool{"timezone": true, "date_part": true, "datepart": true, "date_trunc": true, "datetrunc": true, "date_diff": true,
	"datediff": true, "date_sub": true, "datesub": true, "time_bucket": true, "make_timestamptz": true, "strftime": true, "strptime": true,
	"like_escape": true, "not_like_escape": true, "ilike_escape": true, "not_ilike_escape": true}

// tried are the texts that the fields of made-up records have: what such calls take, and others.
var tried = []string{"Europe/Berlin", "year", "1 day", "2024-01-02 03:04:05", "1", "a", `["Europe/Berlin"]`, `{"a": "year"}`}

// tryTime bounds the search in all.
const tryTime = 5 * time.Second

// trial runs expressions over made-up records.
type trial struct {
	database Database
	report   *diag.List
	src      *rawtable.Source
}

// all reports the expressions of projections that fail for each record that is tried.
func (t *trial) all(parent context.Context, projections []*Projection) error {
	ctx, cancel := context.WithTimeout(parent, tryTime)
	defer cancel()
	for _, p := range projections {
		for _, o := range p.Outs {
			if o.Expr == nil || o.SQL == "" || !mayEscape(o.Expr) {
				continue
			}
			if err := t.one(ctx, o.File, o.At, o.SQL); err != nil {
				return err
			}
		}
		for _, cond := range p.conditions {
			sql := p.Where
			if cond.drop >= 0 {
				sql = p.Drops[cond.drop]
			}
			if !mayEscape(cond.expr) {
				continue
			}
			if err := t.one(ctx, cond.file, cond.at, sql); err != nil {
				return err
			}
		}
	}
	return parent.Err()
}

// one tries an expression. It is a warning: records that need it may never come.
func (t *trial) one(ctx context.Context, f diag.File, at int, sql string) error {
	var refused *syntax.Error
	for _, text := range tried {
		_, err := t.database.Rows(ctx, "SELECT CAST(bit_xor(hash(e)) AS VARCHAR) FROM (SELECT "+sql+" AS e FROM (SELECT "+t.record(text)+") AS records)")
		if ctx.Err() != nil {
			return nil // what takes too long proves nothing
		}
		if err == nil {
			return nil
		}
		if !errors.As(err, &refused) {
			return fmt.Errorf("sqlgen: try an expression: %w", err)
		}
	}
	t.report.At(f, at, diag.Warning, diag.SQL, "records that need it go to quarantine", "the expression fails for every record that was tried: %s", refused.Message)
	return nil
}

// record is a made-up record without NULLs.
func (t *trial) record(text string) string {
	columns := []string{"0 AS " + syntax.Ident(rawtable.ColObject)}
	add := func(l *rawtable.Leaf) {
		value := "1"
		switch l.Type {
		case "VARCHAR":
			value = syntax.Quote(text)
		case "BOOLEAN":
			value = "TRUE"
		case "TIMESTAMP":
			value = "TIMESTAMP '2024-01-02 03:04:05'"
		}
		columns = append(columns, "CAST("+value+" AS "+l.Type+") AS "+syntax.Ident(l.Column))
	}
	for _, l := range t.src.Leaves {
		add(l)
	}
	for _, n := range t.src.KeyNames() {
		add(t.src.Keys[n])
	}
	return strings.Join(columns, ", ")
}

// mayEscape says that an expression calls a function, or has a cast, with errors that TRY does not catch.
func mayEscape(e syntax.Node) (may bool) {
	syntax.Walk(e, func(n syntax.Node) bool {
		id := syntax.Str(syntax.Child(n, "cast_type"), "id")
		may = may || escapesTry[strings.ToLower(syntax.Str(n, "function_name"))] || id == "INTERVAL" || id == "TIMESTAMP WITH TIME ZONE"
		return !may
	})
	return may
}
