package eventxml

import (
	"encoding/json"
	"strings"
	"testing"
)

// The shapes of docs/formats.md.
func TestShapes(t *testing.T) {
	for _, c := range []struct{ name, xml, want string }{
		{"a security event", logon, `{"System":{"Provider":{"Name":"Microsoft-Windows-Security-Auditing","Guid":"{54849625-5478-4994-a5ba-3e3b0328c30d}"},"EventID":"4625","Version":"0",` +
			`"TimeCreated":{"SystemTime":"2026-01-31T08:15:02.2500000Z"},"EventRecordID":"229977","Correlation":{"ActivityID":"{0a1b}"},"Execution":{"ProcessID":"744","ThreadID":"812"},` +
			`"Channel":"Security","Computer":"dc1.example.com"},"EventData":{"SubjectUserSid":"S-1-5-18","TargetUserName":"ada & \"co\" <x>","Status":"0xc000006d","IpAddress":"192.0.2.7","IpPort":"51000"}}`},
		{"empty elements and attributes", `<Event><System><Security/><Correlation></Correlation><Provider Name="" Guid='g'/></System><EventData/></Event>`, `{"System":{"Provider":{"Guid":"g"}}}`},
		{"attributes of a text", `<Event><System><EventID Qualifiers="16384">7036</EventID><Level x="1" y="2"></Level></System></Event>`,
			`{"System":{"EventID":"7036","EventID@Qualifiers":"16384","Level":{"x":"1","y":"2"}}}`},
		{"data without names", `<Event><EventData Name="T"><Data>one</Data><Data Name="Name">n</Data><Data/><Data></Data><Data Name="">two</Data><Binary>0A0B</Binary></EventData></Event>`,
			`{"EventData":{"Name":"n","Binary":"0A0B","Data":["one","","","two"]},"EventData@Name":"T"}`},
		{"elements of a list with attributes and elements", `<Event><EventData><Data Type="x">a</Data><Data Type="y"/><Data><p>1</p></Data></EventData></Event>`,
			`{"EventData":{"Data":[{"Type":"x","#text":"a"},{"Type":"y"},{"p":"1"}]}}`},
		{"an empty EventData with a name", `<Event><EventData Name="T"></EventData><x/></Event>`, `{"EventData@Name":"T"}`},
		{"data with attributes and elements", `<Event><EventData><Data Name="a" Type="t">v</Data><Data Name="b"><c>d</c></Data><ComplexData Name="e">f</ComplexData></EventData></Event>`,
			`{"EventData":{"a":"v","a@Type":"t","b":{"c":"d"},"e":"f"}}`},
		{"a name twice", `<Event><EventData><Data Name="a">1</Data><Data Name="a">2</Data></EventData></Event>`, `{"EventData":{"a":"1","a":"2"}}`},
		{"user data", `<Event><UserData><LogFileCleared xmlns='http://manifests.microsoft.com/win/2004/08/windows/eventlog' xmlns:x="y"><SubjectUserName>ada</SubjectUserName></LogFileCleared></UserData></Event>`,
			`{"UserData":{"LogFileCleared":{"SubjectUserName":"ada"}}}`},
		{"rendering", `<Event><RenderingInfo Culture="en-US"><Message>An account failed to log on.&#13;
	x</Message><Keywords><Keyword>Audit Failure</Keyword><Keyword/></Keywords></RenderingInfo></Event>`,
			`{"RenderingInfo":{"Culture":"en-US","Message":"An account failed to log on.\r\n\tx","Keywords":{"Keyword":["Audit Failure",""]}}}`},
		{"text where elements are", `<Event lang="x">t<a>1</a> u <![CDATA[v]]><b>x<c>2</c></b></Event>`, `{"Event@lang":"x","#text":"t","a":"1","#text":" u ","#text":"v","b":{"#text":"x","c":"2"}}`},
		{"CDATA, comments and references", "<Event><a>x<![CDATA[<&amp;\"]]>&#x1F600;&#xd83d;&#xDE00;<!-- </a> -->&#0;&#1;\x02\u00e9</a ></Event >", `{"a":"x<&amp;\"😀\ud83d\ude00\u0000\u0001\u0002é"}`},
		{"blanks in a value", "<Event><a> </a><b>\n</b><c> x </c></Event>", `{"a":" ","b":"\n","c":" x "}`},
		{"keys with dots and quotes", `<Event><EventData><Data Name='a.b"&quot;\'>1</Data></EventData></Event>`, `{"EventData":{"a.b\"\"\\":"1"}}`},
		{"blanks in tags", "<Event\n><System\t><a  b = 'c'\n/></System\n></Event\n>", `{"System":{"a":{"b":"c"}}}`},
		{"a declaration before it", "\n<?xml version='1.0' encoding='utf-16'?>\n<!-- x --><Events><Event/>\n</Events>", `{}`},
	} {
		got, fault := JSON([]byte("before"), []byte(c.xml))
		if fault != nil || string(got) != "before"+c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, fault, strings.TrimPrefix(string(got), "before"), c.want)
		}
		if s := string(got); fault == nil && !json.Valid([]byte(s[6:])) {
			t.Errorf("%s: not JSON: %s", c.name, s)
		}
	}
}

