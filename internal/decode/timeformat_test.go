package decode

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTimeFormat(t *testing.T) {
	for _, c := range []struct{ format, zone, text, want string }{
		{"%Y/%m/%d %H:%M:%S", "", "2023/10/03 23:50:22", "2023-10-03T23:50:22Z"},
		{"%Y/%m/%d %H:%M:%S", "Europe/Berlin", "2023/10/03 23:50:22", "2023-10-03T21:50:22Z"},
		{"%Y/%m/%d %H:%M:%S", "Europe/Berlin", "2023/01/03 23:50:22", "2023-01-03T22:50:22Z"},
		{"%Y/%m/%d %H:%M:%S", "", "2023/10/03 23:50:22 ", ""}, {"%Y/%m/%d %H:%M:%S", "", "2023/02/29 23:50:22", ""}, {"%Y/%m/%d %H:%M:%S", "", "", ""},
		{"clf", "", "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36Z"}, {"clf", "Asia/Tokyo", "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36Z"},
		{"%b %e %Y %H:%M:%S.%f", "", "Oct  3 2023 23:50:22.5", "2023-10-03T23:50:22.5Z"}, {"%b %e %Y %H:%M:%S.%f", "", "Oct 13 2023 23:50:22.123456789", "2023-10-13T23:50:22.123456Z"},
		{"%A, %d-%B-%y %I:%M:%S %p %z", "", "Tuesday, 03-October-23 12:50:22 AM +01:00", "2023-10-02T23:50:22Z"},
		{"%d.%m.%y %I:%M %p", "", "3.10.99 12:01 pm", "1999-10-03T12:01:00Z"}, {"%d.%m.%y %I:%M %p", "", "3.10.99 13:01 pm", ""},
		{"%Y%m%d%H%M%S %Z", "Europe/Berlin", "20231003235022 UTC", "2023-10-03T23:50:22Z"}, {"%Y%m%d%H%M%S %Z", "", "20231003235022 CEST", ""},
		{"epoch_s", "", "1696377022", "2023-10-03T23:50:22Z"}, {"epoch_s", "", "1696377022.438999999", "2023-10-03T23:50:22.438999Z"}, {"epoch_s", "", "-1.5", "1969-12-31T23:59:58.5Z"},
		{"epoch_s", "", "1e9", ""}, {"epoch_s", "", "99999999999999", ""}, {"epoch_s", "", "1.", ""}, {"epoch_s", "", "now", ""},
		{"epoch_ms", "", "1696377022438", "2023-10-03T23:50:22.438Z"}, {"epoch_ms", "", "1696377022438.25", "2023-10-03T23:50:22.43825Z"},
		{"epoch_us", "", "1696377022438001", "2023-10-03T23:50:22.438001Z"}, {"epoch_ns", "", "1696377022438001999", "2023-10-03T23:50:22.438001Z"}, {"epoch_ns", "", "-1", "1969-12-31T23:59:59.999999Z"},
		{"iso", "America/New_York", "2023-10-03 19:50:22.5", "2023-10-03T23:50:22.5Z"}, {"iso", "America/New_York", "2023-10-03T23:50:22Z", "2023-10-03T23:50:22Z"},
	} {
		f, err := NewTimeFormat(c.format, c.zone)
		if err != nil {
			t.Fatal(err)
		}
		us, ok := f.parse([]byte(c.text))
		got := ""
		if ok {
			got = time.UnixMicro(us).UTC().Format(time.RFC3339Nano)
		}
		if got != c.want {
			t.Errorf("%s %s of %q: %q, want %q", c.format, c.zone, c.text, got, c.want)
		}
	}
	for format, want := range map[string]string{"%b %d %H:%M:%S": "no year", "%Y %H": "no day", "%Y %Q": "%Q is not supported", "%Y%": "single %"} {
		if _, err := NewTimeFormat(format, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", format, err)
		}
	}
	if _, err := NewTimeFormat("iso", "Europe/Atlantis"); err == nil {
		t.Error("a zone that there is not")
	}
	r := newRand()
	f, _ := NewTimeFormat("%d %b %Y %H:%M:%S.%f %z", "")
	for range 20000 { // against package time
		at := time.UnixMicro(r.Int63n(4e15) - 2e15).In(time.FixedZone("", (r.Intn(24*4)-48)*900))
		text := at.Format("02 Jan 2006 15:04:05.000000 -0700")
		if us, ok := f.parse([]byte(text)); !ok || us != at.UnixMicro() {
			t.Fatalf("%s: %d %v, want %d", text, us, ok, at.UnixMicro())
		}
	}
}

// TestTimeLeaves: a leaf's format holds for JSON numbers and for fields of text.
func TestTimeLeaves(t *testing.T) {
	ms, _ := NewTimeFormat("epoch_ms", "")
	spec := &Spec{Leaves: []Leaf{{Path: []string{"t"}, Kind: Timestamp, Time: ms}}}
	got, _, _ := listed(t, spec, []byte(`{"t":1696377022438}{"t":"1696377022438"}{"t":"2023-10-03T23:50:22Z"}{"t":[1]}{"t":{"x":1}}`), 100)
	want := []string{`1 t=1696377022438 | `, `2 t=1696377022438 | `, `3 | t=2023-10-03T23:50:22Z`, `4 | t=[1]`, `5 | t.x=1`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q", got)
	}
}
