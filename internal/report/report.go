// Package report holds the results of commands that work on a job, as programs read them (JSON) and as people read them
// (WriteText): the summary of a run, a dry run, the estimate of a backfill, a rewind, a retention.
//
// A report only counts and prints. It never reads a ledger or a store: package jobs fills it in. JSON keys are a contract; sizes are
// bytes in JSON, and KiB, MiB and GiB in text.
package report
