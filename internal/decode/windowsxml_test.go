package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/silt-etl/silt/internal/decode/eventxml"
	"github.com/silt-etl/silt/internal/decode/unpack"
)

// windowsSpec reads some fields of an event.
func windowsSpec() *Spec {
	return &Spec{Format: Format{Name: FormatWindowsXML, Null: []string{"-"}}, Leaves: []Leaf{
		{Path: []string{"System", "EventID"}, Kind: Int32},
		{Path: []string{"System", "TimeCreated", "SystemTime"}, Kind: Timestamp},
		{Path: []string{"EventData", "TargetUserName"}, Kind: Text},
		{Path: []string{"EventData", "Data"}, Kind: JSON, List: true},
	}}
}

// events reads an object, and gives its records as text: the number, the leaves, and the rest; or why a record was rejected, and its bytes.
func events(t *testing.T, object io.Reader, o Options) (got []string, err error) {
	t.Helper()
	keys := NewKeys()
	d, e := NewRecords(windowsSpec(), keys, o), NewExpander(keys)
	d.Open(object)
	for {
		n, raw, rej, err := d.Next()
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if rej != nil {
			got = append(got, fmt.Sprintf("%d %s %s", n, rej.Code, raw))
			continue
		}
		v := d.Values()
		text := fmt.Sprintf("%d id=%d time=%d user=%s data=%s", n, v[0].Int, v[1].Int, v[2].Text, v[3].Text)
		rest, err := e.Expand(d.Rest(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range rest {
			text += fmt.Sprintf(" %s=%s", x.Key, x.Value)
		}
		got = append(got, text)
	}
}

func event(id int, data string) string {
	return fmt.Sprintf(`<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>%d</EventID></System><EventData>%s</EventData></Event>`, id, data)
}

// TestWindowsXML: events on one line or several, wrapped or not, in UTF-8 or UTF-16, and what is between them.
func TestWindowsXML(t *testing.T) {
	pretty := "<Event xmlns=\"x\">\r\n  <System>\r\n    <EventID Qualifiers=\"0\">7</EventID>\r\n    <TimeCreated SystemTime=\"2026-01-31T08:15:02.250000000Z\"/>\r\n  </System>\r\n  <EventData>\r\n    <Data>a</Data>\r\n    <Data>-</Data>\r\n  </EventData>\r\n</Event>"
	seven := ` id=7 time=1769847302250000 user= data=["a","-"] System.EventID@Qualifiers=0`
	plain := func(n, id int) string { return fmt.Sprintf("%d id=%d time=0 user= data=", n, id) }
	const bad = "<Event><System></Sys></Event>"
	utf16le := func(s string) []byte {
		b := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return b
	}
	for _, c := range []struct {
		name   string
		object string
		want   []string
	}{
		{"empty", "", nil},
		{"blanks", "\xef\xbb\xbf\r\n \n", nil},
		{"one per line", event(1, "") + "\n" + event(2, "") + "\r\n", []string{plain(1, 1), plain(2, 2)}},
		{"glued", event(1, "") + event(2, ""), []string{plain(1, 1), plain(2, 2)}},
		{"several lines", pretty + "\r\n" + pretty, []string{"1" + seven, "2" + seven}},
		{"wrapped", "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\r\n<Events>" + event(1, "") + "<!-- </Event> -->" + pretty + "</Events>\n", []string{plain(1, 1), "2" + seven}},
		{"put together", "<Events>" + event(1, "") + "</Events>\n\xef\xbb\xbf<?xml version='1.0'?><Events x='y'>" + event(2, "") + "</Events>", []string{plain(1, 1), plain(2, 2)}},
		{"UTF-16", string(utf16le("<?xml version='1.0' encoding='utf-16'?><Events>\r\n" + event(1, "<Data Name='TargetUserName'>zoë 😀</Data>") + "</Events>")), []string{"1 id=1 time=0 user=zoë 😀 data="}},
		{"null texts", event(1, "<Data Name='TargetUserName'>-</Data><Data Name='x'>-</Data><Data Name='y'></Data>"), []string{plain(1, 1)}},
		{"a name twice", event(1, "<Data Name='TargetUserName'>a</Data><Data Name='TargetUserName'>b</Data>"), []string{"1 id=1 time=0 user=a data= EventData.TargetUserName=b"}},
		{"a value that looks like an event", event(1, "<Data Name='TargetUserName'>&lt;/Data>&lt;/Event>&lt;Event></Data><Data Name='x'><![CDATA[</Data></EventData></Event>"+event(9, "")+"]]></Data>"),
			[]string{"1 id=1 time=0 user=</Data></Event><Event> data= EventData.x=</Data></EventData></Event>" + event(9, "")}},
		{"broken alone", event(1, "") + "\n" + bad + "\n" + event(2, ""), []string{plain(1, 1), "2 " + ReasonXML + " " + bad, plain(3, 2)}},
		{"cut by the next", event(1, "") + "\n<Event><System><EventID>8\n" + event(2, ""), []string{plain(1, 1), "2 " + ReasonXML + " <Event><System><EventID>8", plain(3, 2)}},
		{"cut by the end", event(1, "") + "<Event><System>", []string{plain(1, 1), "2 " + ReasonXML + " <Event><System>"}},
		{"cut inside of CDATA", "<Event><a><![CDATA[x\n" + event(1, "") + "\n<Event><a><![CDATA[y\n" + event(2, ""),
			[]string{"1 " + ReasonXML + " <Event><a><![CDATA[x", plain(2, 1), "3 " + ReasonXML + " <Event><a><![CDATA[y", plain(4, 2)}},
		{"text between", "junk\n" + event(1, "") + " more " + event(2, "") + "\n{\"a\":1}\n<EventData/>", []string{"1 " + ReasonXML + " junk", plain(2, 1), "3 " + ReasonXML + " more", plain(4, 2), "5 " + ReasonXML + ` {"a":1}`, "6 " + ReasonXML + " <EventData/>"}},
		{"a comment that is not closed", "<!-- x\n" + event(1, ""), []string{"1 " + ReasonXML + " <!-- x", plain(2, 1)}},
		{"NUL and UTF-8", event(1, "<Data>\x00</Data>") + event(2, "<Data>\xff</Data>") + event(3, "<Data>&#0;</Data>") + event(4, "<Data Name='x'>&#xd83d;</Data>"),
			[]string{"1 " + ReasonNUL + " " + event(1, "<Data>\x00</Data>"), "2 " + ReasonUTF8 + " " + event(2, "<Data>\xff</Data>"), "3 " + ReasonNUL + " " + event(3, "<Data>&#0;</Data>"), "4 " + ReasonUTF8 + " " + event(4, "<Data Name='x'>&#xd83d;</Data>")}},
		{"an entity", "<!DOCTYPE Events [<!ENTITY e \"x\">]>\n" + event(1, "<Data>&e;</Data>"), []string{"1 " + ReasonXML + " <!DOCTYPE Events [<!ENTITY e \"x\">]>", "2 " + ReasonXML + " " + event(1, "<Data>&e;</Data>")}},
		{"deep", "<Event>" + strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300) + "</Event>" + event(1, ""), []string{"1 " + ReasonTooDeep + " <Event>" + strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300) + "</Event>", plain(2, 1)}},
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			got, err := events(t, &chunked{[]byte(c.object), size}, Options{})
			if err != nil || strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("%s in pieces of %d: %v\n got %s\nwant %s", c.name, size, err, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		}
	}
	if _, err := events(t, bytes.NewReader(packed([]byte(event(1, "")))[:40]), Options{}); err == nil {
		t.Error("a cut gzip object is read")
	}
}

