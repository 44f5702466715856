package decode

import (
	"encoding/json"
	"testing"
)

// What Fits says of a value is what the Scanner does with it.
func TestFitsAsTheScannerDoes(t *testing.T) {
	values := []string{`1`, `-0`, `"007"`, `"443"`, `2147483648`, `-2147483648`, `9223372036854775808`, `1.0`, `1e3`, `"1e400"`, `true`, `"true"`,
		`"True"`, `""`, `"x"`, `[1]`, `{"a":1}`, `"2025-06-01T00:00:00Z"`, `"2025-06-01 00:00:00.123+0200"`, `"2025-06-01"`, `20250601`, `"\u0031"`}
	for k := Text; k <= JSON; k++ {
		yes := 0
		for _, v := range values {
			if v[0] == '{' && k != JSON {
				continue // a leaf that is not JSON does not see an object: its values are other fields
			}
			spec := Spec{Leaves: []Leaf{{Path: []string{"v"}, Kind: k}}}
			s := NewScanner(&spec, NewKeys())
			if _, rej := s.scan([]byte(`{"v":`+v+`}`), true); rej != nil {
				t.Fatalf("%s: %v", v, rej)
			}
			text, quoted := []byte(v), v[0] == '"'
			if quoted {
				var plain string
				if err := json.Unmarshal(text, &plain); err != nil {
					t.Fatal(err)
				}
				text = []byte(plain)
			}
			if got, want := Fits(k, text, quoted), s.values[0].Set; got != want {
				t.Errorf("kind %d, %s: Fits says %v, the Scanner %v", k, v, got, want)
			}
			if s.values[0].Set {
				yes++
			}
		}
		if yes == 0 {
			t.Errorf("kind %d takes none of the values", k)
		}
	}
}
