package jobfile

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/internal/textfile"
)

// Kinds are the stores and catalogs that a job file can name.
type Kinds struct {
	Stores   objstore.Registry
	Catalogs catalog.Registry
}

// Load reads and checks a job file. An error is a diag.List. env looks up the variables that the file names as ${VAR}.
func Load(path string, env func(string) (string, bool), kinds Kinds) (*Spec, error) {
	return loaded(Inspect(path, env, kinds))
}

func loaded(s *Spec, found diag.List) (*Spec, error) {
	if len(found) > 0 {
		return nil, found
	}
	return s, nil
}

// Inspect is Load for a check. If the file has mistakes, the Spec has what could be read of it; it is nil if the file is not a job.
func Inspect(path string, env func(string) (string, bool), kinds Kinds) (*Spec, diag.List) {
	b, err := textfile.Read(path, textfile.MaxJob)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, diag.List{{File: path, Code: diag.Job, Message: "job file not found", Hint: "name a YAML file, for example jobs/specs/network-firewall.yaml"}}
	case err != nil:
		return nil, diag.List{{File: path, Line: 1, Column: 1, Code: diag.Job, Message: fmt.Sprintf("the job file cannot be read: %v", errors.Unwrap(err))}}
	}
	return inspect(path, b, env, kinds)
}

// Parse is Load for the text of a job file; file only names it in diagnostics.
func Parse(file string, text []byte, env func(string) (string, bool), kinds Kinds) (*Spec, error) {
	return loaded(inspect(file, text, env, kinds))
}

func inspect(file string, text []byte, env func(string) (string, bool), kinds Kinds) (*Spec, diag.List) {
	s := Default()
	s.File, s.Text = file, text
	s.Pos = map[string]Position{}
	r := &reader{lines: strings.Split(string(text), "\n"), env: env, kinds: kinds, spec: &s, fields: map[string]field{}, groups: map[string]bool{}, bad: map[string]bool{}}
	for _, f := range s.fields(kinds.Catalogs.Types()) {
		r.fields[f.path] = f
		for i, c := range f.path {
			if c == '.' {
				r.groups[f.path[:i]] = true
			}
		}
	}
	r.read(text)
	if len(r.found) > 0 && len(s.Pos) == 0 {
		r.found.Sort()
		return nil, r.found
	}
	r.check()
	r.found.Sort()
	return &s, r.found
}

// reader fills a Spec from a YAML file and collects what is wrong with it.
type reader struct {
	lines  []string
	env    func(string) (string, bool)
	kinds  Kinds
	spec   *Spec
	fields map[string]field
	groups map[string]bool
	bad    map[string]bool // keys and groups whose mistake is reported, so that no other one follows from it
	found  diag.List
}

// fail reports an error at a place, or at the file's beginning if the place is not known.
func (r *reader) fail(at Position, format string, args ...any) *diag.Diagnostic {
	if at.Line == 0 {
		at = Position{1, 1}
	}
	r.found = append(r.found, diag.Diagnostic{File: r.spec.File, Line: at.Line, Column: at.Column, Code: diag.Job, Message: printable(fmt.Sprintf(format, args...))})
	return &r.found[len(r.found)-1]
}

// printable escapes what a terminal would obey, since keys and values can hold it, and cuts texts that nobody would read.
func printable(s string) string {
	const most = 600
	var b strings.Builder
	for i, r := range s {
		switch {
		case b.Len() > most:
			return b.String() + "..."
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !unicode.IsPrint(r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// position of a token. The YAML parser counts a column in characters, a Position in bytes.
func (r *reader) position(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{1, 1}
	}
	at := Position{t.Position.Line, t.Position.Column}
	if at.Line < 1 || at.Line > len(r.lines) {
		return at
	}
	characters := 0
	for i := range r.lines[at.Line-1] {
		if characters++; characters == at.Column {
			at.Column = i + 1
			break
		}
	}
	return at
}

func (r *reader) read(text []byte) {
	if line, column, deep := textfile.TooDeep(text); deep {
		r.fail(Position{line, column}, "the file is nested deeper than %d levels", textfile.MaxDepth)
		return
	}
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		var at Position
		var message string
		if se, ok := errors.AsType[*yaml.SyntaxError](err); ok { // the text of Error quotes the source, at a cost that grows with it
			at, message = r.position(se.GetToken()), se.GetMessage()
		} else {
			message = err.Error()
		}
		message, _, _ = strings.Cut(message, "\n")
		r.fail(at, "the file is not YAML: %s", message)
		return
	}
	var docs []ast.Node
	for _, d := range f.Docs {
		if d.Body != nil {
			docs = append(docs, d.Body)
		}
	}
	switch {
	case len(docs) == 0:
		r.fail(Position{}, "the file is empty").Hint = "a job needs at least name, source.staging, mapping, lake.location, lake.source_name and lake.region"
		return
	case len(docs) > 1:
		r.fail(r.position(docs[1].GetToken()), "the file has a second document").Hint = "write one job in each file"
		return
	}
	r.group(docs[0], "")
}

func (r *reader) group(n ast.Node, path string) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		what := "the job"
		if path != "" {
			what = path
		}
		r.fail(r.position(n.GetToken()), "%s must be a mapping of keys", what)
		r.bad[path] = true
		return
	}
	seen := map[string]bool{}
	for _, v := range values {
		k := v.Key.GetToken().Value
		p := k
		if path != "" {
			p = path + "." + k
		}
		at := r.position(v.Key.GetToken())
		if seen[k] {
			r.fail(at, "%s is given twice", p)
			continue
		}
		seen[k] = true
		r.spec.Pos[p] = r.position(v.Value.GetToken())
		if path == "lake.classes" && !r.class(k, at) {
			continue
		}
		if r.groups[p] {
			if _, null := v.Value.(*ast.NullNode); !null {
				r.group(v.Value, p)
			}
			continue
		}
		f, ok := r.fields[p]
		if !ok {
			r.unknown(at, p, k)
			continue
		}
		before := len(r.found)
		r.value(f, v.Value)
		r.bad[p] = len(r.found) > before
	}
}

