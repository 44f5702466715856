package eventxml

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// element is an element as encoding/xml reads it.
type element struct {
	name  string
	attrs []xml.Attr
	parts []any // *element, or a text between elements and comments
}

func fullName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

var errShape = errors.New("not one element")

// parse reads b with encoding/xml, one element with blanks around it.
func parse(b []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	top := &element{}
	stack := []*element{top}
	for {
		t, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		at := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.StartElement:
			e := &element{name: fullName(t.Name), attrs: t.Copy().Attr}
			at.parts = append(at.parts, e)
			stack = append(stack, e)
		case xml.EndElement:
			if len(stack) == 1 || at.name != fullName(t.Name) {
				return nil, errShape
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			at.parts = append(at.parts, string(t))
		case xml.Comment:
		default:
			return nil, errShape
		}
	}
	if len(stack) > 1 {
		return nil, errShape
	}
	var root *element
	for _, p := range top.parts {
		switch p := p.(type) {
		case *element:
			if root != nil {
				return nil, errShape
			}
			root = p
		case string:
			if strings.Trim(p, " \t\r\n") != "" {
				return nil, errShape
			}
		}
	}
	if root == nil || root.name != "Event" {
		return nil, errShape
	}
	return root, nil
}

// members are what an object of the event has, in their order: the rules of docs/formats.md, written for the tree.
type members [][2]string

func (m *members) add(key, value string) { *m = append(*m, [2]string{key, value}) }

