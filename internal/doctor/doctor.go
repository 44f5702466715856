// Package doctor tries what a job needs before its first run: reading staging, writing to the lake, the promises that the
// commit protocol builds on, the catalog, and the machine.
//
// What it finds is a list of checks, each one line for a person. It never makes anything visible in the lake, and removes what
// it wrote to the state store; where it cannot, it says so.
package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Status of a check.
type Status string

const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "FAIL"
)

// Check is one thing that was tried. Todo says what to do, and may be empty, also where Detail says so already.
type Check struct {
	Status Status `json:"status"`
	What   string `json:"what"`
	Detail string `json:"detail"`
	Todo   string `json:"todo,omitempty"`
}

// String is the check as one line.
func (c Check) String() string {
	s := fmt.Sprintf("%-4s %s: %s", c.Status, c.What, c.Detail)
	if c.Todo != "" {
		s += "; " + c.Todo
	}
	return strings.ReplaceAll(s, "\n", " ")
}

// Failed says whether one of the checks is a Fail.
func Failed(checks []Check) bool {
	for _, c := range checks {
		if c.Status == Fail {
			return true
		}
	}
	return false
}

func ok(what, format string, args ...any) Check {
	return Check{Status: OK, What: what, Detail: fmt.Sprintf(format, args...)}
}

func fail(what string, err error, todo string) Check {
	return Check{Status: Fail, What: what, Detail: err.Error(), Todo: todo}
}

// looked is how many objects of staging are looked at.
const looked = 1000

var errEnough = errors.New("enough")

// Staging lists the beginning of staging and reads the first bytes of an object that a run would take.
func Staging(ctx context.Context, s objstore.Reader, include, exclude []string) []Check {
	const what = "staging"
	var first *objstore.Object
	n, matching := 0, 0
	err := s.List(ctx, objstore.ListOptions{}, func(o objstore.Object) error {
		if n++; selected(o.Key, include, exclude) && !strings.HasSuffix(o.Key, "/") {
			matching++
			if first == nil {
				first = &o
			}
		}
		if n >= looked {
			return errEnough
		}
		return nil
	})
	more := ""
	if errors.Is(err, errEnough) {
		more, err = "first ", nil
	}
	switch {
	case err != nil:
		return []Check{fail(what, err, "")}
	case n == 0:
		return []Check{{Warn, what, s.String() + " can be listed and is empty", "check source.staging, should there be logs already"}}
	case first == nil:
		return []Check{{Warn, what, fmt.Sprintf("source.include and source.exclude take none of the %s%d objects of %s", more, n, s), "compare them with the keys there, which begin below source.staging"}}
	}
	body, _, err := s.Get(ctx, first.Key, objstore.GetOptions{ETag: first.ETag})
	if err == nil {
		_, err = io.CopyN(io.Discard, body, 1)
		body.Close()
		if errors.Is(err, io.EOF) { // an empty object
			err = nil
		}
	}
	if err != nil {
		return []Check{fail(what, err, "")}
	}
	return []Check{ok(what, "%s can be listed and read; a run takes %d of the %s%d objects", s, matching, more, n)}
}

func selected(key string, include, exclude []string) bool {
	any := func(globs []string) bool {
		for _, g := range globs {
			if ok, _ := doublestar.Match(g, key); ok {
				return true
			}
		}
		return false
	}
	return (len(include) == 0 || any(include)) && !any(exclude)
}

// Store is a store that can hold files.
type Store interface {
	objstore.Bucket
	objstore.Holder
}