const logon = `<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-Security-Auditing" Guid="{54849625-5478-4994-a5ba-3e3b0328c30d}"/>` +
	`<EventID>4625</EventID><Version>0</Version><TimeCreated SystemTime="2026-01-31T08:15:02.2500000Z"/><EventRecordID>229977</EventRecordID><Correlation ActivityID="{0a1b}"/>` +
	`<Execution ProcessID="744" ThreadID="812"/><Channel>Security</Channel><Computer>dc1.example.com</Computer><Security/></System>` +
	`<EventData><Data Name="SubjectUserSid">S-1-5-18</Data><Data Name="TargetUserName">ada &amp; "co" &lt;x&gt;</Data><Data Name="Status">0xc000006d</Data>` +
	`<Data Name="IpAddress">192.0.2.7</Data><Data Name="IpPort">51000</Data></EventData></Event>`

// TestFaults: what is not one event is refused, with a place. Nothing of it is written.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ xml, want string }{
		{"", "no <Event>"}, {"<EventData/>", "no <Event>"}, {"<html/>", "no <Event>"}, {"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><Event/>", "no <Event>"},
		{"<Event>", "cut"}, {"<Event", "no <Event>"}, {"<Event ", "cut"}, {"<Event><a>x", "cut"}, {"<Event><a>x</a", "cut"}, {"<Event><a>x</a>", "cut"}, {"<Event><![CDATA[x", "cut"}, {"<Event><a>x<!--", "cut"},
		{"<Event><a>&e;</a></Event>", "unknown reference"}, {"<Event><a>&#;</a></Event>", "unknown reference"}, {"<Event><a>&#x110000;</a></Event>", "unknown reference"},
		{"<Event><a>&#99999999999999999999;</a></Event>", "does not begin a reference"}, {"<Event><a>fish & chips</a></Event>", "does not begin a reference"},
		{"<Event><a>1</b></Event>", "</b> where </a> is expected, at byte 12"}, {"<Event></Events>", "</Events> where"}, {"<Event><a b></a></Event>", "no = after"}, {"<Event><a b=c></a></Event>", "not in quotes"},
		{"<Event><a b='c></a></Event>", "no closing quote"}, {"<Event><a b='<'></a></Event>", "a < in the value"}, {"<Event><a / ></Event>", "a / in the tag"},
		{"<Event><!DOCTYPE x></Event>", "a declaration"}, {"<Event><a>x<?pi?></a></Event>", "a declaration"}, {"<Event/>x", "more follows the end"}, {"<Event/><Event/>", "more follows the end"},
		{"<Event><1/></Event>", "a name is expected"}, {"<Event><a></ a></Event>", "a name is expected"}, {"<Event><a></a x></Event>", "no > after"},
		{"<Event><a>x</a><Event>", "cut"},
	} {
		got, fault := JSON(nil, []byte(c.xml))
		if fault == nil || !strings.Contains(fault.Message, c.want) || len(got) > 0 || fault.Code != Broken {
			t.Errorf("%s: %s %v, want %s", c.xml, got, fault, c.want)
		}
	}
	deep := func(n int) []byte {
		return []byte("<Event>" + strings.Repeat("<a>", n) + "x" + strings.Repeat("</a>", n) + "</Event>")
	}
	if _, fault := JSON(nil, deep(maxDepth-1)); fault != nil {
		t.Error(fault)
	}
	if _, fault := JSON(nil, deep(1e6)); fault == nil || fault.Code != TooDeep {
		t.Error(fault)
	}
	long := "<Event><EventData><Data Name='" + strings.Repeat("n", 4000) + "'" + strings.Repeat(" b='c'", 4000) + ">x</Data></EventData></Event>"
	if _, fault := JSON(nil, []byte(long)); fault == nil || fault.Code != TooLong {
		t.Error(fault)
	}
}

// TestFrame: an event ends at its own end tag, however the object comes in pieces.
func TestFrame(t *testing.T) {
	for _, c := range []struct {
		object string
		want   int // -1: all of it does not end
		cut    int
	}{
		{"<Event>x</Event>y", 16, 0}, {"<Event/><Event/>", 8, 0}, {"<Event><EventData>x</EventData><EventID/></Event >y", 50, 0},
		{"<Event><![CDATA[</Event><Event>]]><!-- </Event> --></Event>y", 59, 0}, {"<Event><a>1</a>\n<Event xmlns='x'></Event>", 16, 0}, {"<Event>x</Event", -1, 15}, {"<Event>x", -1, 8},
		{"<Event><![CDATA[x\n<EventData>\n<Event>y</Event>", -1, 30}, {"<Event><!-- x", -1, 13}, {"<Event></Event x></Event>", 25, 0},
	} {
		for size := 1; size <= len(c.object); size++ {
			var f Frame
			got := -1
			for n := min(size, len(c.object)); got < 0; n = min(n+size, len(c.object)) {
				if got = f.Feed([]byte(c.object[:n])); n == len(c.object) {
					break
				}
			}
			if got != c.want {
				t.Errorf("%s in pieces of %d: ends at %d, want %d", c.object, size, got, c.want)
			}
			if cut := 0; got < 0 {
				if cut = f.Cut([]byte(c.object)); cut != c.cut {
					t.Errorf("%s: is cut at %d, want %d", c.object, cut, c.cut)
				}
			}
		}
	}
}
