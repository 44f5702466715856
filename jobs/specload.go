package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/robfig/cron/v3"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/staging"
)

// SpecError lists everything wrong with a job file, each as file:line:column: message.
type SpecError struct {
	Problems []string
}

func (e *SpecError) Error() string { return strings.Join(e.Problems, "\n") }

// LoadSpec reads and checks a job file. The error is a *SpecError, or an error of reading the file. env looks up ${VAR}.
func LoadSpec(path string, env func(string) (string, bool)) (*Spec, error) {
	b, err := readSmall(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, &SpecError{[]string{fmt.Sprintf("%s: no such job file; name a YAML file, as jobs/specs/network-firewall.yaml", path)}}
		}
		return nil, &SpecError{[]string{fmt.Sprintf("%s: cannot be read: %v", path, errors.Unwrap(err))}}
	}
	return ParseSpec(path, b, env)
}

// specBytes is how long a job file may be: reading YAML takes some hundred times its length in memory.
const specBytes = 1 << 20

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, specBytes+1))
	if err == nil && len(b) > specBytes {
		err = &os.PathError{Op: "read", Path: path, Err: errors.New("it is longer than 1 MiB, which no job file is")}
	}
	return b, err
}

// ParseSpec is LoadSpec for text; file is only named in messages.
func ParseSpec(file string, text []byte, env func(string) (string, bool)) (*Spec, error) {
	s := defaults()
	s.File = file
	s.Pos = map[string]Position{}
	r := &specReader{file: file, env: env, spec: &s, fields: map[string]field{}, groups: map[string]bool{}}
	for _, f := range s.fields() {
		r.fields[f.path] = f
		if i := strings.LastIndexByte(f.path, '.'); i > 0 {
			r.groups[f.path[:i]] = true
		}
	}
	r.read(text)
	if len(r.problems) == 0 {
		r.check()
	}
	if len(r.problems) > 0 {
		sort.SliceStable(r.problems, func(i, j int) bool {
			a, b := r.problems[i].at, r.problems[j].at
			return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
		})
		e := &SpecError{}
		for _, p := range r.problems {
			e.Problems = append(e.Problems, fmt.Sprintf("%s:%d:%d: %s", file, p.at.Line, p.at.Column, p.text))
		}
		return nil, e
	}
	return &s, nil
}

type specProblem struct {
	at   Position
	text string
}

type specReader struct {
	file     string
	env      func(string) (string, bool)
	spec     *Spec
	fields   map[string]field
	groups   map[string]bool
	problems []specProblem
}

func (r *specReader) fail(at Position, format string, args ...any) {
	if at.Line == 0 {
		at = Position{1, 1}
	}
	r.problems = append(r.problems, specProblem{at, fitForALine(fmt.Sprintf(format, args...))})
}

// fitForALine escapes what a terminal would obey, as keys and values may hold it, and cuts what nobody would read.
func fitForALine(s string) string {
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

func position(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{1, 1}
	}
	return Position{t.Position.Line, t.Position.Column}
}

func (r *specReader) read(text []byte) {
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		var se *yaml.SyntaxError
		if errors.As(err, &se) {
			r.fail(position(se.GetToken()), "not YAML: %s", strings.SplitN(se.GetMessage(), "\n", 2)[0])
			return
		}
		r.fail(Position{}, "not YAML: %s", strings.SplitN(err.Error(), "\n", 2)[0])
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
		r.fail(Position{}, "the file is empty; a job needs at least name, source.staging, mapping, lake.location, lake.source_name and lake.region")
		return
	case len(docs) > 1:
		r.fail(position(docs[1].GetToken()), "a second document; write one job a file")
		return
	}
	r.group(docs[0], "")
}

