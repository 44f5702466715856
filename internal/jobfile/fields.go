package jobfile

import (
	"github.com/silt-etl/silt/internal/decode"
)

// field ties one key of the job file to its place in a Spec. It drives reading, the JSON Schema and docs/jobs.md.
type field struct {
	path     string // dotted
	ptr      any    // *string, *[]string, *time.Duration, *int64 (bytes), *int, *float64, *bool
	required bool
	enum     []string
	doc      string // what the key is for; a default that Default does not hold is named in it
}

// formats that source.format may name.
func formats() (names []string) {
	for _, f := range decode.Formats() {
		names = append(names, string(f))
	}
	return names
}

// anyClass stands for the name of an event class in the path of a key.
const anyClass = "<class>"

func (s *Spec) fields(catalogTypes []string) []field {
	class := s.Lake.Classes[anyClass]
	if class == nil {
		class = &Class{} // the keys are read into a Class for each name
	}
	return []field{
		{path: "name", ptr: &s.Name, required: true, doc: "Name of the job: 1 to 64 of a-z, 0-9, dash and underscore. The ledger is stored under this name."},
		{path: "source.staging", ptr: &s.Source.Staging, required: true, doc: "Where the raw logs are: s3://bucket/prefix/ or a folder."},
		{path: "source.region", ptr: &s.Source.Region, doc: "AWS region of the staging bucket. Default: lake.region."},
		{path: "source.include", ptr: &s.Source.Include, doc: "Globs of keys below staging to read; ** crosses folders. Default: all keys."},
		{path: "source.exclude", ptr: &s.Source.Exclude, doc: "Globs of keys to leave out, even if source.include matches them."},
		{path: "source.key_pattern", ptr: &s.Source.KeyPattern, doc: "Names the parts of a key (example: {account_id}/x/{region}/{yyyy}/{mm}/{dd}/). The mapping reads them as columns of `key`; if the pattern has a date, a run lists only recent folders."},
		{path: "source.format", ptr: &s.Source.Format, enum: formats(), doc: "Format of the records. If you set it, it must be the same as the format that the mapping declares. Compression is detected from the content. Default: the format of the mapping."},
		{path: "source.year", ptr: &s.Source.Times.Year, doc: "Year of times that have none, such as those of RFC 3164 headers (example: 2019). Default: the year in the key, else the year for which the date is within the 31 days before the object was last modified."},
		{path: "source.timezone", ptr: &s.Source.Times.Zone, doc: "IANA time zone of times without a zone (example: Europe/Berlin). Mappings that read it say so on their page. Default: UTC."},
		{path: "source.zones", ptr: &s.Source.Times.Zones, doc: "What abbreviations of time zones mean in these logs (example: [CST=-06:00]). Abbreviations with several meanings, such as CST and IST, are only read if they are listed here."},
		{path: "source.lookback", ptr: &s.Source.Lookback, doc: "How far back from the latest loaded day to look for late objects (example: 48h or 7d)."},
		{path: "source.recheck_folders", ptr: &s.Source.RecheckFolders, doc: "How many folders of days before the lookback a run lists again at most, to find objects that arrive there (example: 500). Each folder is due once a week. 0: none."},
		{path: "source.settle", ptr: &s.Source.Settle, doc: "How old an object must be before a run loads it (example: 10m). Younger objects are left for the next run."},
		{path: "source.on_change", ptr: &s.Source.OnChange, enum: []string{"process", "ignore", OnChangeReplace}, doc: "What to do with an object that was overwritten after a run loaded it. process: load the new version too, and keep the rows of the earlier one; ignore: do not load the new version; replace: reprocess the batches of its earlier version in full (on S3 this needs lake.delete_role_arn)."},
		{path: "source.follow_links", ptr: &s.Source.FollowLinks, doc: "Whether a run follows symbolic links that lead out of a staging folder. Links inside of the folder are always followed, and each file is read once."},
		{path: "source.retry_denied.times", ptr: &s.Source.RetryDenied.Times, doc: "How often runs try an object that the store refuses before it goes to quarantine as OBJECT_DENIED (example: 7). source.retry_denied.over must be reached too."},
		{path: "source.retry_denied.over", ptr: &s.Source.RetryDenied.Over, doc: "How long runs try an object that the store refuses before it goes to quarantine as OBJECT_DENIED (example: 14d). source.retry_denied.times must be reached too."},
		{path: "source.role_arn", ptr: &s.Source.RoleARN, doc: "Role that the run assumes to read staging."},
		{path: "source.external_id", ptr: &s.Source.ExternalID, doc: "External ID for that role."},
		{path: "mapping", ptr: &s.Mapping, required: true, doc: "Name of a mapping (sql/<name>/, mappings/<name>.json or a shipped one), or a path."},
		{path: "packages", ptr: &s.Packages, doc: "Folders with packages of macros that are not next to the mapping (example: [shared/packages])."},
		{path: "lookups", ptr: &s.Lookups, doc: "Where files of lookups are that are not next to the mapping: s3://bucket/prefix/ or a folder."},
		{path: "lake.location", ptr: &s.Lake.Location, required: true, doc: "The lake: s3://bucket or a folder."},
		{path: "lake.source_name", ptr: &s.Lake.SourceName, required: true, doc: "Name of the custom source, at most 20 characters."},
		{path: "lake.region", ptr: &s.Lake.Region, required: true, doc: "AWS region of the lake. It is also the value of the region= partition."},
		{path: "lake.account_id", ptr: &s.Lake.AccountID, doc: "Account of records without cloud.account.uid: 12 digits, external or external_<id>."},
		{path: "lake.layout", ptr: &s.Lake.Layout, enum: []string{"auto", "source-per-class", "single"}, doc: "Folders of a source with several classes. auto: ext/<source>/ for one class, ext/<source>/<class>/ for several; source-per-class: ext/<source>-<class uid>/; single: ext/<source>/ for all."},
		{path: "lake.role_arn", ptr: &s.Lake.RoleARN, doc: "Provider role that the run assumes to write to the lake. CreateCustomLogSource returns its ARN."},
		{path: "lake.external_id", ptr: &s.Lake.ExternalID, doc: "External ID for that role."},
		{path: "lake.kms_key_id", ptr: &s.Lake.KMSKeyID, doc: "SSE-KMS key for new files. Default: the bucket's own setting."},
		{path: "lake.delete_role_arn", ptr: &s.Lake.DeleteRoleARN, doc: "Role that is allowed to delete objects and abort uploads in the lake. Ordinary runs do not need it."},
		{path: "lake.hold", ptr: &s.Lake.Hold, enum: []string{"upload", "copy"}, doc: "How files are stored on S3, hidden from readers, until their ledger entry is written. upload: as incomplete multipart uploads; copy: as objects below .silt/held/, which the server then copies. Use copy for stores whose multipart uploads do not behave like those of AWS (etl doctor tests this)."},
		{path: "lake.provenance", ptr: &s.Lake.Provenance, enum: []string{"on", "off"}, doc: "Whether each file says in its footer which job, batch and objects it came from. etl adopt rebuilds a lost ledger from it, and a run notices if its ledger is older than the lake. off: for lakes whose readers must not see the keys of staging objects."},
		{path: "lake.shared", ptr: &s.Lake.Shared, doc: "true: another job writes to the same folder of the lake on purpose, so files that do not name this job do not stop its first run."},
		{path: "lake.classes.<class>.source_name", ptr: &class.SourceName, doc: "Name of the custom source of one event class, at most 20 characters (example: http_activity: {source_name: nfw-http}). Its rows go to ext/<source_name>/. Default for a class that a newer mapping adds: <lake.source_name>-<class uid>."},
		{path: "lake.classes.<class>.role_arn", ptr: &class.RoleARN, doc: "Provider role of that source. It needs source_name. A job with lake.role_arn writes a class with a source of its own only if the class has its own role, because a provider role can write to its own source only."},
		{path: "lake.classes.<class>.external_id", ptr: &class.ExternalID, doc: "External ID for that role."},
		{path: "lake.classes.<class>.table", ptr: &class.Table, doc: "Name of the class's catalog table. Default: amazon_security_lake_table_<region>_ext_<source_name>."},
		{path: "catalog.type", ptr: &s.Catalog.Type, enum: catalogTypes, doc: "Type of the catalog: glue, or local for a folder of JSON files. Default: local for a lake in a folder, else glue."},
		{path: "catalog.database", ptr: &s.Catalog.Database, doc: "Name of the catalog database. Default: amazon_security_lake_glue_db_<region>."},
		{path: "catalog.table", ptr: &s.Catalog.Table, doc: "Name of the catalog table. Default: amazon_security_lake_table_<region>_ext_<source>."},
		{path: "catalog.table_prefix", ptr: &s.Catalog.TablePrefix, doc: "Prefix of the tables of a source with several classes. Default: <table>_."},
		{path: "catalog.region", ptr: &s.Catalog.Region, doc: "AWS region of the catalog. Default: lake.region."},
		{path: "catalog.role_arn", ptr: &s.Catalog.RoleARN, doc: "Role that the run assumes to read and change the catalog."},
		{path: "catalog.external_id", ptr: &s.Catalog.ExternalID, doc: "External ID for that role."},
		{path: "catalog.catalog_id", ptr: &s.Catalog.CatalogID, doc: "Account ID of the Glue catalog. Default: the caller's own account."},
		{path: "state", ptr: &s.State, doc: "Where the ledger, manifests and quarantine are stored: s3://bucket/prefix/ or a folder. Default: <lake>/.silt if the lake is a folder."},
		{path: "state_kms_key_id", ptr: &s.StateKMSKeyID, doc: "SSE-KMS key for the state on S3, which includes quarantine with its raw records. Default: lake.kms_key_id."},
		{path: "schedule.cron", ptr: &s.Schedule.Cron, doc: "When etl serve runs the job: minute, hour, day, month, weekday (example: 15 2 * * *), or a name (example: @daily)."},
		{path: "schedule.timezone", ptr: &s.Schedule.Timezone, doc: "IANA time zone of the schedule (example: Europe/Berlin)."},
		{path: "event_days.max_age", ptr: &s.EventDays.MaxAge, doc: "Records whose event day is older than this are quarantined."},
		{path: "event_days.max_future", ptr: &s.EventDays.MaxFuture, doc: "Records whose event day is further in the future than this are quarantined."},
		{path: "limits.timeout", ptr: &s.Limits.Timeout, doc: "Maximum time that a run can take (example: 2h). A run that takes longer is stopped and ends as TIMEOUT. Its committed batches stay."},
		{path: "limits.batch_timeout", ptr: &s.Limits.BatchTimeout, doc: "Maximum time that one batch can take, with reading, mapping and writing (example: 1h). If a batch takes longer, the run does not commit it and ends as FAILED."},
		{path: "limits.max_retries", ptr: &s.Limits.MaxRetries, doc: "How often a run that failed for a temporary reason is retried."},
		{path: "limits.max_concurrent_runs", ptr: &s.Limits.MaxConcurrentRuns, doc: "How many ordinary runs of this job can be in progress at the same time, on all machines together. At least 1. A run that exceeds the limit ends as WAITING with exit code 4."},
		{path: "limits.memory", ptr: &s.Limits.MemoryBytes, doc: "Memory limit of one run (example: 4GiB). If sorting needs more memory, it spills to disk."},
		{path: "limits.batch_bytes", ptr: &s.Limits.BatchBytes, doc: "Largest size of one batch, in bytes of staging objects (example: 2GiB). A batch commits as a whole."},
		{path: "limits.max_quarantine_ratio", ptr: &s.Limits.MaxQuarantineRatio, doc: "Largest share of a batch's records that can go to quarantine (example: 0.01). Records that match no SELECT do not count: see limits.max_unmatched_ratio. If more records are rejected, nothing of the batch is committed, and the run fails with exit code 3."},
		{path: "limits.max_unmatched_ratio", ptr: &s.Limits.MaxUnmatchedRatio, doc: "Largest share of a batch's records that can match no SELECT of the mapping (example: 0.1). They go to quarantine as NO_PROJECTION, and the run warns about them and names their kinds. If there are more, nothing of the batch is committed, and the run fails with exit code 3. If the job file does not have this key and limits.max_quarantine_ratio is larger, that ratio counts instead."},
		{path: "limits.max_partitions", ptr: &s.Limits.MaxPartitions, doc: "Largest number of partitions that the records of one batch can belong to, in all tables together. If there are more, nothing of the batch is committed, and the run fails with exit code 3. At least 1."},
		{path: "limits.max_denied_objects", ptr: &s.Limits.MaxDeniedObjects, doc: "How many objects the store can refuse to a run (example: 10). What can be read is committed in any case. If more are refused, the run fails with exit code 3. Later runs try them again."},
		{path: "limits.max_broken_ratio", ptr: &s.Limits.MaxBrokenRatio, doc: "Largest share of a batch's objects that can be unreadable, such as a truncated gzip file or an archive with a damaged member, or too large for the limits of memory and temp folder (example: 0.05). These objects go to quarantine, and the others are committed. If there are more, the run fails with exit code 3."},
		{path: "limits.threads", ptr: &s.Limits.Threads, doc: "Number of threads. Default: one for each core."},
		{path: "retention.quarantine", ptr: &s.Retention.Quarantine, doc: "Age at which etl retention deletes quarantined records (example: 365d). The records are lost. Default: records are kept forever."},
		{path: "retention.manifests", ptr: &s.Retention.Manifests, doc: "Age at which etl retention deletes manifests of finished plans (example: 90d). Their batches cannot be replaced afterwards. Default: manifests are kept forever."},
		{path: "retention.attempts", ptr: &s.Retention.Attempts, doc: "Age at which etl retention deletes the attempt records of finished attempts (example: 90d). Attempt records show which rows came from which objects. Default: attempt records are kept forever."},
		{path: "redact.keys_env", ptr: &s.Redact.KeysEnv, doc: "Names of the environment variables that hold keys for -- redact: field AS hash (example: [SILT_REDACT_KEY, SILT_REDACT_KEY_2024]). New plans use the key of the first one; plans that were written with another key find it by its fingerprint. The keys themselves do not belong in the job file. Default: [SILT_REDACT_KEY]."},
		{path: "sandbox", ptr: &s.Sandbox, enum: []string{"auto", "required", "off"}, doc: "Whether a run can only read, write and connect to what the job names (Linux). auto: as much of this as the system supports; required: a run without the complete sandbox fails; off: no sandbox. See docs/security.md."},
		{path: "limits.temp_bytes", ptr: &s.Limits.TempBytes, doc: "Most that a run can write to its temp folder at the same time (example: 50GiB). An object that needs more alone goes to quarantine. Default: 90% of the space that is free when the run starts."},
		{path: "limits.temp_dir", ptr: &s.Limits.TempDir, doc: "Folder for spilled data and fetched objects. Default: the temp folder of the system."},
	}
}
