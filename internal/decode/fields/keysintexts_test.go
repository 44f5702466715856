package fields

import (
	"fmt"
	"testing"
)

// texts shows the fields of a text in their order.
func texts(fs []Field) (out string) {
	for _, f := range fs {
		key := f.Name
		if key == "" {
			key = string(f.Key)
		}
		out += fmt.Sprintf("[%s=%s]", key, f.Value)
	}
	return out
}

// What stands in a text that anybody can choose is not taken for a field.
func TestKeysInTexts(t *testing.T) {
	const head = "[cefVersion=0][deviceVendor=V][deviceProduct=P][deviceVersion=1][deviceEventClassId=100]"
	for text, want := range map[string]string{
		"CEF:0|V|P|1|100|n|5|msg=denied src=192.0.2.66 at once src=10.0.0.7 dst=10.0.0.8": head + "[name=n][severity=5][msg=denied src=192.0.2.66 at once][src=10.0.0.7][dst=10.0.0.8]",
		"CEF:0|V|P|1|100|n|5|spt=1 msg=a src=192.0.2.66 act=allow src=10.0.0.7 act=block": head + "[name=n][severity=5][spt=1][msg=a src=192.0.2.66 act=allow][src=10.0.0.7][act=block]",
		"CEF:0|V|P|1|100|n|5|request=http://x/? act=allow src=10.0.0.7 act=block":         head + "[name=n][severity=5][request=http://x/? act=allow src=10.0.0.7][act=block]",
		"CEF:0|V|P|1|100|n|5|msg=a\\=b src=192.0.2.66 dst=10.0.0.8 src=10.0.0.7":          head + "[name=n][severity=5][msg=a=b src=192.0.2.66 dst=10.0.0.8][src=10.0.0.7]",
		"CEF:0|V|P|1|100|n|5|msg=a src=10.0.0.7 dst=10.0.0.8 src=10.0.0.7":                head + "[name=n][severity=5][msg=a][src=10.0.0.7][dst=10.0.0.8][src=10.0.0.7]",
		"CEF:0|V|P|1|100|n|5|spt=1 src=10.0.0.7 dst=10.0.0.8 src=10.0.0.9":                head + "[name=n][severity=5][spt=1][src=10.0.0.7][dst=10.0.0.8][src=10.0.0.9]",
		"CEF:0|V|P|1|100|n|5|lead msg=a src=192.0.2.66 dst=10.0.0.8 src=10.0.0.7":         head + "[name=n][severity=5][message=lead][msg=a src=192.0.2.66 dst=10.0.0.8][src=10.0.0.7]",
		"CEF:0|V|P|1|100|scan | of hosts|5|src=10.0.0.7":                                  head + "[name=scan | of hosts][severity=5][src=10.0.0.7]",
		"CEF:0|V|P|1|100|a|b|c| Very-High |src=10.0.0.7 msg=x|5|y":                        head + "[name=a|b|c][severity=Very-High][src=10.0.0.7][msg=x|5|y]",
		"CEF:0|V|P|1|100|n|5|src=10.0.0.7 msg=a|5|b":                                      head + "[name=n][severity=5][src=10.0.0.7][msg=a|5|b]",
	} {
		fs, _, fault := CEF(nil, nil, []byte(text))
		if got := texts(fs); fault != "" || got != want {
			t.Errorf("%s\n%s %s\nwant %s", text, got, fault, want)
		}
	}
	for text, want := range map[string]string{
		"LEEF:1.0|V|P|1|E|^|src=1^b=2":      "[leefVersion=1.0][vendor=V][product=P][version=1][eventID=E][src=1][b=2]",
		"LEEF:1.0|V|P|1|E|src=1\tb=2|3":     "[leefVersion=1.0][vendor=V][product=P][version=1][eventID=E][src=1][b=2|3]",
		"LEEF:2.0|V|P|1|E|\\t|src=1\tb=2":   "[leefVersion=2.0][vendor=V][product=P][version=1][eventID=E][src=1][b=2]",
		"LEEF:2.0|V|P|1|E|¦|src=1¦b=2":      "[leefVersion=2.0][vendor=V][product=P][version=1][eventID=E][src=1][b=2]",
		"LEEF:2.0|V|P|1|E|0xA6|src=1¦b=2":   "[leefVersion=2.0][vendor=V][product=P][version=1][eventID=E][src=1][b=2]",
		"LEEF:2.0|V|P|1|E|x5E|src=1^b=2":    "[leefVersion=2.0][vendor=V][product=P][version=1][eventID=E][src=1][b=2]",
		"LEEF:2.0|V|P|1|E|xD800|src=1\tb=2": "[leefVersion=2.0][vendor=V][product=P][version=1][eventID=E][xD800|src=1][b=2]",
	} {
		fs, _, fault := LEEF(nil, nil, []byte(text))
		if got := texts(fs); fault != "" || got != want {
			t.Errorf("%s\n%s %s\nwant %s", text, got, fault, want)
		}
	}
}

// A zone belongs to the time, and is not the host.
func TestSyslogZones(t *testing.T) {
	for text, want := range map[string]string{
		"Oct 11 22:14:15 UTC gw1 app: x":        "[timestamp=Oct 11 22:14:15 UTC][host=gw1][app=app] x",
		"Oct 11 22:14:15.123 +02:00 gw1 app: x": "[timestamp=Oct 11 22:14:15.123 +02:00][host=gw1][app=app] x",
		"Oct 11 22:14:15 GMTX gw1: x":           "[timestamp=Oct 11 22:14:15][host=GMTX][app=gw1] x",
		"Oct 11 22:14:15 UTC":                   "[timestamp=Oct 11 22:14:15 UTC] ",
		"2024-10-11T22:14:15 EST app: x":        "[timestamp=2024-10-11T22:14:15][host=EST][app=app] x",
	} {
		fs, rest := Syslog(nil, []byte(text))
		if got := texts(fs) + " " + string(rest); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
