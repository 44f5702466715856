package glue

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/silt-etl/silt/internal/catalog"
)

// input carries all that a client can set on a table over into a request that replaces it: UpdateTable forgets what it is not
// given.
func input(t types.Table) *types.TableInput {
	in := &types.TableInput{
		Name:              t.Name,
		Description:       t.Description,
		LastAccessTime:    t.LastAccessTime,
		LastAnalyzedTime:  t.LastAnalyzedTime,
		Owner:             t.Owner,
		Parameters:        t.Parameters,
		PartitionKeys:     t.PartitionKeys,
		Retention:         t.Retention,
		StorageDescriptor: t.StorageDescriptor,
		TableType:         t.TableType,
		TargetTable:       t.TargetTable,
		ViewExpandedText:  t.ViewExpandedText,
		ViewOriginalText:  t.ViewOriginalText,
	}
	if in.PartitionKeys == nil {
		in.PartitionKeys = []types.Column{} // Athena cannot read a table without the member
	}
	return in
}

// partitionInput is the same for a partition.
func partitionInput(p types.Partition) types.PartitionInput {
	return types.PartitionInput{
		LastAccessTime:    p.LastAccessTime,
		LastAnalyzedTime:  p.LastAnalyzedTime,
		Parameters:        p.Parameters,
		StorageDescriptor: p.StorageDescriptor,
		Values:            p.Values,
	}
}

func newTableInput(t catalog.GlueTable) *types.TableInput {
	return &types.TableInput{
		Name:              aws.String(t.Name),
		Owner:             aws.String(t.Owner),
		Parameters:        t.Parameters,
		PartitionKeys:     sdkColumns(t.PartitionKeys),
		Retention:         t.Retention,
		StorageDescriptor: sdkStorage(t.StorageDescriptor),
		TableType:         aws.String(t.TableType),
	}
}

func sdkStorage(sd catalog.StorageDescriptor) *types.StorageDescriptor {
	return &types.StorageDescriptor{
		BucketColumns:   sd.BucketColumns,
		Columns:         sdkColumns(sd.Columns),
		Compressed:      sd.Compressed,
		InputFormat:     aws.String(sd.InputFormat),
		Location:        aws.String(sd.Location),
		NumberOfBuckets: sd.NumberOfBuckets,
		OutputFormat:    aws.String(sd.OutputFormat),
		Parameters:      sd.Parameters,
		SerdeInfo: &types.SerDeInfo{
			SerializationLibrary: aws.String(sd.SerdeInfo.SerializationLibrary),
			Parameters:           sd.SerdeInfo.Parameters,
		},
		SortColumns:            []types.Order{},
		StoredAsSubDirectories: sd.StoredAsSubDirectories,
	}
}

func sdkColumns(columns []catalog.GlueColumn) []types.Column {
	out := make([]types.Column, len(columns))
	for i, c := range columns {
		out[i] = types.Column{Name: aws.String(c.Name), Type: aws.String(c.Type), Parameters: c.Parameters}
		if c.Comment != "" {
			out[i].Comment = aws.String(c.Comment)
		}
	}
	return out
}

func glueColumns(columns []types.Column) []catalog.GlueColumn {
	out := make([]catalog.GlueColumn, len(columns))
	for i, c := range columns {
		out[i] = catalog.GlueColumn{
			Name: aws.ToString(c.Name), Type: aws.ToString(c.Type), Comment: aws.ToString(c.Comment), Parameters: c.Parameters,
		}
	}
	return out
}

func plain(columns []types.Column) []catalog.Column { return catalog.Plain(glueColumns(columns)) }

// grown writes merged columns over the existing ones, and keeps comments and parameters.
func grown(have []types.Column, merged []catalog.Column) []types.Column {
	return sdkColumns(catalog.Grown(glueColumns(have), merged))
}

func columnsOf(sd *types.StorageDescriptor) []types.Column {
	if sd == nil {
		return nil
	}
	return sd.Columns
}

// show is a table for people and for checks. What the shape has no member for is left out.
func show(t types.Table) catalog.GlueTable {
	return catalog.GlueTable{
		Name:              aws.ToString(t.Name),
		DatabaseName:      aws.ToString(t.DatabaseName),
		Description:       aws.ToString(t.Description),
		Owner:             aws.ToString(t.Owner),
		CreateTime:        moment(t.CreateTime),
		UpdateTime:        moment(t.UpdateTime),
		Retention:         t.Retention,
		StorageDescriptor: showStorage(t.StorageDescriptor),
		PartitionKeys:     glueColumns(t.PartitionKeys),
		TableType:         aws.ToString(t.TableType),
		Parameters:        t.Parameters,
		CreatedBy:         aws.ToString(t.CreatedBy),
		VersionId:         aws.ToString(t.VersionId),
	}
}

func showPartition(p types.Partition) catalog.GluePartition {
	return catalog.GluePartition{
		Values:            p.Values,
		DatabaseName:      aws.ToString(p.DatabaseName),
		TableName:         aws.ToString(p.TableName),
		CreationTime:      moment(p.CreationTime),
		StorageDescriptor: showStorage(p.StorageDescriptor),
		Parameters:        p.Parameters,
	}
}

func showStorage(sd *types.StorageDescriptor) catalog.StorageDescriptor {
	if sd == nil {
		return catalog.StorageDescriptor{}
	}
	out := catalog.StorageDescriptor{
		Columns:                glueColumns(sd.Columns),
		Location:               aws.ToString(sd.Location),
		InputFormat:            aws.ToString(sd.InputFormat),
		OutputFormat:           aws.ToString(sd.OutputFormat),
		Compressed:             sd.Compressed,
		NumberOfBuckets:        sd.NumberOfBuckets,
		BucketColumns:          sd.BucketColumns,
		SortColumns:            make([]string, len(sd.SortColumns)),
		Parameters:             sd.Parameters,
		StoredAsSubDirectories: sd.StoredAsSubDirectories,
	}
	for i, o := range sd.SortColumns {
		out.SortColumns[i] = aws.ToString(o.Column)
	}
	if sd.SerdeInfo != nil {
		out.SerdeInfo = catalog.SerdeInfo{
			SerializationLibrary: aws.ToString(sd.SerdeInfo.SerializationLibrary),
			Parameters:           sd.SerdeInfo.Parameters,
		}
	}
	return out
}

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
