package decode

import (
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"github.com/silt-etl/silt/internal/decode/fields"
)

func leaves(paths ...string) (all []Leaf) {
	for _, p := range paths {
		kind := Text
		if rest, ok := strings.CutSuffix(p, "#"); ok {
			kind, p = Int64, rest
		}
		all = append(all, Leaf{Path: strings.Split(p, "."), Kind: kind})
	}
	return all
}

// grok makes a pattern as sqlgen does.
func grok(t *testing.T, pattern string) *regexp.Regexp {
	t.Helper()
	text, err := fields.Expand(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`\A(?:` + text + `)\z`)
}

const sysmon = "File created:\r\nRuleName: technique_id=T1059,technique_name=Command\r\nUtcTime: 2023-10-03 23:50:22.438\r\nProcessId: 4\r\n" +
	"Image: C:\\Windows\\x: y.exe\r\nUser: -\r\nEmpty: \r\nQueryResults: a;\r\n  b;\r\nc"

// TestFormats: for each format and parser, what the leaves get and what stays.
func TestFormats(t *testing.T) {
	for _, c := range []struct {
		name   string
		spec   Spec
		object string
		want   []string
	}{
		{"kv", Spec{Format: Format{Name: FormatKV}, Leaves: leaves("src", "port#")},
			"src=192.0.2.1 port=443 msg=\"a \\\"b\\\" C:\\temp \\\\\" url=http://x/?a=b empty= src=second \n" +
				"no pairs\nalso port=http, odd port=\"1\nlead in src=x DF SYN\tport=1\n",
			[]string{`1 src=192.0.2.1 port=443 | msg=a "b" C:\temp \ url=http://x/?a=b src=second`, `2 LINE_NO_MATCH`, `3 LINE_NO_MATCH`, `4 src=x port=1 | message=["lead in","DF","SYN"]`}},
		{"kv, comma", Spec{Format: Format{Name: FormatKV, Delimiter: ','}, Leaves: leaves("src", "port#")},
			"src=a b , port=1,msg=\"x, y\",,", []string{`1 src=a b port=1 | msg=x, y`}},
		{"kv, quotes in quotes", Spec{Format: Format{Name: FormatKV}, Leaves: leaves("a")}, "a=\"x \"y\"z\" b=\"C:\\\" c=\"d\"", []string{`1 a=x "y"z | b=C:" c="d`}},
		{"fortinet", Spec{Format: Format{Name: FormatKV, Null: []string{"N/A"}}, Leaves: leaves("date", "srcport#", "syslog.severity#")},
			`<189>date=2023-10-03 time=23:50:22 devname="FG 1" srcport=51000 app="N/A"`,
			[]string{`1 date=2023-10-03 srcport=51000 syslog.severity=5 | syslog.pri=189 time=23:50:22 devname=FG 1`}},
		{"syslog before kv", Spec{Format: Format{Name: FormatKV}, Leaves: leaves("IN", "syslog.timestamp", "syslog.host", "syslog.app")},
			"Oct  3 23:50:22 gw1 kernel: IN=eth0 OUT= DF\n<34>1 2023-10-03T23:50:22Z gw2 app 77 ID [x@1 a=\"]\\\"\"][y] IN=eth1\n<13>Oct 3 23:50:22 fw[12]: IN=a\n2023-10-03T23:50:22Z a=b",
			[]string{`1 IN=eth0 syslog.timestamp=Oct  3 23:50:22 syslog.host=gw1 syslog.app=kernel | message=DF`,
				`2 IN=eth1 syslog.timestamp=2023-10-03T23:50:22Z syslog.host=gw2 syslog.app=app | syslog.pri=34 syslog.procid=77 syslog.msgid=ID syslog.structured=[x@1 a="]\""][y]`,
				`3 IN=a syslog.timestamp=Oct 3 23:50:22 syslog.app=fw | syslog.pri=13 syslog.procid=12`, `4 | message=2023-10-03T23:50:22Z a=b`}},
		{"cef", Spec{Format: Format{Name: FormatCEF}, Leaves: leaves("deviceVendor", "name", "severity#", "src", "spt#", "msg")},
			"Oct 12 04:16:11 host CEF:0|Se\\|cu\\\\rity|thr=eat|1.0|100|worm stopped|10|src=192.0.2.1 spt=1232 msg=a b\\=c \\n d request=http://x/?q=1 cs1Label=Rule cs1=two words \n" +
				"CEF:0|a|b\nCEF:1|a|b|c|d|e|3\nno\n<1>junk more CEF:0|a|b|c|d|e|3|lead src=x",
			[]string{"1 deviceVendor=Se|cu\\rity name=worm stopped severity=10 src=192.0.2.1 spt=1232 msg=a b=c \n d | syslog.timestamp=Oct 12 04:16:11 syslog.host=host cefVersion=0 deviceProduct=thr=eat deviceVersion=1.0 deviceEventClassId=100 request=http://x/?q=1 cs1Label=Rule cs1=two words",
				`2 LINE_NO_MATCH`, `3 deviceVendor=a name=e severity=3 | cefVersion=1 deviceProduct=b deviceVersion=c deviceEventClassId=d`, `4 LINE_NO_MATCH`,
				`5 deviceVendor=a name=e severity=3 src=x | syslog.pri=1 syslog.message=junk more cefVersion=0 deviceProduct=b deviceVersion=c deviceEventClassId=d message=lead`}},
		{"cef, keys in texts", Spec{Format: Format{Name: FormatCEF}, Leaves: leaves("src", "act", "msg", "dst", "severity#")},
			"CEF:0|a|b|c|d|e|3|src=10.0.0.1 act=block request=http://x/?a src=6.6.6.6 act=allow severity=1 msg=one msg=two dst=10.0.0.2 outcome=failure src=10.0.0.3",
			[]string{`1 src=10.0.0.1 act=block msg=one msg=two dst=10.0.0.2 severity=3 | cefVersion=0 deviceVendor=a deviceProduct=b deviceVersion=c deviceEventClassId=d name=e request=http://x/?a src=6.6.6.6 act=allow severity=1 outcome=failure src=10.0.0.3`}},
		{"leef", Spec{Format: Format{Name: FormatLEEF}, Leaves: leaves("vendor", "eventID", "src", "usrName")},
			"LEEF:1.0|V|P|1|E1|src=192.0.2.1\tusrName=a b\tx=1=2\nLEEF:2.0|V|P|1|E2|^|src=1^usrName=ada^loose\nLEEF:2.0|V|P|1|E3|x5E|src=1^usrName=b\nLEEF:2.0|V|P|1|E4|src=1\tusrName=c\n<13>Oct 3 23:50:22 h LEEF:2.0|V|P|1|E5||src=5\nLEEF:1.0|V",
			[]string{`1 vendor=V eventID=E1 src=192.0.2.1 usrName=a b | leefVersion=1.0 product=P version=1 x=1=2`, `2 vendor=V eventID=E2 src=1 usrName=ada | leefVersion=2.0 product=P version=1 message=loose`,
				`3 vendor=V eventID=E3 src=1 usrName=b | leefVersion=2.0 product=P version=1`, `4 vendor=V eventID=E4 src=1 usrName=c | leefVersion=2.0 product=P version=1`,
				`5 vendor=V eventID=E5 src=5 | syslog.pri=13 syslog.timestamp=Oct 3 23:50:22 syslog.host=h leefVersion=2.0 product=P version=1`, `6 LINE_NO_MATCH`}},
		{"lines", Spec{Format: Format{Name: FormatLine, Columns: []string{"line"}}, Leaves: leaves("line")}, "  one \r\n\n\"two\n", []string{`1 line=  one  | `, `2 line="two | `}},
		{"pattern", Spec{Format: Format{Name: FormatLine, Columns: []string{"IP", "user", "status", "who"}, Null: []string{"-"}, Pattern: grok(t, `%{IP:ip} - %{USER:user} "%{DATA:request}" %{INT:status}(?: %{WORD:who})?`)}, Leaves: leaves("IP", "user", "status#")},
			"192.0.2.1 - ada \"GET /\" 200\n::1 - - \"\" 404 x\n256.0.0.1 - a \"\" 1\n192.0.2.1 - ada \"GET /\" 200 trailing text\n",
			[]string{`1 IP=192.0.2.1 user=ada status=200 | request=GET /`, `2 IP=::1 status=404 | who=x`, `3 LINE_NO_MATCH`, `4 LINE_NO_MATCH`}},

		{"windows_event in JSON", Spec{Format: Format{Null: []string{"-"}}, Parsers: []Parser{{Path: []string{"Description"}, Name: ParseWindows}}, Leaves: leaves("Description.Image", "Description.ProcessId#", "id#")},
			`{"id":11,"Description":` + quote(sysmon) + `}` + "\n" + `{"id":12,"Description":"nothing"}{"Description":{"Image":"object"},"User":"-"}{"Description":null}`,
			[]string{"1 Description.Image=C:\\Windows\\x: y.exe Description.ProcessId=4 id=11 | Description.title=File created Description.RuleName=technique_id=T1059,technique_name=Command Description.UtcTime=2023-10-03 23:50:22.438 Description.QueryResults=a;\r\n  b;\r\nc",
				`2 id=12 | Description=nothing !Description`, `3 Description.Image=object | `, `4 | `}},
		{"null in JSON", Spec{Format: Format{Null: []string{"-", "N/A"}}, Nulls: []Null{{[]string{"o", "ip"}, []string{"::", ""}}}, Leaves: leaves("a", "o.ip", "n#")},
			`{"a":"-","b":"N\/A","o":{"ip":"::","x":"::"},"n":"N/A"}{"a":"- ","b":"","o":{"ip":""},"l":["-"]}{"a":"-","a":"x","o":"-"}`,
			[]string{`1 | o.x=::`, `2 a=-  | b= l=["-"]`, `3 | a=x`}},
		{"null of one field of text", Spec{Format: Format{Name: FormatKV, Null: []string{"-"}}, Nulls: []Null{{[]string{"ip"}, []string{"0.0.0.0"}}}, Leaves: leaves("ip", "to")},
			"ip=0.0.0.0 to=0.0.0.0\nip=- to=- x=-\n", []string{`1 to=0.0.0.0 | `, `2 | `}},
		{"sections", Spec{Parsers: []Parser{{Path: []string{"m"}, Name: ParseWindows}}, Leaves: leaves("m.Subject.Account Name")},
			`{"m":"An account was logged on.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1\r\n\tAccount Name:\t\tada\r\n\r\nLogon Type:\t3\r\nNew Logon:\r\n\tAccount Name:\t\teve\r\n\r\nThis event is prose: see.\r\n"}`,
			[]string{`1 m.Subject.Account Name=ada | m.title=An account was logged on. m.Subject.Security ID=S-1 m.Logon Type=3 m.New Logon.Account Name=eve m.This event is prose=see.`}},
		{"syslog, then kv", Spec{Format: Format{Name: FormatLine, Columns: []string{"line"}}, Parsers: []Parser{{Path: []string{"line"}, Name: ParseSyslog}, {Path: []string{"line", "message"}, Name: ParseKV}}, Leaves: leaves("line.host", "line.message.a#")},
			"<34>Oct 11 22:14:15 mymachine su: a=1 b=2\nnothing\n<34>Oct 11 22:14:15 mymachine su: free text\n",
			[]string{`1 line.host=mymachine line.message.a=1 | line.pri=34 line.timestamp=Oct 11 22:14:15 line.app=su line.message.b=2`, `2 | line=nothing !line`,
				`3 line.host=mymachine | line.pri=34 line.timestamp=Oct 11 22:14:15 line.app=su line.message=free text !line.message`}},
		{"syslog, then structured data", Spec{Format: Format{Name: FormatLine, Columns: []string{"line"}}, Parsers: []Parser{{Path: []string{"line"}, Name: ParseSyslog}, {Path: []string{"line", "structured"}, Name: ParseStructured}},
			Leaves: []Leaf{{Path: []string{"line", "structured", "fw@32473.1.2", "source-address"}, Kind: Text}, {Path: []string{"line", "structured", "fw@32473.1.2", "port"}, Kind: Int32}, {Path: []string{"line", "message"}, Kind: Text}}},
			`<14>1 2026-02-03T10:11:12Z fw1 RT 7 DENY [fw@32473.1.2 source-address="192.0.2.1" port="443" reason="a \"b\" \\ \] \n" empty=""][origin ip="192.0.2.9" ip="192.0.2.10"][mark@32473] denied` + "\n" +
				`<14>1 2026-02-03T10:11:12Z fw1 RT 7 DENY - nothing` + "\n" + `<14>1 2026-02-03T10:11:12Z fw1 RT 7 DENY [fw@32473.1.2 a=1] denied` + "\n" +
				`<14>1 2026-02-03T10:11:12Z fw1 RT 7 DENY [fw@32473.1.2 source-address="198.51.100.7" ]` + "\n",
			[]string{`1 line.structured.fw@32473.1.2.source-address=192.0.2.1 line.structured.fw@32473.1.2.port=443 line.message=denied | line.pri=14 line.timestamp=2026-02-03T10:11:12Z line.host=fw1 line.app=RT line.procid=7 line.msgid=DENY` +
				` line.structured.fw@32473.1.2.reason=a "b" \ ] \n line.structured.origin.ip=["192.0.2.9","192.0.2.10"] line.structured.mark@32473=[mark@32473]`,
				`2 line.message=nothing | line.pri=14 line.timestamp=2026-02-03T10:11:12Z line.host=fw1 line.app=RT line.procid=7 line.msgid=DENY`,
				`3 line.message=denied | line.pri=14 line.timestamp=2026-02-03T10:11:12Z line.host=fw1 line.app=RT line.procid=7 line.msgid=DENY line.structured=[fw@32473.1.2 a=1] !line.structured`,
				`4 line.structured.fw@32473.1.2.source-address=198.51.100.7 | line.pri=14 line.timestamp=2026-02-03T10:11:12Z line.host=fw1 line.app=RT line.procid=7 line.msgid=DENY`}},
		{"pairs between commas", Spec{Format: Format{Name: FormatLine, Columns: []string{"line"}}, Parsers: []Parser{{Path: []string{"line"}, Name: ParseCommaPairs}}, Leaves: leaves("line.SrcIP", "line.Prefilter Policy", "line.SrcPort#")},
			"SrcIP: 192.0.2.1, SrcPort: 443, Prefilter Policy: Main, DNS_TTL: 5, UserAgent: a (b, c: d), Empty: , Message: \"x, Y: z\", SrcIP: 192.0.2.2, URL: http://a.example/x, y\nno key\nSrcIP: 1, last: word, \nX: \"a\"b, Y: c\n",
			[]string{`1 line.SrcIP=192.0.2.1 line.Prefilter Policy=Main line.SrcPort=443 | line.DNS_TTL=5 line.UserAgent=a (b, c: d) line.Message=x, Y: z line.SrcIP=192.0.2.2 line.URL=http://a.example/x, y`,
				`2 | line=no key !line`, `3 line.SrcIP=1, last: word | `, `4 | line.X="a"b line.Y=c`}},
		{"json in text", Spec{Format: Format{Name: FormatCSV, Columns: []string{"a", "j"}, Quote: '"', Header: HeaderNo}, Parsers: []Parser{{Path: []string{"j"}, Name: ParseJSON}}, Leaves: leaves("j.x.y#")},
			"1,\"{\"\"x\"\":{\"\"y\"\":5,\"\"z\"\":[1]},\"\"w\"\":\"\"\\u00e9\"\"}\"\n2,{\n3,[1]\n", []string{`1 j.x.y=5 | a=1 j.x.z=[1] j.w=é`, `2 | a=2 j={ !j`, `3 | a=3 j=[1] !j`}},
		{"cef in JSON", Spec{Parsers: []Parser{{Path: []string{"a", "m"}, Name: ParseCEF}}, Leaves: leaves("a.m.src")}, `{"a":{"m":"CEF:0|v|p|1|2|n|3|src=x dst=\\\\y"}}`,
			[]string{`1 a.m.src=x | a.m.cefVersion=0 a.m.deviceVendor=v a.m.deviceProduct=p a.m.deviceVersion=1 a.m.deviceEventClassId=2 a.m.name=n a.m.severity=3 a.m.dst=\y`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, chunk := range []int{1 << 20, 3} {
				got, _, _ := listed(t, &c.spec, []byte(c.object), chunk)
				if strings.Join(got, "¶") != strings.Join(c.want, "¶") {
					t.Fatalf("got\n%q\nwant\n%q", got, c.want)
				}
			}
		})
	}
}