func (r *specReader) group(n ast.Node, path string) {
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
		r.fail(position(n.GetToken()), "%s must be a mapping of keys", what)
		return
	}
	seen := map[string]bool{}
	for _, v := range values {
		k := v.Key.GetToken().Value
		p := k
		if path != "" {
			p = path + "." + k
		}
		at := position(v.Key.GetToken())
		if seen[k] {
			r.fail(at, "%s stands twice", p)
			continue
		}
		seen[k] = true
		r.spec.Pos[p] = position(v.Value.GetToken())
		if r.groups[p] {
			if _, null := v.Value.(*ast.NullNode); !null {
				r.group(v.Value, p)
			}
			continue
		}
		f, ok := r.fields[p]
		if !ok {
			msg := fmt.Sprintf("unknown key %s", p)
			if near := r.nearest(p); near != "" {
				msg += fmt.Sprintf("; did you mean %s?", near)
			}
			r.fail(at, "%s", msg)
			continue
		}
		r.value(f, v.Value)
	}
}

func (r *specReader) nearest(p string) string {
	best, dist := "", 4
	for q := range r.fields {
		d := editDistance(p, q)
		if last(p) == last(q) && d > 2 {
			d = 2
		}
		if d < dist || d == dist && q < best {
			best, dist = q, d
		}
	}
	for q := range r.groups {
		if d := editDistance(p, q); d < dist {
			best, dist = q, d
		}
	}
	return best
}