// TestWindowsXMLTooLong: an event that is too long is rejected alone, with its place and its first bytes.
func TestWindowsXMLTooLong(t *testing.T) {
	long := event(1, "<Data Name='x'>"+strings.Repeat("x<![CDATA[</Event>]]>", 1<<17)+"</Data>")
	object := event(1, "") + "\n" + long + event(2, "")
	d := NewRecords(windowsSpec(), NewKeys(), Options{MaxRecordBytes: 1 << 20})
	d.Open(strings.NewReader(object))
	var got []string
	for {
		_, raw, rej, err := d.Next()
		if err != nil {
			break
		}
		if rej != nil {
			got = append(got, fmt.Sprint(rej.Code, " ", rej.Offset, " ", rej.Length, " ", len(raw), " ", d.Offset()))
			continue
		}
		got = append(got, fmt.Sprint(d.Values()[0].Int))
	}
	at := len(event(1, "")) + 1
	want := []string{"1", fmt.Sprint(ReasonTooLong, " ", at, " ", len(long), " ", MaxRejectBytes, " ", at), "2"}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestParseWindowsXML: an event in a field of JSON, of lines, and with the parser auto. A text that is not an event stays what it is.
func TestParseWindowsXML(t *testing.T) {
	leaves := []Leaf{{Path: []string{"xml", "System", "EventID"}, Kind: Int32}, {Path: []string{"xml", "EventData", "TargetUserName"}, Kind: Text}, {Path: []string{"a"}, Kind: Text}}
	xml := event(5, `<Data Name="TargetUserName">"ada"</Data><Data Name="x">a&#13;&#10;b\u0022,"EventID":9</Data>`)
	for _, c := range []struct {
		spec   Spec
		object string
		want   string
	}{
		{Spec{Parsers: []Parser{{Path: []string{"xml"}, Name: ParseWindowsXML}}}, `{"xml":` + string(appendText(nil, []byte(xml))) + `,"a":"z"}`, `5 "ada" z xml.EventData.x=a` + "\r\n" + `b\u0022,"EventID":9`},
		{Spec{Parsers: []Parser{{Path: []string{"xml"}, Name: ParseAuto}}}, `{"xml":` + string(appendText(nil, []byte("\n <?xml version='1.0'?>"+xml))) + `,"a":"z"}`, `5 "ada" z xml.EventData.x=a` + "\r\n" + `b\u0022,"EventID":9`},
		{Spec{Parsers: []Parser{{Path: []string{"xml"}, Name: ParseWindowsXML}}}, `{"a":"z","xml":"<Event><a></Event>"}`, `0  z xml=<Event><a></Event> misfit`},
		{Spec{Parsers: []Parser{{Path: []string{"xml"}, Name: ParseWindowsXML}}}, `{"a":"z","xml":"<Event/> <Event/>"}`, `0  z xml=<Event/> <Event/> misfit`},
		{Spec{Parsers: []Parser{{Path: []string{"xml"}, Name: ParseWindowsXML}}}, `{"a":"z","xml":"Key: value"}`, `0  z xml=Key: value misfit`},
		{Spec{Parsers: []Parser{{Path: []string{"xml"}, Name: ParseAuto}}}, `{"a":"z","xml":"Key: value"}`, `0  z xml.Key=value`},
		{Spec{Format: Format{Name: FormatLine, Columns: []string{"xml"}}, Parsers: []Parser{{Path: []string{"xml"}, Name: ParseWindowsXML}}}, xml, `5 "ada"  xml.EventData.x=a` + "\r\n" + `b\u0022,"EventID":9`},
	} {
		c.spec.Leaves = leaves
		keys := NewKeys()
		d := NewRecords(&c.spec, keys, Options{})
		d.Open(strings.NewReader(c.object))
		if _, _, rej, err := d.Next(); rej != nil || err != nil {
			t.Fatal(rej, err)
		}
		v := d.Values()
		got := fmt.Sprintf("%d %s %s", v[0].Int, v[1].Text, v[2].Text)
		rest, err := NewExpander(keys).Expand(d.Rest(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range rest {
			got += fmt.Sprintf(" %s=%s", x.Key, x.Value)
		}
		if len(d.Misfits()) > 0 {
			got += " misfit"
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.object, got, c.want)
		}
	}
}

// FuzzWindowsXML frames whatever comes. The records, in order, are all of the object but what belongs to no record.
func FuzzWindowsXML(f *testing.F) {
	for _, s := range []string{event(1, "") + "\n" + event(2, "<Data>x</Data>"), "<?xml version='1.0'?><Events>" + event(1, "") + "</Events>", "x<Event>\n<Event><![CDATA[</Event>", "<!-- <Event/> --><Event/>\xef\xbb\xbf<Event a='b'/>", "<Events>\n<Event"} {
		f.Add([]byte(s), uint8(40), uint8(3))
	}
	f.Fuzz(func(t *testing.T, object []byte, limit, chunk uint8) {
		var plain unpack.Reader
		if plain.Open(bytes.NewReader(object)) != nil {
			return
		}
		left, err := io.ReadAll(&plain)
		if err != nil || is16(left) {
			return
		}
		whole := left
		s := NewScanner(windowsSpec(), NewKeys())
		r := newWindowsXMLFramer(windowsSpec(), s, Options{MaxRecordBytes: int(limit)}).(*windowsXMLFramer)
		r.base = 8
		if limit > 0 {
			r.limits.held, r.limits.kept, r.limits.lineMax = int(limit), max(1, int(limit)/2), int(limit)
		}
		r.open(&chunked{object, int(chunk)%16 + 1})
		for {
			raw, rej, err := r.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			if len(raw) == 0 {
				t.Fatal("an empty record")
			}
			for !bytes.HasPrefix(left, raw) || int64(len(whole)-len(left)) != r.offset() {
				n := noRecord(left)
				if n == 0 {
					t.Fatalf("record %q at %d does not come next in %q", raw, r.offset(), left)
				}
				left = left[n:]
			}
			left = left[cutLength(t, whole, left, raw, rej):]
		}
		for n := noRecord(left); n > 0; n = noRecord(left) {
			left = left[n:]
		}
		if len(left) > 0 {
			t.Fatalf("lost: %q", left)
		}
	})
}

// noRecord is how many bytes b begins with that may belong to no record.
func noRecord(b []byte) int {
	if bytes.HasPrefix(b, []byte(bom)) {
		return len(bom)
	}
	n, _ := eventxml.Outside(b)
	return n
}

// TestWindowsXMLStopped: an object that gives no record does not keep a reader that must stop.
func TestWindowsXMLStopped(t *testing.T) {
	stopped := errors.New("stopped")
	n := 0
	_, err := events(t, strings.NewReader("<Event>"+strings.Repeat("<a>", 20<<20)), Options{Stopped: func() error {
		if n++; n > 5 {
			return stopped
		}
		return nil
	}})
	if !errors.Is(err, stopped) {
		t.Error(err)
	}
}

func BenchmarkWindowsXML(b *testing.B) {
	var object bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&object, `<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-Security-Auditing" Guid="{54849625-5478-4994-a5ba-3e3b0328c30d}"/><EventID>4624</EventID><Version>2</Version><Level>0</Level><Task>12544</Task><Opcode>0</Opcode><Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime="2026-01-31T08:15:02.%07dZ"/><EventRecordID>%d</EventRecordID><Correlation ActivityID="{0a1b}"/><Execution ProcessID="744" ThreadID="812"/><Channel>Security</Channel><Computer>dc1.example.com</Computer><Security/></System><EventData><Data Name="SubjectUserSid">S-1-5-18</Data><Data Name="SubjectUserName">DC1$</Data><Data Name="SubjectDomainName">EXAMPLE</Data><Data Name="SubjectLogonId">0x3e7</Data><Data Name="TargetUserSid">S-1-5-21-1-2-3-%d</Data><Data Name="TargetUserName">ada</Data><Data Name="LogonType">3</Data><Data Name="LogonProcessName">Kerberos</Data><Data Name="IpAddress">192.0.2.7</Data><Data Name="IpPort">51000</Data></EventData></Event>`+"\n", i, i, i)
	}
	b.SetBytes(int64(object.Len()))
	d := NewRecords(windowsSpec(), NewKeys(), Options{})
	for range b.N {
		d.Open(bytes.NewReader(object.Bytes()))
		for {
			if _, _, rej, err := d.Next(); err != nil {
				break
			} else if rej != nil {
				b.Fatal(rej)
			}
		}
	}
}
