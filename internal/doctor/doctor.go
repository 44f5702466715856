// Package doctor tests what a job needs before its first run, and compares the job's lake, state and catalog with its ledger.
//
// Checks (checks.go) is the one list of what etl doctor tests, in the order in which it does. To add a check, write a function
// that returns Results and add a line to the list. A check gets all that it needs from Input, which cmd/etl builds: the package
// knows neither the AWS SDK nor a certain store or catalog, and it does not print.
//
// Words. A Check is one step of etl doctor; it gives Results, which are lines for a person. A Comparison is what the lake, the
// state and the catalog hold, compared with the ledger; Fix repairs what can be repaired safely.
//
// Invariants: nothing becomes visible in the lake; what a check writes to the state it deletes again, and it says so if it
// cannot; without Input.Fix nothing of the job is changed; a file that no entry of the ledger names is never deleted.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Status says what a Result means.
type Status string

const (
	OK   Status = "ok"
	Warn Status = "warn" // the job can run, but a person should look at it
	Fail Status = "FAIL" // the job cannot run, or rows are missing
)

// Result is one line for a person: what was tested, what was found, and what to try. Try may be empty.
type Result struct {
	Status Status `json:"status"`
	What   string `json:"what"`
	Detail string `json:"detail"`
	Try    string `json:"todo,omitempty"`
}

// String is the result as one line.
func (r Result) String() string {
	s := fmt.Sprintf("%-4s %s: %s", r.Status, r.What, r.Detail)
	if r.Try != "" {
		s += ". Try: " + r.Try
	}
	return strings.ReplaceAll(s, "\n", " ")
}

func ok(what, format string, args ...any) Result {
	return Result{Status: OK, What: what, Detail: fmt.Sprintf(format, args...)}
}

func warn(what, try, format string, args ...any) Result {
	return Result{Status: Warn, What: what, Detail: fmt.Sprintf(format, args...), Try: try}
}

// fail is the result of an error. If try is empty, it is what the error itself says that helps.
func fail(what string, err error, try string) Result {
	r := Result{Status: Fail, What: what, Detail: err.Error(), Try: try}
	if e, ok := errors.AsType[*diag.OpError](err); ok && e.Try != "" {
		if detail, atEnd := strings.CutSuffix(r.Detail, ". Try: "+e.Try); atEnd {
			r.Detail, r.Try = detail, cmp.Or(try, e.Try)
		}
	}
	return r
}

// failEach gives one result for each diagnostic of an error.
func failEach(what string, err error) []Result {
	list, isList := errors.AsType[diag.List](err)
	if !isList || !list.Failed() {
		return []Result{fail(what, err, "")}
	}
	var results []Result
	for _, d := range list {
		if d.Severity == diag.Error {
			results = append(results, Result{Status: Fail, What: what, Detail: d.String()})
		}
	}
	return results
}

// hasFailed says whether one of the results is a Fail.
func hasFailed(results []Result) bool {
	return slices.ContainsFunc(results, func(r Result) bool { return r.Status == Fail })
}

// Input is the job that is tested, and how its stores, its catalog and its ledger are reached.
type Input struct {
	File   string        // the job file's path, as the user gave it
	Job    *jobfile.Spec // nil: JobErr says why the file cannot be used
	JobErr error

	Mapping    *Mapping // nil: MappingErr says why the mapping cannot be used
	MappingErr error

	// Fix also repairs what the comparison with the ledger finds.
	Fix bool
	// Deep also reads the files of the ledger again, and compares their digests.
	Deep bool

	Stores  objstore.Registry
	Options StoreOptions
	Catalog catalog.Kind // of the job
	// OpenCatalog opens the job's catalog.
	OpenCatalog func(ctx context.Context) (catalog.Catalog, error)
	// AWS answers for the job's parts that use AWS.
	AWS AWS
	// Maintain opens the job's places and calls work: with write in a run of its own, whose warnings it returns.
	Maintain func(ctx context.Context, write bool, work func(context.Context, Places) error) (warnings []string, err error)

	Now        func() time.Time // default: time.Now
	SystemRoot string           // where proc and sys are; default: /
}

// Mapping is a job's compiled mapping.
type Mapping struct {
	Name     string
	Compiled *sqlgen.Compiled
	Targets  map[string]lake.Target // by class
	Warnings int                    // diagnostics of the mapping
}

// StoreOptions are the options of a job's stores. The job names their locations.
type StoreOptions struct {
	Staging, Lake, State objstore.Options
	Deleter              objstore.Options // of the lake, with the role that may delete
}

// Report is the outcome of all checks.
type Report struct {
	OK     bool     `json:"ok"` // no check failed
	Checks []Result `json:"checks"`
	// Found is nil before the job's first run, and if the ledger could not be read.
	Found *Comparison `json:"found,omitempty"`
	Fixed *Fixed      `json:"mended,omitempty"`
}

// Run runs the checks in the order of their list and calls show with each result as soon as it is known. The error is that of ctx.
func Run(ctx context.Context, in Input, show func(Result)) (*Report, error) {
	if in.Now == nil {
		in.Now = time.Now
	}
	if in.SystemRoot == "" {
		in.SystemRoot = "/"
	}
	e := &examination{Input: in, report: &Report{OK: true, Checks: []Result{}}}
	defer e.close()
	failed := map[string]bool{} // checks that failed or were skipped
	for _, c := range Checks() {
		if slices.ContainsFunc(c.Needs, func(name string) bool { return failed[name] }) {
			failed[c.Name] = true
			continue
		}
		results := e.try(ctx, c)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, r := range results {
			e.report.Checks = append(e.report.Checks, r)
			show(r)
		}
		failed[c.Name] = hasFailed(results)
		e.report.OK = e.report.OK && !failed[c.Name]
	}
	return e.report, nil
}

// try runs one check within its time limit.
func (e *examination) try(ctx context.Context, c Check) []Result {
	if c.TimeLimit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.TimeLimit, fmt.Errorf("no answer within %s", c.TimeLimit))
		defer cancel()
	}
	return c.run(ctx, e)
}

// examination is one etl doctor: its input, and its report as far as it has come.
type examination struct {
	Input
	report *Report
	state  *trialStore // opened by checkState; nil: it could not be opened
}

func (e *examination) close() {
	if e.state != nil {
		e.state.remove()
	}
}
