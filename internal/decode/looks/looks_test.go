package looks

import (
	"strings"
	"testing"
)

func TestHint(t *testing.T) {
	for _, c := range []struct{ reads, raw, want string }{
		{"csv", `{"LogType":"TRAFFIC","Note":"a, b"}`, "-- format: json"},
		{"csv", ` [ {"a":1}]`, "-- format: json"},
		{"cef", "\xef\xbb\xbf{}", "-- format: json"},
		{"", "<134>Oct  3 10:00:00 fw CEF:0|Acme|Fence|1.0|100|deny|5|src=192.0.2.7", "-- format: cef"},
		{"json", "LEEF:1.0|Acme|Fence|2|deny|src=192.0.2.7", "-- format: leef"},
		{"kv", "LEEF:2.0|Acme|Fence|2|deny|^|src=192.0.2.7", "-- format: leef"},
		{"", `date=2025-02-03 time=10:11:12 devname="edge" action=deny`, "-- format: kv"},
		{"csv", `<189>date=2025-02-03 time=10:11:12 devname="edge"`, "-- format: kv"},
		{"", "1,2025/02/03 10:11:12,0001,TRAFFIC,end,\"x, y\"", "-- format: csv"},
		{"", "#fields\tts\tuid\thost", "-- format: csv"},
		{"", "a\tb\tc\td", "-- format: csv"},
		{"kv", "1,2025/02/03,0001,TRAFFIC,end", "-- format: csv"},
		{"", "<134>Oct  3 10:00:00 host sshd[12]: Accepted", "-- format: lines"},
		{"", "<Event xmlns='x'><System/></Event>", "`-- format: windows_xml`"},
		{"", "<html></html>", "XML, which Silt does not read"},
		{"kv", "<?xml version=\"1.0\"?>", "XML, which Silt does not read"},
		{"json", `{"a":`, ""},
		{"", "just some text", ""},
		{"", "", ""},
		{"lines", `{"a":1}`, ""},
		{"csv", "a,b,c,d", ""},
		{"csv", "what, CEF: 0 of it", ""},
		{"json", "<134>", "-- format: lines"},
	} {
		got := Hint(c.reads, []byte(c.raw))
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s reads %q: %q, want %q", c.reads, c.raw, got, c.want)
		}
	}
}
