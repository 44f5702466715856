package fields

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func allSysmonTitles() []string {
	return []string{
		"Process Create", "File creation time changed", "Network connection detected", "Sysmon service state changed", "Process terminated",
		"Driver loaded", "Image loaded", "CreateRemoteThread detected", "RawAccessRead detected", "Process accessed", "File created",
		"Registry object added or deleted", "Registry value set", "Registry object renamed", "File stream created", "Sysmon config state changed",
		"Pipe Created", "Pipe Connected", "WmiEventFilter activity detected", "WmiEventConsumer activity detected",
		"WmiEventConsumerToFilter activity detected", "Dns query", "File Delete", "File Delete archived", "File Delete logged",
		"File Block Executable", "File Block Shredding", "File Executable Detected", "Clipboard changed", "Process Tampering", "Error report",
	}
}

// values gives the values of the first field with each key.
func values(fs []Field) map[string]string {
	out := map[string]string{}
	for _, f := range fs {
		key := f.Name
		if key == "" {
			key = string(f.Key)
		}
		if _, ok := out[key]; !ok {
			out[key] = string(f.Value)
		}
	}
	return out
}

// TestSysmonHostileValues renders events whose free values hold lines that look like keys. A key has its own value, or, where
// the text allows two readings, it is left out. It never has a value from inside of another one.
func TestSysmonHostileValues(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	left, whole := 0, 0
	for n := range 4000 {
		titles := allSysmonTitles()
		title := titles[n%len(titles)]
		keys := strings.Fields(sysmonKeys([]byte(title)))
		if len(keys) == 0 {
			t.Fatalf("%s has no manifest", title)
		}
		want := map[string]string{TitleKey: title}
		text := title + ":"
		for i, k := range keys {
			name, free := strings.CutSuffix(k, "*")
			value := fmt.Sprintf("own %d", i)
			for free && r.IntN(3) > 0 {
				other, _ := strings.CutSuffix(keys[r.IntN(len(keys))], "*")
				switch r.IntN(4) {
				case 0:
					value += "\r\nplain text\r\n\r\nmore"
				case 1:
					value += "\r\nUnknown: x"
				default:
					value += "\r\n" + other + ": stolen"
				}
			}
			want[name] = value
			text += "\r\n" + name + ": " + value
		}
		fs, _, fault := Windows(nil, nil, []byte(text))
		if fault != "" {
			t.Fatalf("%q: %s", text, fault)
		}
		got := values(fs)
		for k, v := range want {
			switch g, ok := got[k]; {
			case !ok:
				left++
			case g == v:
				whole++
			case !strings.HasPrefix(g, v):
				t.Fatalf("%q: %s is %q, want %q", text, k, g, v)
			}
		}
		if got["Unknown"] != "" {
			t.Fatalf("%q: a line of a free value became the field Unknown", text)
		}
		joined := text[len(title)+1:]
		for _, f := range fs[1:] { // nothing is lost: key and value of each field stand in the text in this order
			i := strings.Index(joined, string(f.Value))
			if i < 0 {
				t.Fatalf("%q: %q is not in the text after the fields before it", text, f.Value)
			}
			joined = joined[i+len(f.Value):]
		}
		if len(strings.TrimSpace(joined)) > 0 {
			t.Fatalf("%q: the fields do not have %q", text, joined)
		}
	}
	if left == 0 || whole < 20*left {
		t.Errorf("%d values were left out, %d are right", left, whole)
	}
}

