package fields

import (
	"strings"
	"testing"
)

// A syslog header is read in each form that devices write: what is the time, what the host, the tag and the message.
func TestSyslogTimes(t *testing.T) {
	for in, want := range map[string]string{
		"<13>Oct 11 22:14:15 gw1 app: text":                                    "pri=13 timestamp=Oct 11 22:14:15|host=gw1|app=app > text",
		"<13>Oct  1 22:14:15 gw1 app: text":                                    "pri=13 timestamp=Oct  1 22:14:15|host=gw1|app=app > text",
		"Oct 11 22:14:15 gw1 app[7]: text":                                     "timestamp=Oct 11 22:14:15|host=gw1|app=app|procid=7 > text",
		"Oct 11 22:14:15 2024 UTC gw1 app: text":                               "timestamp=Oct 11 22:14:15 2024 UTC|host=gw1|app=app > text",
		"<13>Oct 11 22:14:15 2024 UTC gw1 app: text":                           "pri=13 timestamp=Oct 11 22:14:15 2024 UTC|host=gw1|app=app > text",
		"Oct 11 22:14:15 2024 gw1 app: text":                                   "timestamp=Oct 11 22:14:15 2024|host=gw1|app=app > text",
		"Oct 11 22:14:15 UTC 2024 gw1 app: text":                               "timestamp=Oct 11 22:14:15 UTC 2024|host=gw1|app=app > text",
		"Oct 11 2024 22:14:15 gw1 app: text":                                   "timestamp=Oct 11 2024 22:14:15|host=gw1|app=app > text",
		"Oct 11 2024 22:14:15.250 CEST gw1 app: text":                          "timestamp=Oct 11 2024 22:14:15.250 CEST|host=gw1|app=app > text",
		"Oct 11, 2024 22:14:15 gw1 app: text":                                  "timestamp=Oct 11, 2024 22:14:15|host=gw1|app=app > text",
		"<13>Fri Oct 11 22:14:15 2024 gw1 app: text":                           "pri=13 timestamp=Fri Oct 11 22:14:15 2024|host=gw1|app=app > text",
		"Fri Oct 11 22:14:15 CET 2024 gw1 app: text":                           "timestamp=Fri Oct 11 22:14:15 CET 2024|host=gw1|app=app > text",
		"Fri, 11 Oct 2024 22:14:15 +0200 gw1 app: text":                        "timestamp=Fri, 11 Oct 2024 22:14:15 +0200|host=gw1|app=app > text",
		"11 Oct 2024 22:14:15 gw1 app: text":                                   "timestamp=11 Oct 2024 22:14:15|host=gw1|app=app > text",
		"2024 Oct 11 22:14:15 gw1 app: text":                                   "timestamp=2024 Oct 11 22:14:15|host=gw1|app=app > text",
		"<13>2024 Oct  1 22:14:15.5 UTC gw1 app: text":                         "pri=13 timestamp=2024 Oct  1 22:14:15.5 UTC|host=gw1|app=app > text",
		"<189>: 2024 Oct 11 22:14:15.123 UTC: %ETHPORT-5-IF_UP: up":            "pri=189 timestamp=2024 Oct 11 22:14:15.123 UTC|app=%ETHPORT-5-IF_UP > up",
		"2024-10-11 22:14:15 gw1 app: text":                                    "timestamp=2024-10-11 22:14:15|host=gw1|app=app > text",
		"<13>2024-10-11 22:14:15,250 +02:00 gw1 app: text":                     "pri=13 timestamp=2024-10-11 22:14:15,250 +02:00|host=gw1|app=app > text",
		"2024/10/11 22:14:15 gw1 app: text":                                    "timestamp=2024/10/11 22:14:15|host=gw1|app=app > text",
		"2024-10-11T22:14:15.123456+02:00 gw1 app: text":                       "timestamp=2024-10-11T22:14:15.123456+02:00|host=gw1|app=app > text",
		"2024-10-11T22:14:15Z gw1 app: text":                                   "timestamp=2024-10-11T22:14:15Z|host=gw1|app=app > text",
		"<13>2024-10-11T22:14Z gw1 app: text":                                  "pri=13 timestamp=2024-10-11T22:14Z|host=gw1|app=app > text",
		"<189>29: *Oct 11 22:14:15.123 UTC: %SYS-5-CONFIG_I: Configured":       "pri=189 sequence=29|timestamp=*Oct 11 22:14:15.123 UTC|app=%SYS-5-CONFIG_I > Configured",
		"<189>000029: rt1: .Oct 11 2024 22:14:15: %SYS-5-CONFIG_I: Configured": "pri=189 sequence=000029|host=rt1|timestamp=.Oct 11 2024 22:14:15|app=%SYS-5-CONFIG_I > Configured",
		"*Oct 11 22:14:15.123 UTC: %LINK-3-UPDOWN: down":                       "timestamp=*Oct 11 22:14:15.123 UTC|app=%LINK-3-UPDOWN > down",
		".Oct 11 22:14:15 rt1 app: text":                                       "timestamp=.Oct 11 22:14:15|host=rt1|app=app > text",
		"<166>Oct 11 2024 22:14:15: %ASA-6-302013: Built":                      "pri=166 timestamp=Oct 11 2024 22:14:15|app=%ASA-6-302013 > Built",
		"<166>Oct 11 2024 22:14:15 fw1 : %ASA-6-302013: Built":                 "pri=166 timestamp=Oct 11 2024 22:14:15|host=fw1|app=%ASA-6-302013 > Built",
		"<166>:Oct 11 22:14:15 UTC: %ASA-session-6-302013: Built":              "pri=166 timestamp=Oct 11 22:14:15 UTC|app=%ASA-session-6-302013 > Built",
		"Oct 11 22:14:15 GMT+00:00 gw1 app: text":                              "timestamp=Oct 11 22:14:15 GMT+00:00|host=gw1|app=app > text",
		"Oct 11 22:14:15 -0530 gw1 app: text":                                  "timestamp=Oct 11 22:14:15 -0530|host=gw1|app=app > text",
		"Oct 11 22:14:15 UTC+2 gw1 app: text":                                  "timestamp=Oct 11 22:14:15 UTC+2|host=gw1|app=app > text",
		"Oct 11 22:14:15 AEDT gw1 app: text":                                   "timestamp=Oct 11 22:14:15 AEDT|host=gw1|app=app > text",
		"Oct 11 22:14:15 WIB gw1 app: text":                                    "timestamp=Oct 11 22:14:15 WIB|host=gw1|app=app > text",
		"Oct 11 22:14:15 WIT app: text":                                        "timestamp=Oct 11 22:14:15|host=WIT|app=app > text", // a host with such a name
		"Oct 11 22:14:15 UTC ":                                                 "timestamp=Oct 11 22:14:15 UTC > ",
		"Oct 11 22:14:15 app: text":                                            "timestamp=Oct 11 22:14:15|app=app > text",
		"Oct 11 22:14:15 7 app: text":                                          "timestamp=Oct 11 22:14:15|host=7|app=app > text",
		"<134>1 1700000000.123456789 gw1 flows src=192.0.2.1":                  "pri=134 timestamp=1700000000.123456789|host=gw1 > flows src=192.0.2.1",
		"<134>1700000000123 gw1 app: text":                                     "pri=134 timestamp=1700000000123|host=gw1|app=app > text",
		"<134>1 2024-10-11T22:14:15.003Z gw1 app 7 ID47 - text":                "pri=134 timestamp=2024-10-11T22:14:15.003Z|host=gw1|app=app|procid=7|msgid=ID47 > text",
		"2024-10-11 22:14:15 ERROR disk is full":                               " > 2024-10-11 22:14:15 ERROR disk is full",
		"2024-10-11 22:14:15 [main] started":                                   " > 2024-10-11 22:14:15 [main] started",
		"2024-10-11 22:14:15 action=allow":                                     " > 2024-10-11 22:14:15 action=allow",
		"1700000000 gw1 app: text":                                             " > 1700000000 gw1 app: text",
		"2024/10/11 22:14:15,0011,TRAFFIC":                                     " > 2024/10/11 22:14:15,0011,TRAFFIC",
		"Oct 11 22:14:15,0011,TRAFFIC":                                         " > Oct 11 22:14:15,0011,TRAFFIC",
		"2024-10-11 gw1 app: text":                                             " > 2024-10-11 gw1 app: text", // a date is not a time
		"Oct 11 2024 gw1 app: text":                                            " > Oct 11 2024 gw1 app: text",
		"123: text":                                                            " > 123: text",
		"Oct":                                                                  " > Oct",
		"Oct 11 22:14:15":                                                      "timestamp=Oct 11 22:14:15 > ",
	} {
		all, rest := Syslog(nil, []byte(in))
		var got []string
		for _, f := range all {
			if !f.Derived {
				got = append(got, f.Name+"="+string(f.Value))
			}
		}
		text := strings.Join(got, "|")
		if strings.HasPrefix(in, "<") {
			text = strings.Replace(text, "|", " ", 1)
		}
		if text += " > " + string(rest); text != want {
			t.Errorf("%s\n gives %s\n want  %s", in, text, want)
		}
	}
}

// No text makes the parser read past its end.
func TestSyslogCut(t *testing.T) {
	for _, in := range []string{"<189>29: rt1: *Oct 11 2024 22:14:15.123 UTC+02:00: %SYS-5-CONFIG_I: x", "Fri, 11 Oct 2024 2:14:15 +0200 gw1 app[7]: x", "2024 Oct  1 22:14:15,5 2024 CEST 2024", "2024-10-11 22:14:15.5 +02:00 h: ", "<1>1 1700000000.5 h"} {
		for i := range in {
			for j := i; j <= len(in); j++ {
				b := []byte(in[i:j])
				Syslog(nil, b[:len(b):len(b)])
			}
		}
	}
}
