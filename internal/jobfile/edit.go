package jobfile

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Edit is a change of one key of a job file.
type Edit struct {
	Key string
	// Value is the text to write as YAML. Raw: it can name variables as ${VAR}. Otherwise the value is exactly this text.
	Value string
	Raw   bool
}

// ErrEdit says that a job file is written in a way that an edit could damage, such as a value over several lines.
var ErrEdit = errors.New("the job file cannot be edited safely")

// Set returns the text of a job file with changed values. Everything else stays as it is: comments and order. An error
// wraps ErrEdit, or the text is not a job file.
func Set(text []byte, edits []Edit) ([]byte, error) {
	windows := bytes.Contains(text, []byte("\r\n"))
	if windows { // the parser counts some of these lines twice
		text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	}
	for _, e := range edits {
		next, err := set(text, e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Key, err)
		}
		text = next
	}
	if windows {
		text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	}
	return text, nil
}

// Written is the value of a key as it stands in the file, with ${VAR} and without quotes. It is "" if the file does not have the key.
func (s *Spec) Written(key string) string {
	d, err := openDocument(s.Text)
	if err != nil {
		return ""
	}
	if v := d.find(d.root, strings.Split(key, ".")); v != nil {
		if t, ok := v.Value.(*ast.StringNode); ok {
			return t.Value
		}
		return v.Value.GetToken().Value
	}
	return ""
}

// document is the text of a job file and its syntax tree.
type document struct {
	text  []byte
	lines []int // where each line begins
	root  ast.Node
}

func openDocument(text []byte) (*document, error) {
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not YAML", ErrEdit)
	}
	d := &document{text: text, lines: []int{0}}
	for i, c := range text {
		if c == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	for _, doc := range f.Docs {
		if doc.Body != nil {
			d.root = doc.Body
			return d, nil
		}
	}
	return nil, fmt.Errorf("%w: it is empty", ErrEdit)
}

// pairs are the keys of a mapping, in their order.
func pairs(n ast.Node) []*ast.MappingValueNode {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	}
	return nil
}

func (d *document) find(n ast.Node, path []string) *ast.MappingValueNode {
	for _, v := range pairs(n) {
		switch {
		case v.Key.GetToken().Value != path[0]:
		case len(path) == 1:
			return v
		default:
			return d.find(v.Value, path[1:])
		}
	}
	return nil
}

// offset is where a node begins in the text. The parser counts columns in characters.
func (d *document) offset(n ast.Node) (int, error) {
	p := n.GetToken().Position
	if p == nil || p.Line < 1 || p.Line > len(d.lines) {
		return 0, fmt.Errorf("%w: a place in it is not known", ErrEdit)
	}
	start := d.lines[p.Line-1]
	characters := 0
	for i := range string(d.text[start:]) {
		if characters++; characters == p.Column {
			return start + i, nil
		}
	}
	return len(d.text), nil
}

func set(text []byte, e Edit) ([]byte, error) {
	d, err := openDocument(text)
	if err != nil {
		return nil, err
	}
	value := e.Value
	if !e.Raw {
		value = strings.ReplaceAll(value, "$", "$$")
	}
	path := strings.Split(e.Key, ".")
	var next []byte
	if at := d.find(d.root, path); at != nil {
		next, err = d.replace(at, value)
	} else {
		next, err = d.insert(path, value)
	}
	if err != nil {
		return nil, err
	}
	after, err := openDocument(next)
	if err != nil {
		return nil, err
	}
	if v := after.find(after.root, path); v == nil || v.Value.GetToken().Value != value {
		return nil, fmt.Errorf("%w: the value would not be read back", ErrEdit)
	}
	return next, nil
}

// replace writes another value in the place of one that is on one line.
func (d *document) replace(at *ast.MappingValueNode, value string) ([]byte, error) {
	if _, empty := at.Value.(*ast.NullNode); empty {
		return nil, fmt.Errorf("%w: the key has no value", ErrEdit)
	}
	from, to, err := d.span(at.Value)
	if err != nil {
		return nil, err
	}
	return slices.Concat(d.text[:from], []byte(quoted(value, d.inFlow(from))), d.text[to:]), nil
}

