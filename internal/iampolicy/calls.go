package iampolicy

// part is a place that a job reaches, as one identity.
type part string

const (
	staging part = "staging"
	lookups part = "lookups"
	state   part = "state"
	inLake  part = "lake"
	deleted part = "deleting" // the lake, to delete in it
	tables  part = "catalog"
	read    part = "reading" // the lake and its tables, to query them
	crawled part = "crawler"
)

// level is what of a part an action is about.
type level int

const (
	onBucket level = iota
	onObjects
	onHeld // copies below .silt/held/, with lake.hold: copy
	onCatalog
	onTables // all tables of the database, which a list of tables needs
	onLogs
	onAll
)

// Call is a request of etl, or of AWS's crawler, and the actions that it needs.
type Call struct {
	Part    part
	Name    string // Service.Operation
	Actions []string
	Level   level
	For     string
	// Unseen says why no test records the call. "": a test does.
	Unseen string
}

const (
	onlyKMS     = "S3 sends it"
	onlyRestore = "needs archived objects"
	onlyCopies  = "lake.hold: copy"
	onlyAWS     = "AWS sends it"
)

// Calls is the one table of requests and actions. Which action a request needs is in
// docs.aws.amazon.com/AmazonS3/latest/API (each request's page) and docs.aws.amazon.com/service-authorization/latest/reference.
// An action without a request is not in a policy, and a test compares the requests of real runs with the table.
func Calls() []Call {
	var out []Call
	add := func(p part, name, action string, l level, why, unseen string) {
		out = append(out, Call{p, name, []string{action}, l, why, unseen})
	}
	add(staging, "s3.ListObjectsV2", "s3:ListBucket", onBucket, "find new objects, and tell missing ones from denied ones", "")
	add(staging, "s3.GetObject", "s3:GetObject", onObjects, "read objects", "")
	add(staging, "s3.RestoreObject", "s3:RestoreObject", onObjects, "etl backfill --restore", onlyRestore)
	add(lookups, "s3.ListObjectsV2", "s3:ListBucket", onBucket, "tell a missing file from a denied one", "needs a job with lookups on S3")
	add(lookups, "s3.GetObject", "s3:GetObject", onObjects, "read files of lookups", "needs a job with lookups on S3")

	add(state, "s3.ListObjectsV2", "s3:ListBucket", onBucket, "read the ledger", "")
	add(state, "s3.HeadBucket", "s3:ListBucket", onBucket, "the store's clock", "")
	add(state, "s3.GetObject", "s3:GetObject", onObjects, "read the ledger, manifests, quarantine", "")
	add(state, "s3.HeadObject", "s3:GetObject", onObjects, "whether an object exists", "")
	for _, name := range []string{"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
		add(state, "s3."+name, "s3:PutObject", onObjects, "write the ledger, manifests, quarantine; etl doctor", "")
	}
	add(state, "s3.AbortMultipartUpload", "s3:AbortMultipartUpload", onObjects, "etl doctor", "")
	add(state, "s3.DeleteObject", "s3:DeleteObject", onObjects, "leases, etl retention, etl doctor", "")

	for _, p := range []part{inLake, deleted, read} {
		add(p, "s3.ListObjectsV2", "s3:ListBucket", onBucket, map[part]string{inLake: "look for files that the ledger does not know", deleted: "find files to delete", read: "find files of a partition"}[p], "")
	}
	add(inLake, "s3.ListMultipartUploads", "s3:ListBucketMultipartUploads", onBucket, "find held files, without a delete role", "")
	add(inLake, "s3.GetObject", "s3:GetObject", onObjects, "read footers of files that the ledger does not know", "needs such a file")
	add(inLake, "s3.HeadObject", "s3:GetObject", onObjects, "whether a lost answer has published a file", "needs a lost answer")
	for _, name := range []string{"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
		add(inLake, "s3."+name, "s3:PutObject", onObjects, "hold and publish files", "")
	}
	add(inLake, "s3.AbortMultipartUpload", "s3:AbortMultipartUpload", onObjects, "drop held files. Security Lake's boundary denies it", "")
	add(inLake, "s3.PutObject", "s3:PutObject", onHeld, "hold files as copies", onlyCopies)
	add(inLake, "s3.CopyObject", "s3:GetObject", onHeld, "publish held copies", onlyCopies)
	add(inLake, "s3.DeleteObject", "s3:DeleteObject", onHeld, "drop held copies", onlyCopies)

	add(deleted, "s3.ListMultipartUploads", "s3:ListBucketMultipartUploads", onBucket, "find held files", "")
	add(deleted, "s3.HeadObject", "s3:GetObject", onObjects, "whether a file is the one of the ledger", "needs a file of another size")
	add(deleted, "s3.DeleteObject", "s3:DeleteObject", onObjects, "delete files", "")
	add(deleted, "s3.AbortMultipartUpload", "s3:AbortMultipartUpload", onObjects, "drop held files", "")
	add(read, "s3.GetObject", "s3:GetObject", onObjects, "read files", "")

	add(tables, "glue.GetTable", "glue:GetTable", onCatalog, "read a table", "")
	add(tables, "glue.GetDatabase", "glue:GetDatabase", onCatalog, "tell a missing database from a missing table", "")
	add(tables, "glue.GetTables", "glue:GetTables", onTables, "etl doctor", "")
	add(tables, "glue.CreateTable", "glue:CreateTable", onCatalog, "create a table", "")
	add(tables, "glue.UpdateTable", "glue:UpdateTable", onCatalog, "add columns to a table", "needs a mapping that has grown")
	add(tables, "glue.GetPartitions", "glue:GetPartitions", onCatalog, "find partitions of a table that has grown", "")
	add(tables, "glue.BatchGetPartition", "glue:BatchGetPartition", onCatalog, "compare partitions", "")
	add(tables, "glue.BatchCreatePartition", "glue:BatchCreatePartition", onCatalog, "add partitions", "")
	add(tables, "glue.BatchUpdatePartition", "glue:BatchUpdatePartition", onCatalog, "give partitions new columns", "needs a mapping that has grown")
	add(tables, "glue.BatchDeletePartition", "glue:BatchDeletePartition", onCatalog, "etl crawl --gone delete", "needs partitions without files")
	add(read, "glue.GetTables", "glue:GetTables", onTables, "find the table of a query", "")
	for _, name := range []string{"GetTable", "GetPartitions"} {
		add(read, "glue."+name, "glue:"+name, onCatalog, "columns and partitions of a table", "")
	}
	add(read, "glue.GetDatabase", "glue:GetDatabase", onCatalog, "Athena, and an error about a database", onlyAWS)
	add(read, "lakeformation.GetDataAccess", "lakeformation:GetDataAccess", onAll, "Athena", onlyAWS)

	add(crawled, "glue.GetTables", "glue:GetTables", onTables, "the crawler's tables", onlyAWS)
	for _, c := range []string{"GetDatabase", "GetTable", "CreateTable", "UpdateTable", "GetPartition", "GetPartitions", "CreatePartition", "UpdatePartition",
		"BatchGetPartition", "BatchCreatePartition", "BatchUpdatePartition"} {
		add(crawled, "glue."+c, "glue:"+c, onCatalog, "the crawler's table", onlyAWS)
	}
	add(crawled, "s3.ListObjectsV2", "s3:ListBucket", onBucket, "find files", onlyAWS)
	add(crawled, "s3.GetObject", "s3:GetObject", onObjects, "read files", onlyAWS)
	add(crawled, "lakeformation.GetDataAccess", "lakeformation:GetDataAccess", onAll, "read files", onlyAWS)
	for _, c := range []string{"CreateLogGroup", "CreateLogStream", "PutLogEvents"} {
		add(crawled, "logs."+c, "logs:"+c, onLogs, "the crawler's log", onlyAWS)
	}
	return out
}
