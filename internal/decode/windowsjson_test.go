package decode

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// oneOfEvents says what a record has: its leaves, and the rest.
func oneOfEvents(t *testing.T, d *Records, keys *Keys) string {
	t.Helper()
	got := ""
	for _, v := range d.Values() {
		if v.Set {
			got += string(v.Text) + " "
		}
	}
	more, err := NewExpander(keys).Expand(d.Rest(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got += "|"
	for _, x := range more {
		got += " " + x.Key + "=" + string(x.Value)
	}
	if len(d.Misfits()) > 0 {
		got += " !"
	}
	return got
}

// TestJSONOrWindowsXML: with OrWindowsXML, each object is JSON or XML, also members of an archive, and quarantine keeps records of both.
func TestJSONOrWindowsXML(t *testing.T) {
	spec := &Spec{Format: Format{OrWindowsXML: true}, Leaves: []Leaf{{Path: []string{"EventID"}, Kind: Int32, Also: [][]string{{"System", "EventID"}}}}}
	keys := NewKeys()
	d := NewRecords(spec, keys, Options{})
	read := func(object string) (got, kept []string) {
		d.Open(strings.NewReader(object))
		for {
			_, raw, rej, err := d.Next()
			if err == io.EOF {
				return got, kept
			}
			if err != nil {
				return append(got, err.Error()), kept
			}
			if rej != nil {
				got = append(got, rej.Code)
				continue
			}
			kept = append(kept, string(raw))
			got = append(got, oneOfEvents(t, d, keys)+" "+string(d.Object(raw)[:8]))
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(event(3, "")))
	_ = z.Close()
	for _, c := range []struct {
		object string
		want   []string
	}{
		{`{"EventID":1,"a":"<Event>"}` + "\n" + `{"EventID":"2"}`, []string{`1 | a=<Event> {"EventI`, `2 | {"EventI`}},
		{"\ufeff <?xml version='1.0'?>\n<Events>" + event(1, "") + event(2, `<Data Name="a">{"EventID":9}</Data>`) + "</Events>", []string{`1 | {"System`, `2 | EventData.a={"EventID":9} {"System`}},
		{packed.String(), []string{`3 | {"System`}},
		{event(1, "") + "\n{\"EventID\":2}\n" + event(4, ""), []string{`1 | {"System`, ReasonXML, `4 | {"System`}},
		{`[{"EventID":1},{"EventID":2}]`, []string{`1 | {"EventI`, `2 | {"EventI`}},
		{`{"EventID":1}` + "\n" + event(2, ""), []string{`1 | {"EventI`, ReasonJSON}},
		{"<14>1 not an event\n{\"EventID\":1}", []string{ReasonJSON, `1 | {"EventI`}},
	} {
		got, kept := read(c.object)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%.60s: -want +got:\n%s", c.object, d)
		}
		d.OpenFramed(&framedTexts{texts: kept})
		for i := range kept {
			if _, raw, rej, err := d.Next(); rej != nil || err != nil || string(raw) != kept[i] || !d.Values()[0].Set {
				t.Errorf("kept %q: %v %v", kept[i], rej, err)
			}
		}
	}
	if got, _ := read("<html><body>{}</body></html>"); len(got) != 1 || !strings.Contains(got[0], "XML") {
		t.Errorf("HTML: %q", got)
	}
	plain := NewRecords(&Spec{Leaves: spec.Leaves}, NewKeys(), Options{})
	plain.Open(strings.NewReader(event(1, "")))
	if _, _, _, err := plain.Next(); err == nil {
		t.Error("XML is read without OrWindowsXML")
	}
}

type framedTexts struct{ texts []string }

func (f *framedTexts) Next() (number int64, raw, context []byte, err error) {
	if len(f.texts) == 0 {
		return 0, nil, nil, io.EOF
	}
	raw, f.texts = []byte(f.texts[0]), f.texts[1:]
	return 1, raw, nil, nil
}

// TestWindowsValues: the values of an event get the names of its manifest. Where the number of the event is not known, the list stays as it is.
func TestWindowsValues(t *testing.T) {
	spec := &Spec{
		Format: Format{Null: []string{"-"}},
		Leaves: []Leaf{
			{Path: []string{"id"}, Kind: Int32},
			{Path: []string{"data", "TargetUserName"}, Kind: Text, Also: [][]string{{"inserts", "TargetUserName"}}},
			{Path: []string{"data", "LogonType"}, Kind: Int32, Also: [][]string{{"inserts", "LogonType"}}},
		},
		Parsers: []Parser{{Path: []string{"inserts"}, Name: ParseWindowsValues, By: []string{"id"}}},
	}
	keys := NewKeys()
	d := NewRecords(spec, keys, Options{})
	for _, c := range []struct{ record, want string }{
		{`{"id":4634,"inserts":["S-1-5-18","ada\u0022,\u0022LogonType\u0022:9","EX","0x1", "3" ]}`,
			`4634 ada","LogonType":9 3 | inserts.TargetUserSid=S-1-5-18 inserts.TargetDomainName=EX inserts.TargetLogonId=0x1`},
		{`{"id":4634,"inserts":["-",null,"",{"a":[1]},3,"more"]}`, `4634 3 | inserts.TargetLogonId={"a":[1]} inserts.6=more`},
		{`{"id":4634,"inserts":[]}`, `4634 |`},
		{`{"id":9,"inserts":["a"]}`, `9 | inserts=["a"] !`},
		{`{"inserts":["a","ada"],"id":4634}`, `4634 | inserts=["a","ada"] !`},
		{`{"id":4634,"inserts":{"TargetUserName":"ada"}}`, `4634 ada |`},
		{`{"id":4634,"inserts":""}`, `4634 | inserts= !`},
		{`{"id":4634,"inserts":"x"}`, `4634 | inserts=x !`},
	} {
		d.Open(strings.NewReader(c.record))
		if _, _, rej, err := d.Next(); rej != nil || err != nil {
			t.Fatal(c.record, rej, err)
		}
		if got := oneOfEvents(t, d, keys); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.record, got, c.want)
		}
	}
}

// TestParseUnless: a text is not parsed in a record that has the key, wherever it is. A text that has the key's name does not count.
func TestParseUnless(t *testing.T) {
	spec := &Spec{Leaves: leaves("text.a"), Parsers: []Parser{{Path: []string{"text"}, Name: ParseKV, Unless: "Key"}}}
	keys := NewKeys()
	d := NewRecords(spec, keys, Options{})
	for _, c := range []struct{ record, want string }{
		{`{"text":"a=1"}`, `1 |`},
		{`{"text":"a=1 b=\"Key\" c="}`, `1 | text.b=Key`},
		{`{"text":"a=1","Key":2}`, `| text=a=1 Key=2`},
		{`{"text":"a=1","b":"Key"}`, `1 | b=Key`},
		{`{"b":"Key","c":{"Key" :2},"text":"a=1"}`, `| b=Key c.Key=2 text=a=1`},
		{`{"Key":2,"text":"a=1"}`, `| Key=2 text=a=1`},
	} {
		d.Open(strings.NewReader(c.record))
		if _, _, rej, err := d.Next(); rej != nil || err != nil {
			t.Fatal(c.record, rej, err)
		}
		if got := fmt.Sprint(oneOfEvents(t, d, keys)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.record, got, c.want)
		}
	}
}
