package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/jobfile"
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
	r.write(&b, 0) // no terminal: nothing is cut
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

func TestScheduleInTheJobsZone(t *testing.T) {
	now := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC) // the night after, Berlin goes over to summer time
	s := &jobfile.Spec{Schedule: jobfile.Schedule{Cron: "15 4 * * *", Timezone: "Europe/Berlin"}}
	if got := schedule(s, now).Detail; got != "etl serve runs it next at 2026-03-29 04:15 CEST, 2026-03-30 04:15 CEST, 2026-03-31 04:15 CEST" {
		t.Error(got)
	}
	s.Schedule.Cron = "0 0 30 2 *"
	if c := schedule(s, now); c.Status != "warn" {
		t.Error(c)
	}
}

func TestWhatOfAJobGoesToAWS(t *testing.T) {
	s := &jobfile.Spec{State: "s3://state/x", Source: jobfile.Source{Staging: "./staging"}, Lake: jobfile.Lake{Location: "s3://lake", Region: "us-east-1", RoleARN: "r", DeleteRoleARN: "d"},
		Catalog: jobfile.Catalog{Type: "glue", Region: "eu-west-1"}}
	var got []string
	for _, u := range awsUses(s) {
		got = append(got, u.what+" "+u.bucket+" "+u.region+" "+u.role)
	}
	if want := "lake lake us-east-1 r|deleting lake us-east-1 d|state state us-east-1 |catalog  eu-west-1 "; strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
}