func last(p string) string { return p[strings.LastIndexByte(p, '.')+1:] }

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			c := diag
			if a[i-1] != b[j-1] {
				c++
			}
			diag = row[j]
			row[j] = min(c, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

var envVar = regexp.MustCompile(`\$\$|\$\{([^}]*)\}`)

// scalar gives a value's text with ${VAR} filled in. The text of a variable is never read as YAML.
func (r *specReader) scalar(f field, n ast.Node) (string, bool) {
	at := position(n.GetToken())
	var s string
	switch v := n.(type) {
	case *ast.StringNode:
		s = v.Value
	case *ast.LiteralNode:
		s = v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		s = n.GetToken().Value
	case *ast.NullNode:
		r.fail(at, "%s is empty; give a value or leave the key out", f.path)
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

func (r *specReader) value(f field, n ast.Node) {
	at := position(n.GetToken())
	if list, ok := f.ptr.(*[]string); ok {
		seq, ok := n.(*ast.SequenceNode)
		if !ok {
			r.fail(at, "%s must be a list, as [\"**/*.log.gz\"]", f.path)
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
	var err error
	switch p := f.ptr.(type) {
	case *string:
		*p = s
		if len(f.enum) > 0 && !contains(f.enum, s) {
			err = fmt.Errorf("%q is none of %s", s, strings.Join(f.enum, ", "))
		} else if f.required && s == "" {
			err = errors.New("is empty")
		}
	case *time.Duration:
		*p, err = ParseDuration(s)
	case *int64:
		*p, err = ParseBytes(s)
	case *int:
		if *p, err = strconv.Atoi(s); err != nil || *p < 0 {
			err = fmt.Errorf("%q is no whole number of 0 or more", s)
		}
	case *float64:
		if *p, err = strconv.ParseFloat(s, 64); err != nil || *p < 0 || *p > 1 {
			err = fmt.Errorf("%q is no number from 0 to 1", s)
		}
	}
	if err != nil {
		r.fail(at, "%s: %v", f.path, err)
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

var jobName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/\S+$`)

// check looks at values against each other, and fills the defaults that depend on others.
func (r *specReader) check() {
	s := r.spec
	at := func(path string) Position { return s.Pos[path] }
	for _, f := range s.fields() {
		if _, given := s.Pos[f.path]; f.required && !given {
			g := f.path
			if i := strings.IndexByte(g, '.'); i > 0 {
				g = g[:i]
			}
			r.fail(s.Pos[g], "%s is missing: %s", f.path, f.doc)
		}
	}
	if len(r.problems) > 0 {
		return
	}
	if !jobName.MatchString(s.Name) {
		r.fail(at("name"), "name: %q must be 1 to 64 of a-z, 0-9, dash and underscore", s.Name)
	}
	if !regionName.MatchString(s.Lake.Region) {
		r.fail(at("lake.region"), "lake.region: %q is no AWS region, as us-east-1", s.Lake.Region)
	}
	if err := lake.ValidateSource(s.Lake.SourceName); err != nil {
		r.fail(at("lake.source_name"), "lake.source_name: %v", err)
	}
	if s.Lake.AccountID == "" {
		s.Lake.AccountID = "external"
	}
	if err := lake.ValidateAccount(s.Lake.AccountID); err != nil {
		r.fail(at("lake.account_id"), "lake.account_id: %v", err)
	}
	for _, p := range []struct{ path, v string }{{"source.role_arn", s.Source.RoleARN}, {"lake.role_arn", s.Lake.RoleARN},
		{"catalog.role_arn", s.Catalog.RoleARN}, {"lake.delete_role_arn", s.Lake.DeleteRoleARN}} {
		if p.v != "" && !roleARN.MatchString(p.v) {
			r.fail(at(p.path), "%s: %q is no role, as arn:aws:iam::111122223333:role/name", p.path, p.v)
		}
	}
	for _, p := range []struct{ path, v string }{{"source.staging", s.Source.Staging}, {"lake.location", s.Lake.Location}, {"state", s.State}} {
		if i := strings.Index(p.v, "://"); i >= 0 && p.v[:i] != "s3" {
			r.fail(at(p.path), "%s: %q is neither s3://bucket/prefix nor a folder", p.path, p.v)
		}
	}
	if s.Source.KeyPattern != "" {
		if _, err := staging.ParsePattern(s.Source.KeyPattern); err != nil {
			r.fail(at("source.key_pattern"), "source.key_pattern: %v", err)
		}
	}
	for path, globs := range map[string][]string{"source.include": s.Source.Include, "source.exclude": s.Source.Exclude} {
		for _, g := range globs {
			if err := staging.CheckGlob(g); err != nil {
				r.fail(at(path), "%s: %v", path, err)
			}
		}
	}
	if s.Schedule.Cron != "" {
		if _, err := cron.ParseStandard(s.Schedule.Cron); err != nil {
			r.fail(at("schedule.cron"), "schedule.cron: %q: %v", s.Schedule.Cron, err)
		}
	}
	if _, err := time.LoadLocation(s.Schedule.Timezone); err != nil {
		r.fail(at("schedule.timezone"), "schedule.timezone: %q is no IANA time zone, as Europe/Berlin", s.Schedule.Timezone)
	}
	for path, age := range map[string]time.Duration{"retention.quarantine": s.Retention.Quarantine, "retention.manifests": s.Retention.Manifests,
		"retention.attempts": s.Retention.Attempts} {
		if age != 0 && age < 24*time.Hour {
			r.fail(at(path), "%s: at least 1d; leave it out to keep everything", path)
		}
	}
	if s.Limits.MemoryBytes < 256<<20 {
		r.fail(at("limits.memory"), "limits.memory: at least 256MiB")
	}
	if s.Limits.BatchBytes < 1 {
		r.fail(at("limits.batch_bytes"), "limits.batch_bytes: must be more than 0")
	}
	if s.Limits.MaxConcurrentRuns < 1 {
		r.fail(at("limits.max_concurrent_runs"), "limits.max_concurrent_runs: at least 1; etl bookmark pause keeps a job from running")
	}
	if s.Limits.Timeout <= 0 {
		r.fail(at("limits.timeout"), "limits.timeout: must be more than 0")
	}
	if s.Limits.BatchTimeout <= 0 {
		r.fail(at("limits.batch_timeout"), "limits.batch_timeout: must be more than 0")
	}
	onS3 := strings.HasPrefix(s.Lake.Location, "s3://")
	if s.StateKMSKeyID == "" {
		s.StateKMSKeyID = s.Lake.KMSKeyID
	}
	if s.State == "" {
		if onS3 {
			r.fail(s.Pos["lake"], "state is missing: with a lake on S3 say where the ledger is kept, as s3://acme-etl-state/ (a bucket of your own, not the lake's)")
		} else {
			s.State = filepath.Join(s.Lake.Location, ".silt")
		}
	}
	if s.Lake.Hold == "copy" && !onS3 {
		r.fail(at("lake.hold"), "lake.hold: copy is for a lake on S3; a folder needs neither uploads nor copies")
	}
	if s.Source.OnChange == onChangeReplace && onS3 && s.Lake.DeleteRoleARN == "" {
		r.fail(at("source.on_change"), "source.on_change: replace deletes files of the lake: set lake.delete_role_arn, a role that may")
	}
	if s.Catalog.Type == "" {
		s.Catalog.Type = map[bool]string{true: "glue", false: "local"}[onS3]
	}
	if s.Catalog.Type == "glue" && !onS3 {
		r.fail(at("catalog.type"), "catalog.type: glue needs a lake on S3, since Glue tables cannot point at a folder")
	}
	if s.Source.Region == "" {
		s.Source.Region = s.Lake.Region
	}
	if s.Catalog.Region == "" {
		s.Catalog.Region = s.Lake.Region
	}
	if s.Catalog.Database == "" {
		s.Catalog.Database = lake.DatabaseName(s.Lake.Region)
	}
	if s.Catalog.Table == "" {
		s.Catalog.Table = lake.TableName(s.Lake.Region, s.Lake.SourceName)
	}
}

var durationPart = regexp.MustCompile(`^(\d+(?:\.\d+)?)(d|h|ms|m|s)`)

// ParseDuration reads 48h, 3650d, 1d12h, 90m.
func ParseDuration(s string) (time.Duration, error) {
	rest := s
	var d time.Duration
	for rest != "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("%q is no duration, as 48h, 7d or 90m", s)
		}
		x, _ := strconv.ParseFloat(m[1], 64)
		unit := map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second, "ms": time.Millisecond}[m[2]]
		if x*float64(unit) > float64(200*365*24*time.Hour) {
			return 0, fmt.Errorf("%q is longer than 200 years", s)
		}
		d += time.Duration(x * float64(unit))
		rest = rest[len(m[0]):]
	}
	if s == "" {
		return 0, errors.New("is no duration, as 48h, 7d or 90m")
	}
	return d, nil
}

var sizeText = regexp.MustCompile(`(?i)^(\d+(?:\.\d+)?) ?([kmgt]i?)?b?$`)

// ParseBytes reads 4GiB, 512MB, 1048576.
func ParseBytes(s string) (int64, error) {
	m := sizeText.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is no size, as 4GiB or 512MB", s)
	}
	x, _ := strconv.ParseFloat(m[1], 64)
	unit := map[string]float64{"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}[strings.ToLower(m[2])]
	if x*unit > 1<<60 {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return int64(x * unit), nil
}

// JSONSchema is the JSON Schema of a job file, for editors. It is made from the same table that reads the file.
func JSONSchema() []byte {
	var s Spec
	d := defaults()
	root := map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Silt job", "type": "object",
		"additionalProperties": false, "properties": map[string]any{}}
	defs := d.fields()
	for i, f := range s.fields() {
		obj := root
		parts := strings.Split(f.path, ".")
		for _, g := range parts[:len(parts)-1] {
			props := obj["properties"].(map[string]any)
			sub, ok := props[g].(map[string]any)
			if !ok {
				sub = map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{}}
				props[g] = sub
				if f.required {
					require(obj, g)
				}
			}
			obj = sub
		}
		name := parts[len(parts)-1]
		if f.required {
			require(obj, name)
		}
		p := map[string]any{"description": f.doc}
		switch v := defs[i].ptr.(type) {
		case *[]string:
			p["type"], p["items"] = "array", map[string]any{"type": "string"}
		case *string:
			p["type"] = "string"
			if *v != "" {
				p["default"] = *v
			}
		case *time.Duration:
			p["type"], p["pattern"] = "string", `^(\d+(\.\d+)?(d|h|m|s|ms))+$|\$\{`
			p["default"] = v.String()
		case *int64:
			p["type"] = []string{"string", "integer"}
		case *int:
			p["type"], p["minimum"], p["default"] = "integer", 0, *v
		case *float64:
			p["type"], p["minimum"], p["maximum"], p["default"] = "number", 0, 1, *v
		}
		if len(f.enum) > 0 {
			p["enum"] = f.enum
		}
		obj["properties"].(map[string]any)[name] = p
	}
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // maps of strings and numbers always marshal
	}
	return append(b, '\n')
}

func require(obj map[string]any, name string) {
	have, _ := obj["required"].([]string)
	if !contains(have, name) {
		obj["required"] = append(have, name)
	}
}