// class adds the keys of an event class.
func (r *reader) class(name string, at Position) bool {
	if !className.MatchString(name) {
		r.fail(at, "lake.classes: %q is not the name of an event class (example: http_activity)", name)
		return false
	}
	if r.spec.Lake.Classes == nil {
		r.spec.Lake.Classes = map[string]*Class{}
	}
	c := &Class{}
	r.spec.Lake.Classes[name] = c
	one := Spec{Lake: Lake{Classes: map[string]*Class{anyClass: c}}}
	for _, f := range one.fields(nil) {
		if key, ok := strings.CutPrefix(f.path, "lake.classes."+anyClass+"."); ok {
			f.path = "lake.classes." + name + "." + key
			r.fields[f.path] = f
		}
	}
	r.groups["lake.classes."+name] = true
	return true
}

// unknown reports a key that job files do not have, with the key that was probably meant.
func (r *reader) unknown(at Position, path, key string) {
	d := r.fail(at, "unknown key %s", path)
	near := r.nearest(path)
	if near == "" {
		return
	}
	d.Hint = fmt.Sprintf("did you mean %s?", near)
	r.bad[near] = true
	if group := strings.TrimSuffix(path, key); group+last(near) == near && strings.HasPrefix(r.after(at), key) {
		d.EndLine, d.EndColumn, d.Fix = at.Line, at.Column+len(key), &diag.Fix{Text: last(near)}
	}
}

// after is the rest of a line from a place on.
func (r *reader) after(at Position) string {
	if at.Line > len(r.lines) || at.Column > len(r.lines[at.Line-1]) {
		return ""
	}
	return r.lines[at.Line-1][at.Column-1:]
}

// nearest prefers the same key in another group to a key that is only spelt alike.
func (r *reader) nearest(path string) string {
	known := slices.Sorted(maps.Keys(r.fields))
	var moved []string
	for _, p := range known {
		if last(p) == last(path) {
			moved = append(moved, p)
		}
	}
	if len(moved) > 0 {
		if near := suggest.Nearest(path, moved); near != "" {
			return near
		}
		return moved[0]
	}
	return suggest.Nearest(path, append(known, slices.Sorted(maps.Keys(r.groups))...))
}

func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

var envVar = regexp.MustCompile(`\$\$|\$\{([^}]*)\}`)

// scalar returns a value's text with ${VAR} filled in. The text of a variable is never read as YAML.
func (r *reader) scalar(f field, n ast.Node) (string, bool) {
	at := r.position(n.GetToken())
	var s string
	switch v := n.(type) {
	case *ast.StringNode:
		s = v.Value
	case *ast.LiteralNode:
		s = v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		s = n.GetToken().Value
	case *ast.NullNode:
		r.fail(at, "%s is empty", f.path).Hint = "give a value or leave the key out"
		return "", false
	default:
		r.fail(at, "%s must be a single value", f.path)
		return "", false
	}
	ok := true
	s = envVar.ReplaceAllStringFunc(s, func(m string) string {
		if m == "$$" {
			return "$"
		}
		name := m[2 : len(m)-1]
		v, found := r.env(name)
		if !found {
			r.fail(at, "%s: the environment variable %s is not set", f.path, name)
			ok = false
		}
		return v
	})
	return s, ok
}

func (r *reader) value(f field, n ast.Node) {
	at := r.position(n.GetToken())
	if list, ok := f.ptr.(*[]string); ok {
		seq, ok := n.(*ast.SequenceNode)
		if !ok {
			r.fail(at, "%s must be a list (example: [\"**/*.log.gz\"])", f.path)
			return
		}
		for _, v := range seq.Values {
			if s, ok := r.scalar(f, v); ok {
				*list = append(*list, s)
			}
		}
		return
	}
	s, ok := r.scalar(f, n)
	if !ok {
		return
	}
	if err := f.set(s); err != nil {
		r.fail(at, "%s: %v", f.path, err)
	}
}

// set reads the text of a single value.
func (f field) set(s string) (err error) {
	switch p := f.ptr.(type) {
	case *string:
		*p = s
		if len(f.enum) > 0 && !slices.Contains(f.enum, s) {
			return fmt.Errorf("%q is not one of %s", s, strings.Join(f.enum, ", "))
		}
		if f.required && s == "" {
			return errors.New("the value is empty")
		}
	case *bool:
		if s != "true" && s != "false" {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		*p = s == "true"
	case *time.Duration:
		*p, err = ParseDuration(s)
	case *int64:
		*p, err = ParseBytes(s)
	case *int:
		if *p, err = strconv.Atoi(s); err != nil || *p < 0 {
			return fmt.Errorf("%q is not a whole number of 0 or more", s)
		}
	case *float64:
		if *p, err = strconv.ParseFloat(s, 64); err != nil || *p < 0 || *p > 1 {
			return fmt.Errorf("%q is not a number from 0 to 1", s)
		}
	}
	return err
}
