package projection

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/silt-etl/silt/sql/syntax"
)

// DuckDB computes once what several columns have in common, but not inside of CASE. So a call of a macro that several columns have
// becomes a column below them, if one of them computes it in every record anyway and it cannot fail.

// Shared is such a column.
type Shared struct {
	Name string
	SQL  string
}

// sharing finds the calls that columns have in common.
type sharing struct {
	c       *Set
	p       *Projection
	calls   map[string]*sharedCall // by what they look like
	ordered []*sharedCall
}

type sharedCall struct {
	call   syntax.Node
	always bool // some column computes it in every record
	uses   int
	column string
}

// run fills Shared and the SharedSQL of outputs.
func (s *sharing) run() error {
	p := s.p
	var outs []*Output
	for _, o := range p.Outs {
		if o.printed != nil && !o.IsConst && !o.takes.NeedsGuard() {
			outs = append(outs, o)
			s.find(o.printed, true)
		}
	}
	for key, call := range s.calls {
		if !call.always || call.uses < 2 || !s.total(call.call) {
			delete(s.calls, key)
		}
	}
	if len(s.calls) == 0 {
		return nil
	}
	for _, call := range s.calls { // a call inside of a shared one is computed there
		call.uses = 0
	}
	for _, o := range outs {
		s.replace(syntax.Clone(o.printed), func(call *sharedCall) { call.uses++ })
	}
	for key, call := range s.calls {
		if call.uses < 2 {
			delete(s.calls, key)
		}
	}
	for _, call := range s.ordered {
		if s.calls[key(call.call)] == nil {
			continue
		}
		sql, err := syntax.Print(s.c.database, call.call)
		if err != nil {
			return err
		}
		call.column = fmt.Sprintf("_shared%d", len(p.Shared))
		p.Shared = append(p.Shared, Shared{Name: call.column, SQL: sql})
	}
	for _, o := range outs {
		some := false
		tree := s.replace(syntax.Clone(o.printed), func(*sharedCall) { some = true })
		if !some {
			continue
		}
		plain, err := syntax.Print(s.c.database, o.printed)
		if err != nil {
			return err
		}
		shared, err := syntax.Print(s.c.database, tree.(syntax.Node))
		if err != nil {
			return err
		}
		if open, end, ok := strings.Cut(o.SQL, plain); ok {
			o.SharedSQL = open + shared + end
		}
	}
	return nil
}

// key is what a call looks like, wherever it stands.
func key(call syntax.Node) string {
	call = syntax.Clone(call).(syntax.Node)
	syntax.Walk(call, func(n syntax.Node) bool {
		delete(n, "query_location")
		return true
	})
	delete(call, "alias")
	text, err := json.Marshal(call)
	if err != nil {
		panic(err) // it was read from JSON
	}
	return string(text)
}

// find counts calls. always says that v is computed in every record.
func (s *sharing) find(v any, always bool) {
	switch t := v.(type) {
	case []any:
		for _, e := range t {
			s.find(e, always)
		}
	case syntax.Node:
		switch {
		case syntax.Str(t, "class") == "LAMBDA":
			return
		case syntax.Str(t, "class") == "CASE":
			for i, e := range syntax.List(t, "case_checks") {
				check, _ := e.(syntax.Node)
				s.find(check["when_expr"], always && i == 0)
				s.find(check["then_expr"], false)
			}
			s.find(t["else_expr"], false)
			return
		case syntax.Str(t, "type") == "OPERATOR_COALESCE":
			for i, e := range syntax.List(t, "children") {
				s.find(e, always && i == 0)
			}
			return
		case s.c.macros.Inline(t) != nil:
			k := key(t)
			call := s.calls[k]
			if call == nil {
				call = &sharedCall{call: t}
				s.calls[k], s.ordered = call, append(s.ordered, call)
			}
			call.uses++
			call.always = call.always || always
		}
		for _, k := range syntax.InOrder(t) {
			s.find(t[k], always)
		}
	}
}

// total says that a call cannot fail.
func (s *sharing) total(call syntax.Node) bool {
	_, total := s.c.total(s.c.macros.InlineAll(call))
	return total
}

// replace puts columns in place of the calls that they hold, the outermost ones.
func (s *sharing) replace(v any, each func(*sharedCall)) any {
	switch t := v.(type) {
	case []any:
		for i, e := range t {
			t[i] = s.replace(e, each)
		}
	case syntax.Node:
		if syntax.Str(t, "class") == "LAMBDA" {
			return t
		}
		if s.c.macros.Inline(t) != nil {
			if call := s.calls[key(t)]; call != nil {
				each(call)
				return syntax.Node{"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": syntax.Str(t, "alias"), "query_location": syntax.Nowhere, "column_names": []any{call.column}}
			}
		}
		for k, e := range t {
			t[k] = s.replace(e, each)
		}
	}
	return v
}