// Lake sends a file as a run does, held, and drops it: nothing becomes visible. The write uses the job's KMS key. deleter is the
// lake with the right to delete, nil where the job names none: it then drops, and deletes a key that nobody has.
func Lake(ctx context.Context, s, deleter Store, folder string) []Check {
	const what = "lake"
	key := folder + "doctor-" + ulid.Make().String()
	body := []byte("etl doctor")
	h, err := s.Hold(ctx, key, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return []Check{fail(what, err, kmsTodo(err))}
	}
	if deleter != nil {
		if err := errors.Join(deleter.Drop(ctx, h), deleter.Delete(ctx, key)); err != nil {
			return []Check{ok(what, "%s takes files, unseen until they are published", s),
				fail("deleting", err, "lake.delete_role_arn needs s3:AbortMultipartUpload and s3:DeleteObject below ext/")}
		}
		return []Check{ok(what, "%s takes files, unseen until they are published", s), ok("deleting", "held files can be dropped, and files be deleted")}
	}
	if err := s.Drop(ctx, h); err != nil {
		return []Check{{Warn, what, fmt.Sprintf("%s takes files, but one that is not published cannot be dropped: %v", s, err),
			"allow s3:AbortMultipartUpload, or have a lifecycle rule abort incomplete uploads; the one begun now is " + h.UploadID}}
	}
	return []Check{ok(what, "%s takes files, unseen until they are published, and drops them", s)}
}

// kmsTodo says what a refusal that names KMS needs.
func kmsTodo(err error) string {
	if t := strings.ToLower(err.Error()); strings.Contains(t, "kms") && !strings.Contains(t, "kms:generatedatakey") {
		return "allow kms:GenerateDataKey and kms:Decrypt on the key, in its key policy too where it is of another account"
	}
	return ""
}

// State tries what the ledger builds on, below prefix: create-only and conditional writes, and that a held file is published
// once only, whatever is tried later. What it wrote is deleted. holdTodo says what to do where held files are not safe.
func State(ctx context.Context, s Store, prefix, holdTodo string) []Check {
	p := prober{ctx: ctx, s: s, holdTodo: holdTodo, key: prefix + "doctor/" + ulid.Make().String()}
	checks := p.all()
	return append(checks, p.clean()...)
}

type prober struct {
	ctx  context.Context
	s    Store
	key  string
	held []objstore.Held
	keys []string

	holdTodo string
}

func (p *prober) put(key, text string, o objstore.PutOptions) (objstore.Object, error) {
	p.keys = append(p.keys, key)
	return p.s.Put(p.ctx, key, strings.NewReader(text), o)
}

func (p *prober) read(key string) (string, error) {
	body, _, err := p.s.Get(p.ctx, key, objstore.GetOptions{})
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, 1<<10))
	return string(text), err
}

// broken is a store that answers other than it must: the ledger would not be safe there.
func broken(what, detail string) Check {
	return Check{Fail, what, detail, "the ledger is not safe in such a store; use another for state"}
}

func (p *prober) all() []Check {
	const what = "state"
	first, err := p.put(p.key, "1", objstore.PutOptions{IfAbsent: true})
	if err != nil {
		return []Check{fail(what, err, kmsTodo(err))}
	}
	checks := []Check{ok(what, "%s can be written", p.s)}
	for _, try := range []func(objstore.Object) Check{p.createOnly, p.ifMatch, p.completeOnly, p.dropped, p.republish} {
		c := try(first)
		checks = append(checks, c)
		if c.Status == Fail {
			break // the next ones build on it
		}
	}
	return checks
}

func (p *prober) createOnly(objstore.Object) Check {
	const what = "create-only writes"
	_, err := p.put(p.key, "2", objstore.PutOptions{IfAbsent: true})
	text, readErr := p.read(p.key)
	switch {
	case err == nil || readErr == nil && text != "1":
		return broken(what, "a second create of the same key went through")
	case !errors.Is(err, objstore.ErrExists):
		return fail(what, err, "")
	case readErr != nil:
		return fail(what, readErr, "")
	}
	return ok(what, "the second of two is refused")
}

func (p *prober) ifMatch(first objstore.Object) Check {
	const what = "conditional writes"
	if _, err := p.put(p.key, "3", objstore.PutOptions{IfMatch: first.ETag}); err != nil {
		return fail(what, err, "")
	}
	_, err := p.put(p.key, "4", objstore.PutOptions{IfMatch: first.ETag})
	text, readErr := p.read(p.key)
	switch {
	case err == nil || readErr == nil && text != "3":
		return broken(what, "a replace of a version that is gone went through")
	case !errors.Is(err, objstore.ErrChanged):
		return fail(what, err, "")
	case readErr != nil:
		return fail(what, readErr, "")
	}
	return ok(what, "a replace of a version that is gone is refused")
}

