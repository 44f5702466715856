package decode

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestColumnsNamedByComments: the columns after a comment that names them follow its order, and so does a record that
// quarantine kept with this comment. A comment with other names than those of raw.sql changes nothing.
func TestColumnsNamedByComments(t *testing.T) {
	spec := &Spec{Format: Format{Name: FormatCSV, Delimiter: '\t', Header: HeaderNo, Comment: "#", Columns: []string{"ts", "src", "dst"}}}
	for _, name := range spec.Format.Columns {
		spec.Leaves = append(spec.Leaves, Leaf{Path: []string{name}, Kind: Text})
	}
	read := func(r *Records) string {
		var all []string
		for _, v := range r.Values() {
			all = append(all, string(v.Text))
		}
		return strings.Join(all, " ")
	}
	r := NewRecords(spec, NewKeys(), Options{})
	var got, kept []string
	for _, object := range []string{
		"#separator \\x09\n#fields\tts\tuid\tsrc\tdst\n1\tU\ta\tb\n#Fields: dst src ts\nd\tc\t2\n#fields\tx\ty\tz\nf\te\t3\n",
		"4\tg\th\n",
	} {
		r.Open(strings.NewReader(object))
		for {
			_, raw, rej, err := r.Next()
			if err != nil {
				break
			}
			if rej != nil {
				t.Fatal(rej)
			}
			got = append(got, read(r))
			again := NewRecords(spec, NewKeys(), Options{})
			if rej := again.framer.kept(raw, r.Context()); rej != nil {
				t.Fatal(rej)
			}
			kept = append(kept, read(again))
		}
	}
	want := []string{"1 a b", "2 c d", "3 e f", "4 g h"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("kept records (-want +got):\n%s", diff)
	}
}
