package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/silt-etl/silt/internal/quarantine"
)

// TestRowJSON: bytes that are not UTF-8 are kept.
func TestRowJSON(t *testing.T) {
	for _, raw := range []string{`{"a":"<é>"}`, "\xff\x00\n", ""} {
		var out bytes.Buffer
		if err := writeRowJSON(&out, &quarantine.Row{Job: "j", Object: "o", Record: 1, Reason: "R", Raw: []byte(raw)}, ""); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Object string
			Raw    *string `json:"raw"`
			Base64 []byte  `json:"raw_base64"`
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		text := string(got.Base64)
		if got.Raw != nil {
			text += *got.Raw
		}
		if text != raw || got.Object != "o" || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
			t.Errorf("%q gives %s", raw, out.Bytes())
		}
	}
}