func (p *prober) hold(key string) (objstore.Held, error) {
	h, err := p.s.Hold(p.ctx, key, strings.NewReader("held"), 4)
	if err == nil {
		p.held = append(p.held, h)
		p.keys = append(p.keys, key)
	}
	return h, err
}

func (p *prober) completeOnly(objstore.Object) Check {
	const what = "create-only publishing"
	h, err := p.hold(p.key) // the key is taken
	if err != nil {
		return fail(what, err, kmsTodo(err))
	}
	err = p.s.Publish(p.ctx, h)
	text, readErr := p.read(p.key)
	switch {
	case readErr == nil && text != "3":
		return Check{Status: Warn, What: what, Detail: "a held file replaced an object that was there; keys are an attempt's own, so no run does that", Todo: p.holdTodo}
	case err == nil, readErr != nil:
		return fail(what, errors.Join(errors.New("a held file was published over an object"), err, readErr), p.holdTodo)
	case !errors.Is(err, objstore.ErrExists):
		return fail(what, err, p.holdTodo)
	}
	return ok(what, "a held file does not replace an object")
}

func (p *prober) dropped(objstore.Object) Check {
	const what = "dropped files"
	key := p.key + "-dropped"
	h, err := p.hold(key)
	if err != nil {
		return fail(what, err, "")
	}
	if err := p.s.Drop(p.ctx, h); err != nil {
		return fail(what, err, p.holdTodo)
	}
	err = p.s.Publish(p.ctx, h)
	if _, there := p.s.Head(p.ctx, key); there == nil {
		return Check{Fail, what, "a file that was dropped could be published afterwards", p.holdTodo}
	}
	if !errors.Is(err, objstore.ErrNotHeld) {
		return fail(what, fmt.Errorf("publishing one was not refused as %q, but: %s", objstore.ErrNotHeld.Error(), answer(err)), p.holdTodo)
	}
	return ok(what, "cannot be published afterwards")
}

func (p *prober) republish(objstore.Object) Check {
	const what = "deleted files"
	key := p.key + "-published"
	h, err := p.hold(key)
	if err != nil {
		return fail(what, err, "")
	}
	if err := p.s.Publish(p.ctx, h); err != nil {
		return fail(what, err, p.holdTodo)
	}
	text, err := p.read(key)
	if err != nil {
		return fail(what, err, "")
	}
	if text != "held" {
		return Check{Fail, what, fmt.Sprintf("a published file reads %q", text), p.holdTodo}
	}
	if err := p.s.Delete(p.ctx, key); err != nil {
		return Check{Warn, what, fmt.Sprintf("not tried, since nothing may be deleted here: %v", err), "allow s3:DeleteObject on the state location, for what doctor writes there and for quarantine files of attempts that lost"}
	}
	err = p.s.Publish(p.ctx, h) // the answer may be anything; what counts is what is there then
	if _, there := p.s.Head(p.ctx, key); there == nil {
		return Check{Fail, what, "publishing again brought a deleted file back", p.holdTodo}
	} else if !errors.Is(there, objstore.ErrNotExist) {
		return fail(what, there, "")
	}
	return ok(what, "publishing again does not bring one back (%s)", answer(err))
}

func answer(err error) string {
	switch {
	case err == nil:
		return "the store answered as if it had worked"
	case errors.Is(err, objstore.ErrNotHeld):
		return "it is refused"
	}
	return err.Error()
}

// clean removes what was written; only what could not be is told.
func (p *prober) clean() []Check {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), 20*time.Second)
	defer cancel()
	var left []string
	var first error
	for _, h := range p.held {
		if err := p.s.Drop(ctx, h); err != nil {
			left, first = append(left, "upload "+h.UploadID), err
		}
	}
	seen := map[string]bool{}
	for _, k := range p.keys {
		if seen[k] {
			continue
		}
		seen[k] = true
		if err := p.s.Delete(ctx, k); err != nil {
			left, first = append(left, k), err
		}
	}
	if len(left) == 0 {
		return nil
	}
	return []Check{{Warn, "cleaning up", fmt.Sprintf("%s stay in %s: %v", strings.Join(left, ", "), p.s, first), "delete them by hand"}}
}

