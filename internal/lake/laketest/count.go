// Package laketest reads the files of a lake in tests, with arrow-go's reader and not with the code that wrote them.
package laketest

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// Count counts the rows of the Parquet files below a folder, by the values of a text column (example: connection_info.uid). A folder
// that does not exist has none. Rows without a value are not counted.
func Count(tb testing.TB, dir, column string) map[string]int {
	tb.Helper()
	got := map[string]int{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		return countFile(path, column, got)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

func countFile(path, column string, got map[string]int) error {
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	index := f.MetaData().Schema.ColumnIndexByName(column)
	values, levels := make([]parquet.ByteArray, 1000), make([]int16, 1000)
	for g := range f.NumRowGroups() {
		reader, err := f.RowGroup(g).Column(index)
		if err != nil {
			return err
		}
		ids := reader.(*file.ByteArrayColumnChunkReader)
		for ids.HasNext() {
			_, n, err := ids.ReadBatch(1000, values, levels, nil)
			if err != nil {
				return err
			}
			for _, v := range values[:n] {
				got[string(v)]++
			}
		}
	}
	return nil
}
