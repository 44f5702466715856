package infer

import (
	"strings"
	"testing"
)

// TestShippedMapping: records of a source whose mapping etl ships are known by their first lines.
func TestShippedMapping(t *testing.T) {
	for want, text := range map[string]string{
		"paloalto":  "1,2026/03/01 10:00:00,0070,SYSTEM,general,2561,2026/03/01 10:00:00,,general\n<14>Mar  1 10:00:01 fw 1,2026/03/01 10:00:01,0070,TRAFFIC,end,2561,x\n",
		"aws-alb":   `h2 2026-03-01T10:00:00.186641Z app/front/50dc 198.51.100.7:2817 192.0.2.1:80 0 0 0 200 200 34 366 "GET https://www.example.com:443/ HTTP/2.0" "curl/8.0"`,
		"fortinet":  `date=2026-03-01 time=10:00:00 devid="FG1" logid="0000000013" type="traffic" srcip=192.0.2.1`,
		"cef":       "CEF:0|Acme|Fence|1|100|deny|5|src=192.0.2.7\n",
		"guardduty": `{"schemaVersion":"2.0","accountId":"111122223333","service":{"serviceName":"guardduty"}}`,
		"":          `{"time":"2026-03-01T10:00:00Z","user":"ada"}`,
	} {
		res, err := Infer([]Sample{{Name: "a.log", Body: strings.NewReader(text)}}, Options{Name: "a"})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if res.Shipped != want {
			t.Errorf("%q: %q, want %q", text, res.Shipped, want)
		}
	}
}
