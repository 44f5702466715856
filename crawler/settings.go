package crawler

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
)

// conventions are the parameters of tables and partitions that say what the files are. Readers and crawlers decide by them.
func conventions() [][2]string {
	return [][2]string{{"classification", "parquet"}, {"compressionType", "none"}}
}

// settingsOf says what of a table's settings does not fit files of Parquet.
func settingsOf(sd catalog.StorageDescriptor, parameters map[string]string) (out []string) {
	for _, c := range conventions() {
		if have := parameters[c[0]]; have != c[1] {
			out = append(out, fmt.Sprintf("%s: %q -> %q", c[0], have, c[1]))
		}
	}
	if _, marked := parameters[DeprecatedParameter]; marked {
		out = append(out, "marked with "+DeprecatedParameter)
	}
	if f := catalog.ParquetFormat(); !isParquet(sd) {
		out = append(out, fmt.Sprintf("format: %s, %s -> %s, %s", short(sd.InputFormat), short(sd.SerdeInfo.SerializationLibrary), short(f.InputFormat), short(f.SerdeInfo.SerializationLibrary)))
	}
	return out
}

// isParquet says whether a storage reads Parquet. Every SerDe with Parquet in its name does.
func isParquet(sd catalog.StorageDescriptor) bool {
	return strings.Contains(sd.InputFormat, "Parquet") && strings.Contains(sd.SerdeInfo.SerializationLibrary, "Parquet")
}

func short(class string) string { return class[strings.LastIndexByte(class, '.')+1:] }

// repairSettings writes what settingsOf has found.
func repairSettings(sd *catalog.StorageDescriptor, parameters *map[string]string) {
	for _, m := range []*map[string]string{parameters, &sd.Parameters} {
		if *m == nil {
			*m = map[string]string{}
		}
		delete(*m, DeprecatedParameter)
		for _, c := range conventions() {
			(*m)[c[0]] = c[1]
		}
	}
	if !isParquet(*sd) {
		f := catalog.ParquetFormat()
		sd.InputFormat, sd.OutputFormat, sd.Compressed, sd.SerdeInfo = f.InputFormat, f.OutputFormat, f.Compressed, f.SerdeInfo
	}
}

// partitionSettings says what of a partition's settings is not inherited from its table, which is itself as repairSettings leaves it.
func partitionSettings(p catalog.GluePartition, t catalog.GlueTable) (out []string) {
	for _, c := range conventions() {
		if have := p.Parameters[c[0]]; have != c[1] {
			out = append(out, fmt.Sprintf("%s: %q -> %q", c[0], have, c[1]))
		}
	}
	t = t.Clone()
	repairSettings(&t.StorageDescriptor, &t.Parameters)
	have, want := p.StorageDescriptor, t.StorageDescriptor
	if have.InputFormat != want.InputFormat || have.SerdeInfo.SerializationLibrary != want.SerdeInfo.SerializationLibrary {
		out = append(out, fmt.Sprintf("format: %s, %s -> %s, %s", short(have.InputFormat), short(have.SerdeInfo.SerializationLibrary), short(want.InputFormat), short(want.SerdeInfo.SerializationLibrary)))
	}
	return out
}

// inherit gives a partition the columns and settings of its table.
func inherit(p *catalog.GluePartition, t catalog.GlueTable) {
	repairSettings(&p.StorageDescriptor, &p.Parameters)
	sd := &p.StorageDescriptor
	if !catalog.SameColumns(catalog.Plain(sd.Columns), catalog.Plain(t.StorageDescriptor.Columns)) {
		sd.Columns = t.StorageDescriptor.Columns
	}
	if want := t.StorageDescriptor; sd.InputFormat != want.InputFormat || sd.SerdeInfo.SerializationLibrary != want.SerdeInfo.SerializationLibrary {
		sd.InputFormat, sd.OutputFormat, sd.Compressed, sd.SerdeInfo = want.InputFormat, want.OutputFormat, want.Compressed, want.SerdeInfo
	}
}
