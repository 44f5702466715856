package doctor

import (
	"context"
	"time"
)

// Check is one step of etl doctor.
type Check struct {
	Name string
	// Tests says in one line what is true if the check passes. docs/commands.md has the same text.
	Tests string
	// Needs names checks before this one. If one of them fails, this one is skipped.
	Needs []string
	// TimeLimit keeps a host that does not answer from holding up the checks that follow. 0: none.
	TimeLimit time.Duration
	// run tests the job. Its results may have more specific names than the check (example: "region of lake").
	run func(ctx context.Context, e *examination) []Result
}

// Checks returns all checks in the order in which they run. To add one, write its function and add a line here.
func Checks() []Check {
	const minute = time.Minute
	job := []string{"job"}
	ready := []string{"job", "fix"}
	mapped := []string{"job", "fix", "mapping"}
	return []Check{
		{"job", "the job file is valid", nil, 0, checkJob},
		{"mapping", "the mapping compiles, and its classes fit the layout of the lake", job, 0, checkMapping},
		{"fix", "with `--fix`: the job has the right to delete in the lake", job, 0, checkRightToFix},
		{"credentials", "AWS knows the identity and each role of the job", ready, minute, checkCredentials},
		{"regions", "each bucket is in the region that the job names", ready, minute, checkRegions},
		{"staging", "staging can be listed and read, and some objects are selected", ready, minute, checkStaging},
		{"lake", "the lake can hold files without showing them to readers", ready, minute, checkLake},
		{"state", "the store of the state keeps the promises that the ledger relies on", ready, minute, checkState},
		{"clock", "this machine's clock agrees with the store's", ready, minute, checkClock},
		{"catalog", "the catalog can be read, and its tables fit the mapping", mapped, minute, checkCatalog},
		{"temp folders", "the temp folder has no folders of runs that were killed; `--fix` removes them", ready, minute,
			func(ctx context.Context, e *examination) []Result {
				return findTempFolders(ctx, e.Job.Limits.TempDir, e.Fix)
			}},
		{"ledger", "lake, state and catalog agree with the ledger; `--fix` repairs them", ready, 0, checkLedger},
		{"late objects", "runs list every object of staging that no run has taken", []string{"job", "fix", "staging", "state", "ledger"}, 0, checkLeftOut},
		{"refused batches", "no batch with too many bad records waits for a correction", []string{"job", "fix", "state", "ledger"}, 0,
			func(ctx context.Context, e *examination) []Result {
				if e.Mapping == nil || e.willBeCreated(e.Job.State) || e.willBeCreated(e.Job.Lake.Location) {
					return nil // no run has refused one yet
				}
				return findRefused(ctx, e.Job.Name, e.Maintain)
			}},
		{"lookups", "the state has the files of lookups that plans name, unchanged", []string{"job", "fix", "state", "ledger"}, 0,
			func(ctx context.Context, e *examination) []Result {
				if e.willBeCreated(e.Job.State) || e.willBeCreated(e.Job.Lake.Location) {
					return nil // no plan names one yet
				}
				return checkKeptLookups(ctx, e.Job.Name, e.Maintain)
			}},
		{"disk", "a batch fits into the temp folder", ready, 0, checkDisk},
		{"memory", "`limits.memory` fits into this machine", ready, 0, checkMemory},
		{"schedule", "the job has a next time under `etl serve`, or no schedule", ready, 0, checkSchedule},
	}
}