// span is where a single value on one line begins and ends.
func (d *document) span(n ast.Node) (from, to int, err error) {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
	default:
		return 0, 0, fmt.Errorf("%w: its value is not a single text", ErrEdit)
	}
	if from, err = d.offset(n); err != nil {
		return 0, 0, err
	}
	line := d.text[from:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	written := string(line)
	if quote := written[:min(1, len(written))]; quote == `"` || quote == "'" {
		m := regexp.MustCompile(`^("([^"\\]|\\.)*"|'([^']|'')*')`).FindString(written)
		if m == "" {
			return 0, 0, fmt.Errorf("%w: its value has several lines", ErrEdit)
		}
		return from, from + len(m), nil
	}
	text := n.GetToken().Value
	if !strings.HasPrefix(written, text) {
		return 0, 0, fmt.Errorf("%w: its value has several lines, a tag or an anchor", ErrEdit)
	}
	return from, from + len(text), nil
}

// inFlow says whether a place is inside of { } or [ ] that begin on its line or before it.
func (d *document) inFlow(at int) bool {
	flow := false
	var walk func(n ast.Node)
	walk = func(n ast.Node) {
		if m, ok := n.(*ast.MappingNode); ok && m.IsFlowStyle {
			from, err := d.offset(m)
			end := m.End
			if err == nil && from <= at && end != nil && end.Position != nil && d.lines[min(end.Position.Line, len(d.lines))-1]+end.Position.Column > at {
				flow = true
			}
		}
		for _, v := range pairs(n) {
			walk(v.Value)
		}
	}
	walk(d.root)
	return flow
}

// insert adds a key, and the groups around it that the file does not have.
func (d *document) insert(path []string, value string) ([]byte, error) {
	group, have := d.root, 0
	var owner *ast.MappingValueNode
	for have < len(path)-1 {
		v := d.find(group, path[have:have+1])
		if v == nil {
			break
		}
		owner, group = v, v.Value
		have++
	}
	siblings := pairs(group)
	if len(siblings) == 0 {
		return nil, fmt.Errorf("%w: %s has no keys", ErrEdit, strings.Join(path[:have], "."))
	}
	missing := path[have:]
	if m, ok := group.(*ast.MappingNode); ok && m.IsFlowStyle {
		last := siblings[len(siblings)-1]
		_, to, err := d.span(last.Value)
		if err != nil {
			return nil, err
		}
		return slices.Concat(d.text[:to], []byte(", "+flowText(missing, value)), d.text[to:]), nil
	}
	after, indent := 0, ""
	for _, v := range siblings {
		key, err := d.offset(v.Key)
		if err != nil {
			return nil, err
		}
		line := d.lines[v.Key.GetToken().Position.Line-1]
		indent = string(d.text[line:key])
		if strings.TrimLeft(indent, " ") != "" {
			return nil, fmt.Errorf("%w: its keys are not on lines of their own", ErrEdit)
		}
		if _, to, err := d.span(v.Value); err == nil {
			after = d.endOfLine(to)
		}
	}
	if owner == nil && len(path) > 1 { // a new group at the end of the file
		after = len(d.text)
	} else if after == 0 && owner != nil {
		key, err := d.offset(owner.Key)
		if err != nil {
			return nil, err
		}
		after = d.endOfLine(key)
	}
	added := blockText(missing, value, indent)
	if after == len(d.text) && after > 0 && d.text[after-1] != '\n' {
		added = "\n" + added
	}
	return slices.Concat(d.text[:after], []byte(added), d.text[after:]), nil
}

func (d *document) endOfLine(at int) int {
	if i := bytes.IndexByte(d.text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(d.text)
}

func flowText(path []string, value string) string {
	if len(path) == 1 {
		return path[0] + ": " + quoted(value, true)
	}
	return path[0] + ": {" + flowText(path[1:], value) + "}"
}

func blockText(path []string, value, indent string) string {
	if len(path) == 1 {
		return indent + path[0] + ": " + quoted(value, false) + "\n"
	}
	return indent + path[0] + ":\n" + blockText(path[1:], value, indent+"  ")
}

var (
	plainText = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_./:@+=-]*[A-Za-z0-9_/])?$`)
	notText   = regexp.MustCompile(`^(?i:true|false|yes|no|on|off|null)$`)
)

// quoted is a value as YAML. In a flow mapping, a text with a colon is put into quotes.
func quoted(value string, flow bool) string {
	if plainText.MatchString(value) && !notText.MatchString(value) && !(flow && strings.Contains(value, ":")) {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
