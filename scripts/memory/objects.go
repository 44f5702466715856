package main

import (
	"errors"
	"io"
)

// objectCases are objects that ask for memory themselves, at several limits.
func objectCases(n func(int) int) (out []testCase) {
	for _, m := range []struct {
		text  string
		limit int64
	}{{"256MiB", 256}, {"512MiB", 512}, {"1GiB", 1024}} {
		out = append(out,
			testCase{name: "a document of 300 MB with its records in an array", memory: m.text, limit: m.limit, raw: "-- records: Records\n" + rawSQL, objects: func(put func(string, func(io.Writer) error) error) (counts, error) {
				records := n(5_000_000)
				return counts{published: int64(records)}, put("document", around(`{"Records":[`, repeat("{"+stamp+`,"id":"r%d"},`, records), `]}`))
			}},
			testCase{name: "4 objects with zstd windows of 128 MiB", memory: m.text, limit: m.limit, window: 128 << 20, objects: func(put func(string, func(io.Writer) error) error) (c counts, err error) {
				for _, name := range []string{"a", "b", "c", "d"} {
					err = errors.Join(err, put(name, repeat("{"+stamp+`,"id":"r%d"}`+"\n", 3_000_000)))
					c.published += 3_000_000
				}
				if m.limit < 512 {
					c = counts{objects: 4}
				}
				return c, err
			}})
	}
	return out
}

// around writes a head and a tail around what write does.
func around(head string, write func(io.Writer) error, tail string) func(io.Writer) error {
	return func(w io.Writer) error {
		if _, err := io.WriteString(w, head); err != nil {
			return err
		}
		if err := write(w); err != nil {
			return err
		}
		_, err := io.WriteString(w, tail)
		return err
	}
}