// clockWarn is how far the machine's clock may be off the store's before it is told; S3 refuses requests from 15 minutes on.
const clockWarn = 30 * time.Second

// Clock compares the machine's clock with the store's.
func Clock(ctx context.Context, s objstore.Bucket, now func() time.Time) Check {
	const what = "clock"
	before := now()
	t, err := s.Now(ctx)
	if err != nil {
		return fail(what, err, "")
	}
	skew := t.Sub(before.Add(now().Sub(before) / 2)).Round(time.Second)
	if skew.Abs() > clockWarn {
		return Check{Warn, what, fmt.Sprintf("this machine is %s off the store's time", skew.Abs()), "run an NTP client; S3 refuses requests that are 15 minutes off"}
	}
	return ok(what, "within %s of the store's", clockWarn)
}

// Catalog looks at the database and at the table of each class. Glue has no dry run: what needs a write is named, not tried.
func Catalog(ctx context.Context, c catalog.Catalog, compiled *sqlgen.Compiled, targets map[string]lake.Target, location func(folder string) string, glue bool) []Check {
	const what = "catalog"
	tables, err := c.Tables(ctx)
	if err != nil {
		return []Check{fail(what, err, "")}
	}
	checks := []Check{ok(what, "%s can be read, %d tables", c, len(tables))}
	seen := map[string]bool{}
	create := false
	for i := range compiled.Projections {
		p := &compiled.Projections[i]
		t := targets[p.Class]
		if seen[p.Class+" "+t.Table] {
			continue
		}
		seen[p.Class+" "+t.Table] = true
		want := catalog.Table{Name: t.Table, Location: location(t.Folder)}
		for _, col := range lake.Columns(&p.Schema) {
			want.Columns = append(want.Columns, catalog.Column{Name: col.Name, Type: col.Type})
		}
		check, missing := oneTable(ctx, c, want)
		create = create || missing
		checks = append(checks, check)
	}
	if glue {
		needs := "glue:UpdateTable and glue:BatchCreatePartition (Lake Formation: ALTER and INSERT on the table, data location access)"
		if create {
			needs = "glue:CreateTable (Lake Formation: CREATE_TABLE on the database), " + needs
		}
		checks = append(checks, Check{Warn, what + " writes", "not tried, since Glue has no dry run; a run needs " + needs, ""})
	}
	return checks
}

func oneTable(ctx context.Context, c catalog.Catalog, want catalog.Table) (check Check, missing bool) {
	what := "table " + want.Name
	have, err := c.Table(ctx, want.Name)
	if errors.Is(err, catalog.ErrNoTable) {
		return ok(what, "not there yet; the first run makes it"), true
	}
	if err != nil {
		return fail(what, err, ""), false
	}
	if in, ok := c.(catalog.Inspector); ok {
		whole, err := in.InspectTable(ctx, want.Name)
		if err == nil {
			err = catalog.CheckKind(whole)
		}
		if err != nil {
			return fail(what, err, ""), false
		}
	}
	merged, grew, err := catalog.Merge(have.Columns, want.Columns)
	if err != nil {
		return fail(what, err, ""), false
	}
	if strings.TrimSuffix(have.Location, "/") != strings.TrimSuffix(want.Location, "/") {
		return Check{Warn, what, fmt.Sprintf("it lies at %s, this job writes to %s", have.Location, want.Location),
			"partitions have locations of their own, so both can be read; another job may own the table: check lake.source_name and catalog.table"}, false
	}
	if grew {
		return ok(what, "%d columns; the next run adds to them (%d then)", len(have.Columns), len(merged)), false
	}
	return ok(what, "%d columns, as the mapping gives them", len(have.Columns)), false
}
