package decode

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

type framedList [][]byte

func (f *framedList) Next() (int64, []byte, []byte, error) {
	if len(*f) == 0 {
		return 0, nil, nil, io.EOF
	}
	b := (*f)[0]
	*f = (*f)[1:]
	return int64(100 - len(*f)), b, nil, nil
}

// TestFramed: what was one record stays one, with its number, whatever framing would make of its bytes.
func TestFramed(t *testing.T) {
	d := NewRecords(&Spec{Leaves: []Leaf{{Path: []string{"a"}, Kind: Int64}}}, NewKeys(), Options{MaxRecordBytes: 30})
	d.Open(strings.NewReader("{\"a\":1}\n"))
	if _, _, rej, err := d.Next(); rej != nil || err != nil {
		t.Fatal(rej, err)
	}
	list := framedList{[]byte("{\n\"a\":\n5}"), []byte(`{"a":1}{"a":2}`), []byte("{\"a\":1}\n{broken"), []byte("[{\"a\":1}]"), []byte("{\"a\":\"\xff\"}"),
		[]byte(`{"a":1,"b":"` + strings.Repeat("x", 30) + `"}`), []byte(`{"a":7}`)}
	want := []string{"94 a=5", "95 " + ReasonJSON, "96 " + ReasonJSON, "97 " + ReasonJSON, "98 " + ReasonUTF8, "99 " + ReasonTooLong, "100 a=7"}
	raws := append(framedList(nil), list...)
	d.OpenFramed(&list)
	for i, w := range want {
		n, raw, rej, err := d.Next()
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(n, " a=", d.Values()[0].Int)
		if rej != nil {
			got = fmt.Sprint(n, " ", rej.Code)
		}
		if got != w || string(raw) != string(raws[i]) {
			t.Errorf("record %q: %s, want %s", raws[i], got, w)
		}
	}
	if _, _, _, err := d.Next(); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
	d.Open(strings.NewReader(`{"a":3}`))
	n, _, rej, err := d.Next()
	if rej != nil || err != nil {
		t.Fatal("an object after framed records is not read:", rej, err)
	}
	if a := d.Values()[0].Int; n != 1 || a != 3 {
		t.Errorf("record %d has a=%d, want record 1 with a=3", n, a)
	}
}
