package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPreviewSideBySide(t *testing.T) {
	r := &previewed{Record: 1, Raw: []byte(`{"a":1}`), Class: "network_activity", Partition: "p/", OCSF: []byte(`{"time":1,"x":"` + strings.Repeat("y", 200) + `"}`)}
	var b strings.Builder
	r.write(&b, 140)
	lines := strings.Split(b.String(), "\n")
	if lines[1] != "  raw"+strings.Repeat(" ", 64)+"  ocsf" || lines[3] != `    "a": 1`+strings.Repeat(" ", 59)+`    "time": 1,` {
		t.Errorf("got\n%s", b.String())
	}
	for _, l := range lines {
		if len([]rune(l)) > 140 {
			t.Errorf("wider than the terminal: %s", l)
		}
	}
	b.Reset()
	r.write(&b, 0) // not a terminal, so nothing is cut
	if !strings.Contains(b.String(), strings.Repeat("y", 200)) || !strings.Contains(b.String(), "\n  ocsf\n") {
		t.Errorf("got\n%s", b.String())
	}
}

func TestPreviewShowsNoControlCharacters(t *testing.T) {
	r := &previewed{Record: 1, Raw: rawJSON([]byte("\x1b[31mred\xff")), Reason: "RECORD_NOT_JSON", Message: "m"}
	var b strings.Builder
	r.write(&b, 0)
	if strings.Contains(b.String(), "\x1b") || !utf8.ValidString(b.String()) || !strings.Contains(b.String(), `\u001b[31mred`) {
		t.Errorf("%q", b.String())
	}
}
