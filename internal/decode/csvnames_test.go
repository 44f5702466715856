package decode

import (
	"fmt"
	"io"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestColumnsNamedByComments: the columns after a comment that names them follow its order, and so does a record that
// quarantine kept with this comment. After a comment with other names, records are rejected. At the beginning of an object, these can be a
// mapping's own names for the same columns.
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
		"#fields\tx\ty\tz\n5\ti\tj\n#fields\ty\tx\tz\n6\tk\tl\n",
		"#fields\tx\ty\tz\tw\n7\tm\tn\n",
		"#fields\tx\tts\ty\n_\t8\to\n",
	} {
		r.Open(strings.NewReader(object))
		for {
			_, raw, rej, err := r.Next()
			if err != nil {
				break
			}
			again := NewRecords(spec, NewKeys(), Options{})
			rejected := again.framer.kept(raw, r.Context())
			if rej != nil || rejected != nil {
				got, kept = append(got, rej.Error()), append(kept, rejected.Error())
				continue
			}
			got = append(got, read(r))
			kept = append(kept, read(again))
		}
	}
	changed := "CSV_COLUMNS: a #fields line within the object names other columns than the one before it, and most of them are not columns of raw.sql. New columns: "
	want := []string{"1 a b", "2 c d", changed + "x, y, z", "4 g h", "5 i j", changed + "y, x, z",
		"CSV_COLUMNS: the #fields line names 4 columns, and raw.sql has 3, of which 0 have the same name. New columns: x, y, z, w. " +
			"Try: name the columns in raw.sql, or in a `-- columns:` line, as the #fields line does", "8  "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("kept records (-want +got):\n%s", diff)
	}
}

// Whatever a header or a #fields line names, in whatever order, between objects and within one: a value is in the column of its name, in the
// rest under its name, or its record or object is refused.
func TestValuesStayInTheirColumns(t *testing.T) {
	seed := newRand()
	columns := []string{"ts", "src", "dst", "verb", "size"}
	shapes := map[string]int{}
	for round := range 2000 {
		r := rand.New(rand.NewSource(seed.Int63()))
		comment, delimiter := r.Intn(2) == 0, []string{",", "\t"}[r.Intn(2)]
		declared := columns[:2+r.Intn(4)]
		spec := &Spec{Format: Format{Name: FormatCSV, Delimiter: delimiter[0], Quote: '"', Columns: declared, Header: HeaderAuto}}
		if comment {
			spec.Format.Comment, spec.Format.Header = "#", HeaderNo
		} else if r.Intn(3) == 0 {
			spec.Format.Header = HeaderYes
		}
		for _, c := range declared {
			l := Leaf{Path: []string{c}, Kind: Text}
			if c == "ts" {
				l.Kind = []Kind{Timestamp, Text}[r.Intn(2)]
			}
			spec.Leaves = append(spec.Leaves, l)
		}
		keys := NewKeys()
		d, e := NewRecords(spec, keys, Options{}), NewExpander(keys)
		names, own := slices.Clone(columns), false
		for range 2 { // objects
			var object strings.Builder
			for range 1 + r.Intn(3) { // headers in the object
				switch r.Intn(5) {
				case 0:
					r.Shuffle(len(names), func(i, k int) { names[i], names[k] = names[k], names[i] })
				case 1:
					names = slices.Insert(names, r.Intn(len(names)+1), fmt.Sprintf("new-%d", r.Int63()))
				case 2:
					if len(names) > 2 {
						i := r.Intn(len(names))
						names = slices.Delete(names, i, i+1)
					}
				case 3:
					i := r.Intn(len(names))
					names[i] = fmt.Sprintf("%s_v%d", names[i], r.Intn(1000))
				}
				none := !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(declared, n) })
				if none && (comment && len(names) == len(declared) || spec.Format.Header == HeaderAuto && spec.Leaves[0].Kind == Text) {
					own = true // such names can be a mapping's own, and such a line can be a record
				}
				if comment {
					object.WriteString("#fields" + delimiter)
				}
				object.WriteString(strings.Join(names, delimiter) + "\n")
				for row := range 2 {
					var values []string
					for _, n := range names {
						values = append(values, map[bool]string{true: "2024-10-11T22:14:15Z", false: fmt.Sprintf("%s:%d", n, row)}[n == "ts"])
					}
					object.WriteString(strings.Join(values, delimiter) + "\n")
				}
			}
			if own {
				break
			}
			shape := fmt.Sprintf("comment %v: published", comment)
			d.Open(strings.NewReader(object.String()))
			for {
				_, _, rej, err := d.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					shapes[fmt.Sprintf("comment %v: object refused", comment)]++
					break
				}
				if rej != nil {
					shapes[fmt.Sprintf("comment %v: record refused", comment)]++
					continue
				}
				entries, err := e.Expand(d.Rest(), nil)
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range d.Values() {
					entries = append(entries, Entry{Key: declared[i], Value: v.Text})
				}
				for _, x := range entries {
					v := string(x.Value)
					if v != "" && !strings.HasPrefix(v, x.Key+":") && (v != "2024-10-11T22:14:15Z" || x.Key != "ts") {
						t.Fatalf("round %d: %s is %q\n%s", round, x.Key, v, object.String())
					}
				}
				shapes[shape]++
			}
		}
	}
	for shape, least := range map[string]int{"comment false: published": 1000, "comment true: published": 1000, "comment false: object refused": 5, "comment true: record refused": 20} {
		if shapes[shape] < least {
			t.Errorf("%s: %d", shape, shapes[shape])
		}
	}
}