func text(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		panic(s)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (m members) String() string {
	var parts []string
	for _, p := range m {
		parts = append(parts, text(p[0])+":"+p[1])
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (e *element) own() (attrs []xml.Attr) {
	for _, a := range e.attrs {
		if n := fullName(a.Name); a.Value != "" && n != "xmlns" && !strings.HasPrefix(n, "xmlns:") {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

// value is the element's value, "" if it has none, and the attributes that are outside of it.
func (e *element) value(where string, attrs []xml.Attr) (value string, outside []xml.Attr, isText bool) {
	var all string
	var m members
	elements := false
	for _, p := range e.parts {
		if _, ok := p.(*element); ok {
			elements = true
		} else if !elements {
			all += p.(string)
		}
	}
	data := where == "Event.EventData"
	if !elements && all != "" {
		return text(all), attrs, true
	}
	if data {
		outside = attrs
	} else {
		for _, a := range attrs {
			if a.Value != "" {
				m.add(fullName(a.Name), text(a.Value))
			}
		}
	}
	if elements {
		e.inside(where, &m)
	}
	if len(m) == 0 {
		return "", outside, false
	}
	return m.String(), outside, false
}

func (e *element) inside(where string, m *members) {
	var list []string
	before, began := "", where == "Event"
	flush := func() {
		if strings.Trim(before, " \t\r\n") != "" {
			m.add(textKey, text(before))
		}
		before = ""
	}
	for _, p := range e.parts {
		c, ok := p.(*element)
		if !ok {
			if before += p.(string); began {
				flush()
			}
			continue
		}
		flush()
		began = true
		key, listed, attrs := c.name, false, c.own()
		switch {
		case where == "Event.EventData" && (key == "Data" || key == "ComplexData"):
			listed = true
			for i, a := range attrs {
				if fullName(a.Name) == "Name" && a.Value != "" {
					key, listed = a.Value, false
					attrs = append(append([]xml.Attr(nil), attrs[:i]...), attrs[i+1:]...)
					break
				}
			}
		case where == "Event.RenderingInfo.Keywords" && key == "Keyword":
			listed = true
		}
		value, outside, isText := c.value(where+"."+c.name, attrs)
		if listed {
			if value == "" {
				value = `""`
			}
			if isText && len(attrs) > 0 {
				var m members
				for _, a := range attrs {
					if a.Value != "" {
						m.add(fullName(a.Name), text(a.Value))
					}
				}
				m.add(textKey, value)
				value = m.String()
			}
			list = append(list, value)
			continue
		}
		if value != "" {
			m.add(key, value)
		}
		for _, a := range outside {
			if a.Value != "" {
				m.add(key+"@"+fullName(a.Name), text(a.Value))
			}
		}
	}
	flush()
	if len(list) > 0 {
		name := "Data"
		if where == "Event.RenderingInfo.Keywords" {
			name = "Keyword"
		}
		m.add(name, "["+strings.Join(list, ",")+"]")
	}
}

func reference(e *element) string {
	var m members
	for _, a := range e.own() {
		if a.Value != "" {
			m.add("Event@"+fullName(a.Name), text(a.Value))
		}
	}
	e.inside("Event", &m)
	return m.String()
}

// same compares JSON texts as the scanner sees them: in order, with duplicates, without regard to how characters are escaped.
func same(a, b string) bool {
	x, y := json.NewDecoder(strings.NewReader(a)), json.NewDecoder(strings.NewReader(b))
	for {
		s, e1 := x.Token()
		t, e2 := y.Token()
		if e1 != nil || e2 != nil {
			return e1 == io.EOF && e2 == io.EOF
		}
		if fmt.Sprintf("%T %v", s, s) != fmt.Sprintf("%T %v", t, t) {
			return false
		}
	}
}

func FuzzEvent(f *testing.F) {
	for _, s := range []string{logon, `<Event xmlns:a='b' z="1"><a:b c:d="e">&#65;&quot;</a:b><!-- x -->y<![CDATA[<z>]]></Event>`,
		`<Event><EventData Name="T"><Data>1</Data><Data Name="a" b="c">2</Data><Data x="y">3</Data><ComplexData Name="q"><r/>s</ComplexData></EventData></Event>`,
		`<Event><RenderingInfo Culture='en'><Keywords><Keyword>k</Keyword><Keyword z='1'/></Keywords><Message>m &amp; n</Message></RenderingInfo></Event>`,
		`<Event><System><EventID Qualifiers="1">2</EventID><Security UserID=""/></System><UserData><x> <y/> z</x></UserData></Event>`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(agree)
}

// agree says that both readers take b alike.
func agree(t *testing.T, b []byte) {
	b = bytes.ReplaceAll(b, []byte("\r"), nil) // encoding/xml turns it into a line feed
	got, fault := JSON(nil, b)
	if fault != nil && len(got) > 0 {
		t.Fatalf("%q: written after %v", b, fault)
	}
	want, err := parse(b)
	switch {
	case bytes.Contains(b, []byte("<?")), bytes.Contains(b, []byte("<!")) && err != nil, bytes.Contains(b, []byte("Events")):
		return // declarations; comments can hold --; tags of Events around the event
	case err == nil && fault != nil && fault.Code == Broken:
		t.Fatalf("%q is refused: %v", b, fault)
	case err != nil && fault == nil && strict(b):
		t.Fatalf("%q is read as %s, but %v", b, got, err)
	}
	if err != nil || fault != nil {
		return
	}
	if s := reference(want); !strings.ContainsRune(s, '\ufffd') && !same(string(got), s) {
		t.Fatalf("%q\n got %s\nwant %s", b, got, s)
	}
	var frame Frame
	from := bytes.Index(b, []byte(startOfEvent))
	if end := frame.Feed(b[from:]); !bytes.HasPrefix(bytes.TrimLeft(b[from:], " "), []byte("<Event/")) && end >= 0 && !nested(want) && allBlank(b[from+end:]) != (end == len(bytes.TrimRight(b[from:], " \t\n"))) {
		t.Fatalf("%q ends at %d", b, end)
	}
}

// nested says whether an element of the name Event is inside of the event.
func nested(e *element) bool {
	for _, p := range e.parts {
		if c, ok := p.(*element); ok && (c.name == "Event" || nested(c)) {
			return true
		}
	}
	return false
}

// strict says that b has only what both readers take alike: no other characters in names, no control characters, no ]]> outside of CDATA.
func strict(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' || c >= 0x7f {
			return false
		}
	}
	return !bytes.Contains(b, []byte("]]>")) && !bytes.Contains(b, []byte("&#")) && !bytes.Contains(b, []byte(":"))
}

func BenchmarkEvent(b *testing.B) {
	b.Run("JSON", func(b *testing.B) {
		b.SetBytes(int64(len(logon)))
		var out []byte
		for range b.N {
			out, _ = JSON(out[:0], []byte(logon))
		}
	})
	b.Run("frame", func(b *testing.B) {
		b.SetBytes(int64(len(logon)))
		for range b.N {
			var f Frame
			f.Feed([]byte(logon))
		}
	})
	b.Run("encoding/xml", func(b *testing.B) {
		b.SetBytes(int64(len(logon)))
		for range b.N {
			_, _ = parse([]byte(logon))
		}
	})
}