func TestSysmonTexts(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[string]string
	}{
		{
			"a registry value holds a user, and the schema has one", "Registry value set:\nEventType: SetValue\nTargetObject: HKU\\x\nDetails: {\"a\":1,\nUser: EXAMPLE\\eve\n}\nUser: EXAMPLE\\bob",
			map[string]string{TitleKey: "Registry value set", "EventType": "SetValue", "TargetObject": `HKU\x`, "Details": "{\"a\":1,\nUser: EXAMPLE\\eve\n}", "User": `EXAMPLE\bob`},
		},
		{
			"a command line repeats all that follows", "Process Create:\nProcessId: 1\nCommandLine: a\nUser: x\nParentCommandLine: y\nUser: real\nParentCommandLine: real\nParentUser: p",
			map[string]string{TitleKey: "Process Create", "ProcessId": "1", "CommandLine": "a\nUser: x\nParentCommandLine: y\nUser: real\nParentCommandLine: real", "ParentUser": "p"},
		},
		{
			"a lone line feed in a text with \\r\\n", "Process Create:\r\nParentImage: a\r\nParentCommandLine: b\nParentUser: EXAMPLE\\eve",
			map[string]string{TitleKey: "Process Create", "ParentImage": "a", "ParentCommandLine": "b\nParentUser: EXAMPLE\\eve"},
		},
		{
			"an empty line before the title", "\r\nProcess terminated:\r\nProcessId: 1\r\nUser: u\r\nUser: v",
			map[string]string{TitleKey: "Process terminated", "ProcessId": "1\r\nUser: u\r\nUser: v"},
		},
		{
			"no title", "UtcTime: t\nProcessGuid: {1}\nImage: i\nCommandLine: a\nUser: eve\nCurrentDirectory: d\nUser: real\nParentUser: p",
			map[string]string{"UtcTime": "t", "ProcessGuid": "{1}", "Image": "i", "CommandLine": "a\nUser: eve", "CurrentDirectory": "d", "User": "real", "ParentUser": "p"},
		},
		{
			"an unknown title", "Prozess erstellt:\nUtcTime: t\nProcessGuid: {1}\nImage: i\nCommandLine: a\nUser: eve\nCurrentDirectory: d\nUser: real\nParentUser: p",
			map[string]string{TitleKey: "Prozess erstellt", "UtcTime": "t", "ProcessGuid": "{1}", "Image": "i", "CommandLine": "a\nUser: eve", "CurrentDirectory": "d", "User": "real", "ParentUser": "p"},
		},
		{
			"a key of a newer schema", "Process terminated:\nProcessId: 1\nSigner: me\nUser: u",
			map[string]string{TitleKey: "Process terminated", "ProcessId": "1", "Signer": "me", "User": "u"},
		},
		{
			"blanks at the ends of values", "Process Create:\r\nImage: C:\\a.exe\r\nCommandLine: \"C:\\a.exe\" \r\nCurrentDirectory:  C:\\b\\\r\nHashes: \r\nParentCommandLine: a  ",
			map[string]string{TitleKey: "Process Create", "Image": `C:\a.exe`, "CommandLine": `"C:\a.exe" `, "CurrentDirectory": ` C:\b\`, "Hashes": "", "ParentCommandLine": "a  "},
		},
		{
			"blanks and empty lines at the ends of values with line breaks", "WmiEventConsumer activity detected:\r\nUser: u \r\nName:  \"a\" \r\nb: c \r\n\r\nType: Script\r\nDestination: \r\nd \r\n",
			map[string]string{TitleKey: "WmiEventConsumer activity detected", "User": "u ", "Name": " \"a\" \r\nb: c \r\n", "Type": "Script", "Destination": "\r\nd "},
		},
		{
			"keys in another case", "Process accessed:\nSourceProcessGUID: {1}\nCallTrace: a\nSourceUser: b",
			map[string]string{TitleKey: "Process accessed", "SourceProcessGUID": "{1}", "CallTrace": "a", "SourceUser": "b"},
		},
		{
			"an event of another product keeps its sections", "An account was logged on.\n\nSubject:\n\tAccount Name:\tada\nUser: a\nUser: b",
			map[string]string{TitleKey: "An account was logged on.", "Subject": "", "Account Name": "ada", "User": "a"},
		},
	} {
		fs, _, fault := Windows(nil, nil, []byte(c.text))
		if got := values(fs); fault != "" || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %q %s\nwant %q", c.name, got, fault, c.want)
		}
	}
}

// TestSysmonManyLines reads a text of many lines that look like keys: the time does not grow with the square of their number.
func TestSysmonManyLines(t *testing.T) {
	text := []byte("Process Create:\r\nProcessId: 7\r\nCommandLine: a\r\n" + strings.Repeat("User: x\r\nImage: y\r\n", 200_000) + "User: real\r\nParentUser: p")
	fs, _, fault := Windows(nil, nil, text)
	if fault != "" || len(fs) != 5 || !bytes.Equal(fs[3].Value, []byte("real")) {
		t.Errorf("%d fields %s", len(fs), fault)
	}
}
