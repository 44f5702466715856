package catalog

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// GlueTable is a table in the shape of the Glue API's Table, field names included: what `aws glue get-table` prints, and what
// the local catalog writes.
type GlueTable struct {
	Name              string
	DatabaseName      string
	Description       string `json:",omitempty"`
	Owner             string
	CreateTime        time.Time
	UpdateTime        time.Time
	Retention         int32
	StorageDescriptor StorageDescriptor
	PartitionKeys     []GlueColumn
	TableType         string
	Parameters        map[string]string
	CreatedBy         string `json:",omitempty"`
	VersionId         string
}

// GluePartition is a partition in the shape of the Glue API's Partition.
type GluePartition struct {
	Values            []string
	DatabaseName      string
	TableName         string
	CreationTime      time.Time
	StorageDescriptor StorageDescriptor
	Parameters        map[string]string
}

// StorageDescriptor is where and how a table or partition is stored.
type StorageDescriptor struct {
	Columns                []GlueColumn
	Location               string
	InputFormat            string
	OutputFormat           string
	Compressed             bool
	NumberOfBuckets        int32
	SerdeInfo              SerdeInfo
	BucketColumns          []string
	SortColumns            []string
	Parameters             map[string]string
	StoredAsSubDirectories bool
}

// SerdeInfo names what reads the files.
type SerdeInfo struct {
	SerializationLibrary string
	Parameters           map[string]string
}

// GlueColumn is a column with what people may have added to it.
type GlueColumn struct {
	Name       string
	Type       string
	Comment    string            `json:",omitempty"`
	Parameters map[string]string `json:",omitempty"`
}

const (
	parquetInput  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
	parquetOutput = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
	parquetSerde  = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"

	// PendingParameter is a table parameter of ours. It is set in the same write that grows a table and removed when every
	// partition has the new columns, so that whoever comes after a crash between the two knows to finish. Its value names the
	// growth.
	PendingParameter = "silt.partitions_pending"
)

// ParquetFormat has the formats and the SerDe of Parquet files.
func ParquetFormat() StorageDescriptor {
	return StorageDescriptor{InputFormat: parquetInput, OutputFormat: parquetOutput,
		SerdeInfo: SerdeInfo{SerializationLibrary: parquetSerde, Parameters: map[string]string{"serialization.format": "1"}}}
}

// NewGlueTable is a table as Security Lake's crawler makes it, without statistics, which no crawler has gathered yet.
// Times and VersionId are left to the catalog.
func NewGlueTable(database string, t Table) GlueTable {
	parameters := map[string]string{
		"classification":                   "parquet",
		"compressionType":                  "none",
		"typeOfData":                       "file",
		"sizeKey":                          "0",
		"objectCount":                      "0",
		"recordCount":                      "0",
		"averageRecordSize":                "0",
		"UPDATED_BY_CRAWLER":               crawlerName(t.Location),
		"CrawlerSchemaSerializerVersion":   "1.0",
		"CrawlerSchemaDeserializerVersion": "1.0",
		"partition_filtering.enabled":      "true",
	}
	keys := make([]GlueColumn, 0, 3)
	for _, name := range PartitionKeys() {
		keys = append(keys, GlueColumn{Name: name, Type: "string"})
	}
	return GlueTable{
		Name:         t.Name,
		DatabaseName: database,
		Owner:        "owner",
		StorageDescriptor: StorageDescriptor{
			Columns:         Grown(nil, t.Columns),
			Location:        t.Location,
			InputFormat:     parquetInput,
			OutputFormat:    parquetOutput,
			NumberOfBuckets: -1,
			SerdeInfo:       SerdeInfo{SerializationLibrary: parquetSerde, Parameters: map[string]string{"serialization.format": "1"}},
			BucketColumns:   []string{},
			SortColumns:     []string{},
			Parameters:      maps.Clone(parameters),
		},
		PartitionKeys: keys,
		TableType:     "EXTERNAL_TABLE",
		Parameters:    parameters,
	}
}

// NewGluePartition is a partition of t with its columns, formats and SerDe (Glue's InheritFromTable). Statistics are not
// inherited: those of a table say nothing of one partition.
func NewGluePartition(t GlueTable, p Partition) GluePartition {
	sd := t.StorageDescriptor
	sd.Location = p.Location
	sd.Columns = slices.Clone(sd.Columns)
	sd.Parameters = WithoutStatistics(sd.Parameters)
	return GluePartition{
		Values:            p.Values[:],
		DatabaseName:      t.DatabaseName,
		TableName:         t.Name,
		StorageDescriptor: sd,
		Parameters:        WithoutStatistics(t.Parameters),
	}
}

// Table is what Silt needs of it.
func (t GlueTable) Table() Table {
	return Table{Name: t.Name, Location: t.StorageDescriptor.Location, Columns: Plain(t.StorageDescriptor.Columns)}
}

// Plain leaves out what people may have added to columns.
func Plain(columns []GlueColumn) []Column {
	out := make([]Column, len(columns))
	for i, c := range columns {
		out[i] = Column{Name: c.Name, Type: c.Type}
	}
	return out
}

// Grown writes merged, which Merge made of have, back over have: comments and parameters of existing columns stay.
func Grown(have []GlueColumn, merged []Column) []GlueColumn {
	out := make([]GlueColumn, len(merged))
	for i, c := range merged {
		if i < len(have) {
			out[i] = have[i]
		}
		out[i].Name, out[i].Type = c.Name, c.Type
	}
	return out
}

// WithoutStatistics copies a table's parameters without what counts its data and without PendingParameter.
func WithoutStatistics(parameters map[string]string) map[string]string {
	out := make(map[string]string, len(parameters))
	for k, v := range parameters {
		switch k {
		case "sizeKey", "objectCount", "recordCount", "averageRecordSize", "numRows", "rawDataSize", "totalSize", "numFiles", PendingParameter:
		default:
			out[k] = v
		}
	}
	return out
}

// crawlerName is the source's name, after which Security Lake's crawler is named, read from the location `.../ext/<source>/...`.
func crawlerName(location string) string {
	parts := strings.Split(strings.Trim(location, "/"), "/")
	for i, part := range parts[:len(parts)-1] {
		if part == "ext" {
			return parts[i+1]
		}
	}
	return parts[len(parts)-1]
}