func quote(s string) string { return string(appendText(nil, []byte(s))) }

// FuzzFields: what the parsers take apart is all there: every byte of an accepted text that is not a separator, quote or escape stands
// in a field, in its order.
func FuzzFields(f *testing.F) {
	for _, s := range []string{"a=1 b=\"x y\" c", "CEF:0|a\\|b|c|d|e|f|g|x=1 y=2 \\= z", "LEEF:2.0|a|b|c|d|^|x=1^y", "<34>1 2023-10-03T23:50:22Z h a p m [x y=\"]\"] msg", "[x@1 y=\"\\\"]\" z=\"\"] [q]", "<13>Oct  3 23:50:22 h app[1]: m", sysmon, "x\r\n\r\n a: b\n\tc:", "a=\"b\\\" \"", "Oct 3 2020 10:00:00 x", "<189>29: rt1: *Oct 11 2024 22:14:15.123 UTC: %A-5-B: x", "Fri Oct 11 22:14:15 CET 2024 h a: b",
		"2024-10-11 22:14:15 +02:00 h : a: b", "<134>1 1700000000.5 h a", "File created\n0\n0:", "=\"x\" a=b", "A: b, C D: \"e, F: g\", H: "} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, parse := range map[string]func() ([]fields.Field, string){
			"kv":         func() ([]fields.Field, string) { o, _, fault := fields.KV(nil, nil, b, 0); return o, fault },
			"kv comma":   func() ([]fields.Field, string) { o, _, fault := fields.KV(nil, nil, b, ','); return o, fault },
			"cef":        func() ([]fields.Field, string) { o, _, fault := fields.CEF(nil, nil, b); return o, fault },
			"leef":       func() ([]fields.Field, string) { o, _, fault := fields.LEEF(nil, nil, b); return o, fault },
			"commas":     func() ([]fields.Field, string) { return fields.CommaPairs(nil, b) },
			"windows":    func() ([]fields.Field, string) { o, _, fault := fields.Windows(nil, nil, b); return o, fault },
			"structured": func() ([]fields.Field, string) { o, _, fault := fields.Structured(nil, nil, b); return o, fault },
			"syslog": func() ([]fields.Field, string) {
				o, rest := fields.Syslog(nil, b)
				return append(o, fields.Field{Name: fields.MessageKey, Value: rest}), ""
			},
		} {
			got, fault := parse()
			if fault != "" {
				if len(got) > 0 {
					t.Fatalf("%s: %q is refused, and has fields", name, b)
				}
				continue
			}
			left := letters(b)
			if name == "cef" || name == "leef" {
				left = left[strings.Index(left, "EF")+2:]
			}
			var have strings.Builder
			for i, x := range got {
				if name == "structured" && (i == 0 || len(x.Section) == 0 || unsafe.SliceData(x.Section) != unsafe.SliceData(got[i-1].Section)) {
					have.WriteString(letters(x.Section))
				}
				if name == "structured" && x.Section == nil { // the id is in the value
					x.Name = string(x.Key)
				}
				if x.Derived {
					continue
				}
				if x.Name == "" {
					have.WriteString(letters(x.Key))
				}
				have.WriteString(letters(x.Value))
			}
			h := have.String()
			if name == "leef" && len(h) < len(left) { // its delimiter may be a letter, its sixth part says which
				continue
			}
			if name == "syslog" { // the version of RFC 5424, and what is "-"
				h, left = strings.ReplaceAll(h, "1", ""), strings.ReplaceAll(left, "1", "")
			}
			if name == "cef" {
				h, left = strings.NewReplacer("n", "", "r", "").Replace(h), strings.NewReplacer("n", "", "r", "").Replace(left)
			}
			if h != left {
				t.Fatalf("%s: of %q are in fields %q, of all %q", name, b, h, left)
			}
		}
	})
}

// letters are the ASCII letters and digits of b: never a separator, quote or escape.
func letters(b []byte) string {
	var s []byte
	for _, c := range b {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' {
			s = append(s, c)
		}
	}
	return string(s)
}
