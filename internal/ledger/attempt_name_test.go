package ledger

import "testing"

// TestFileName: a name is read back as what it was made of, and names of other origin are not.
func TestFileName(t *testing.T) {
	const b, a = "01JY3Z5Q0000000000000000AA", "01JY3Z5Q0000000000000000BB"
	n := FileName(b, a, 12)
	if n != b+"-"+a+"-12.parquet" {
		t.Error(n)
	}
	gb, ga, gn, ok := ParseFileName(n)
	if !ok || gb != b || ga != a || gn != 12 {
		t.Error(gb, ga, gn, ok)
	}
	for _, s := range []string{"", "x.parquet", "a-b.parquet", "a--1.parquet", "-a-1.parquet", "a-b-01.parquet", "a-b--1.parquet", "a-b-1.csv"} {
		if _, _, _, ok := ParseFileName(s); ok {
			t.Errorf("%q was parsed", s)
		}
	}
}
