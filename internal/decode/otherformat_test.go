package decode

import (
	"errors"
	"strings"
	"testing"
)

const windowsXML = "<?xml version=\"1.0\"?>\n<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\">\n  <System>\n    <EventID>5</EventID>\n  </System>\n</Event>\n"

// TestOtherFormat: the message of a record of another format names that format.
func TestOtherFormat(t *testing.T) {
	csv := Format{Name: FormatCSV, Quote: '"', Columns: []string{"a", "b"}}
	for _, c := range []struct {
		format       Format
		object, want string
	}{
		{csv, `{"Action":"alert, drop","Kind":"x"}`, "the record looks like JSON, and the mapping reads csv. Try: etl infer writes a mapping with `-- format: json`"},
		{Format{}, "<134>Oct  3 10:00:00 fw CEF:0|Acme|Fence|1|100|deny|5|src=192.0.2.7\n", "looks like CEF, and the mapping reads json. Try: etl infer writes a mapping with `-- format: cef`"},
		{Format{Name: FormatCEF}, `{"a":1}`, "`-- format: json`"},
		{Format{Name: FormatKV}, "1,2,3,4,5", "`-- format: csv`"},
	} {
		d := NewRecords(&Spec{Format: c.format}, NewKeys(), Options{})
		d.Open(strings.NewReader(c.object))
		if _, _, rej, err := d.Next(); err != nil || rej == nil || !strings.Contains(rej.Message, c.want) {
			t.Errorf("%s: %v, %v; want %s", c.object, rej, err, c.want)
		}
	}
	csv.Header = HeaderYes
	_, err := readAll(strings.NewReader("{\"a\":1}\n"), &Spec{Format: csv}, Options{})
	if err == nil || !strings.Contains(err.Error(), "looks like JSON") {
		t.Errorf("%v", err)
	}
}

// TestXML: an object that is XML is refused as a whole by a mapping of JSON, and the message names the format of Windows events. A line of XML
// among JSON is one broken record.
func TestXML(t *testing.T) {
	var rej *Reject
	for _, object := range []string{windowsXML, "\xef\xbb\xbf\n" + windowsXML, strings.Split(windowsXML, "\n")[1]} {
		if _, err := readAll(strings.NewReader(object), &Spec{}, Options{}); !errors.As(err, &rej) || rej.Code != ReasonUnpack || !strings.Contains(rej.Message, "`-- format: windows_xml`") {
			t.Errorf("%q: %v", object, err)
		}
		if d, err := Detect(strings.NewReader(object)); err != nil || d.Format.Name != FormatWindowsXML {
			t.Errorf("detect %q: %v, %v", object, d, err)
		}
	}
	for _, object := range []string{"<html>\n</html>", "<EventData/>\n"} {
		if _, err := readAll(strings.NewReader(object), &Spec{}, Options{}); !errors.As(err, &rej) || !strings.Contains(rej.Message, "reads Windows events only") {
			t.Errorf("%q: %v", object, err)
		}
		if _, err := Detect(strings.NewReader(object)); !errors.As(err, &rej) || !strings.Contains(rej.Message, "reads Windows events only") {
			t.Errorf("detect %q: %v", object, err)
		}
	}
	if _, err := readAll(strings.NewReader(windowsXML), &Spec{Format: Format{Records: []string{"R"}}}, Options{}); !errors.As(err, &rej) {
		t.Errorf("documents: %v", err)
	}
	check(t, []byte("<html>\n{\"a\":1}\n"), Options{}, ReasonJSON+" <html>", `{"a":1}`)
	check(t, []byte("<134>text\n"), Options{}, ReasonJSON+" <134>text")
}
