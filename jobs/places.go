package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/adopt"
	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/classes"
	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/provenance"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// changedPlaces names the places of a job that a manifest was not planned for. A setting that the manifest does not have was not kept
// by the version that wrote it.
func changedPlaces(now *batchConfig, m *ledger.Manifest) []string {
	out := classes.Changed(m, now.targets)
	for _, k := range settings(now.spec) {
		if was, kept := m.Settings[k.key]; kept && k.set == nil && !samePlace(was, k.text) {
			out = append(out, fmt.Sprintf("%s was %q and is %q", k.key, was, k.text))
		}
	}
	return out
}

// samePlace compares texts that may be locations: s3://b/p and s3://b/p/ are the same.
func samePlace(a, b string) bool {
	if a == b {
		return true
	}
	at, errA := location.Parse(a)
	bt, errB := location.Parse(b)
	return errA == nil && errB == nil && at.Equal(bt)
}

// placeCheck compares the places that a job names now with those that batches were published to. It reads each manifest once.
type placeCheck struct {
	now    *batchConfig
	ledger *ledger.Ledger
	known  map[string][]string // by manifest
}

func newPlaceCheck(now *batchConfig, l *ledger.Ledger) *placeCheck {
	return &placeCheck{now, l, map[string][]string{}}
}

// changed names the places that were changed since a batch's files were made. A batch whose manifest retention has removed is not
// compared.
func (p *placeCheck) changed(ctx context.Context, b ledger.Batch) ([]string, error) {
	changed, known := p.known[b.Made]
	if known || b.Made == "" {
		return changed, nil
	}
	m, err := p.ledger.MadeFrom(ctx, b)
	if errors.Is(err, objstore.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p.known[b.Made] = changedPlaces(p.now, m)
	return p.known[b.Made], nil
}

// withoutStaging leaves the places that say where files and rows are. Staging is only read.
func withoutStaging(changed []string) []string {
	return slices.DeleteFunc(slices.Clone(changed), func(text string) bool { return strings.HasPrefix(text, "source.") })
}

// onlyLake leaves the place in which files are deleted: deleting a key in another lake removes nothing, without an error.
func onlyLake(changed []string) []string {
	return slices.DeleteFunc(slices.Clone(changed), func(text string) bool { return !strings.HasPrefix(text, "lake.location ") })
}

// checkSamePlace refuses a command that would add to a committed batch, or replace it, in another place than the batch's: its rows would
// be in two lakes or tables, or the old rows would not be found.
func checkSamePlace(command string, b ledger.Batch, changed []string) error {
	if changed = withoutStaging(changed); len(changed) == 0 {
		return nil
	}
	return fmt.Errorf("%w since batch %s was published: %s. Try: put the setting back for the %s, or withdraw the batches with etl bookmark reset and run the job",
		ErrSettings, b.ID, strings.Join(changed, ", "), command)
}

// This part of the file compares a ledger with the files of the lake that name their job (package provenance).

// ErrOtherFiles says that the lake has files of Silt that the job's ledger does not know: to load objects could add rows a second time.
var ErrOtherFiles = errors.New("the ledger does not know files of the lake")

// notListed is a warning: the right to list the lake only helps to notice mistakes, so a run works without it.
const notListed = "the lake's role is not allowed to list or read the lake, so the run cannot notice files that its ledger does not know. Try: allow s3:ListBucket and s3:GetObject"

// lakeCheck compares the lake with the ledger of a run.
type lakeCheck struct {
	*run
	// folders are the partitions that were compared.
	folders map[string]bool
	// visibleOpen are batches that were open when the lake was listed, with one of their files. nil: it was not listed.
	visibleOpen map[string]string
}

// footerValues are in the footer of every file of the job.
func footerValues(s *jobfile.Spec) []lake.KeyValue {
	if s.Lake.Provenance == "off" {
		return nil
	}
	return []lake.KeyValue{{Key: provenance.KeyJob, Value: s.Name}}
}

// writeProvenance writes into file 0 of an attempt where its rows came from. An attempt without rows has no file, and leaves nothing.
func (a *batchAttempt) writeProvenance() error {
	s := a.run.Spec
	if s.Lake.Provenance == "off" {
		return nil
	}
	e := &provenance.Entry{Job: s.Name, Attempt: a.record.ID, Run: a.run.id, Why: a.record.Why, Manifest: a.record.Manifest}
	var first *attempt.File
	objects := a.record.Objects
	for i := range a.outputs {
		out := &a.outputs[i]
		b := provenance.Batch{Batch: out.batch, Base: out.before.Base, Had: provenance.AttemptsOf(out.before.Files)}
		if out.result.QuarantinePath != "" {
			b.Quarantined = &out.result.QuarantineRows
		}
		for j, o := range objects[:len(out.objects)] {
			of := out.objects[j].Object
			b.Objects = append(b.Objects, provenance.Object{Key: o.Key, ETag: o.ETag, SizeBytes: of.SizeBytes, Modified: modifiedMillis(of.LastModified),
				SHA256: o.SHA256, Gone: o.Gone, Read: o.Read, Published: o.Published, Filtered: o.Filtered, Quarantined: o.Quarantined})
		}
		objects = objects[len(out.objects):]
		e.Batches = append(e.Batches, b)
		for j := range out.result.Files {
			f := &out.result.Files[j]
			wrote := provenance.File{Key: a.fileKey(*f, len(e.Files)), Table: a.config.targets[f.Class].Table, Values: f.Partition.Values(), Rows: f.Rows}
			if first == nil {
				first = f
			} else {
				wrote.SizeBytes = f.SizeBytes
			}
			e.Files = append(e.Files, wrote)
		}
	}
	if first == nil {
		return nil
	}
	size, err := provenance.Amend(first.Path, first.SizeBytes, e)
	if err != nil {
		return fmt.Errorf("write the provenance of attempt %s: %w", a.record.ID, err)
	}
	first.SizeBytes = size
	return nil
}

func modifiedMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// firstPlan refuses the first plan of a ledger if the job's folders of the lake already have files of Silt: the job was renamed,
// its state was moved or lost, or another job writes there. With lake.shared only files that name this job count.
func (x *lakeCheck) firstPlan(ctx context.Context, st *ledger.State) error {
	k := st.Bookmark()
	if k.Open+k.Committed+k.Released > 0 {
		return nil
	}
	o, f, err := provenance.FirstUnknown(ctx, x.Lake, lakeFolders(x.Spec, x.config.targets), func(id provenance.ID) bool { return skippedUntil(k.Bounds, id) }, x.onlyOwn())
	if errors.Is(err, objstore.ErrDenied) {
		x.warn(notListed)
		return nil
	}
	if err != nil || o.Key == "" {
		return err
	}
	if st, err = x.ledger.Fold(ctx); err != nil || len(st.Batches()) > 0 {
		return err // another run planned meanwhile, and the file may be its
	}
	who := ""
	if f.Job != "" {
		who = ", written by job " + f.Job
	}
	return fmt.Errorf("%w: no batch of job %s is in its ledger (%s), but %s has files that Silt wrote (example: %s%s), so their rows could be loaded a second time. "+
		"Try: put back the name or the state that the job had, rebuild its ledger with etl adopt, use another lake.source_name, or set lake.shared: true if another job writes there on purpose",
		ErrOtherFiles, x.Spec.Name, x.State, x.Lake, o.Key, who)
}

// onlyOwn is the name of the job if files of other jobs are expected, and otherwise "".
func (x *lakeCheck) onlyOwn() string {
	if x.Spec.Lake.Shared {
		return x.Spec.Name
	}
	return ""
}

// lakeFolders are the folders of the lake that a job writes to, without folders below another one.
func lakeFolders(s *jobfile.Spec, targets map[string]lake.Target) []string {
	return doctor.Places{SourceFolder: "ext/" + s.Lake.SourceName + "/", Targets: targets}.Folders()
}

// skippedUntil says whether a skip covers all objects that an attempt can have read: those that were last modified until then.
func skippedUntil(bounds []ledger.Bound, id provenance.ID) bool {
	return slices.ContainsFunc(bounds, func(b ledger.Bound) bool { return b.Prefix == "" && b.Until != nil && !id.Time().After(*b.Until) })
}

// current lists each partition before the run's first commit into it, and refuses to commit if it has a file of this job
// that the ledger does not know: the state is then an old copy, or another run works with another state.
func (x *lakeCheck) current(ctx context.Context, a *batchAttempt) error {
	var folders []string
	for _, out := range a.outputs {
		for _, f := range out.result.Files {
			folder := a.config.targets[f.Class].Folder + f.Partition.Prefix()
			if !x.folders[folder] && !slices.Contains(folders, folder) {
				folders = append(folders, folder)
			}
		}
	}
	listed, err := provenance.List(ctx, x.Lake, folders)
	if errors.Is(err, objstore.ErrDenied) {
		x.warn(notListed)
		return nil
	}
	if err != nil {
		return err
	}
	st, err := x.ledger.Fold(ctx) // after the listing: it has the entry of every file that was listed
	if err != nil {
		return err
	}
	bounds := st.Bookmark().Bounds
	for id, files := range listed {
		if err := ctx.Err(); err != nil {
			return err
		}
		known, err := x.knows(ctx, st, id, files)
		if err != nil {
			return err
		}
		if known || skippedUntil(bounds, id) {
			continue
		}
		f, err := provenance.Read(ctx, x.Lake, files[0])
		if errors.Is(err, objstore.ErrNotExist) || errors.Is(err, objstore.ErrChanged) {
			continue // deleted since
		}
		if errors.Is(err, objstore.ErrDenied) {
			x.warn(notListed)
			continue
		}
		if err != nil {
			return err
		}
		if f.Job != x.Spec.Name {
			continue // of another job, or of a version of etl that did not write it; doctor reports the file
		}
		return x.behind(files[0].Key, st)
	}
	if x.folders == nil {
		x.folders = map[string]bool{}
	}
	for _, folder := range folders {
		x.folders[folder] = true
	}
	return nil
}

// behind is the error of a ledger that does not know a file of its job.
func (x *lakeCheck) behind(key string, st *ledger.State) error {
	return sharedError{fmt.Errorf("%w: %s/%s was written by job %s, but no entry of its ledger (%s, through entry %d) names it, so the ledger is older than the lake, and nothing was committed. "+
		"Try: put back the newest copy of the state, or add what it does not know with etl adopt", ErrOtherFiles, x.Lake, key, x.Spec.Name, x.State, st.Seq())}
}

// open refuses to release open batches of which the lake has files: an older copy of the ledger does not know their commit, and
// their objects would be loaded a second time. It lists the job's folders once in a run.
func (x *lakeCheck) open(ctx context.Context, batches ...string) error {
	if len(batches) == 0 || x.Spec.Lake.Provenance == "off" {
		return nil
	}
	if x.visibleOpen == nil {
		st, err := x.ledger.Fold(ctx)
		if err != nil {
			return err
		}
		open := map[string]bool{}
		for _, b := range st.OpenBatches() {
			open[b.ID] = true
		}
		x.visibleOpen = map[string]string{}
		for _, folder := range lakeFolders(x.Spec, x.config.targets) {
			err := x.Lake.List(ctx, objstore.ListOptions{Prefix: folder}, func(o objstore.Object) error {
				if id, _, ok := provenance.Parse(o.Key); ok && open[id.Batch] {
					x.visibleOpen[id.Batch] = o.Key
				}
				return nil
			})
			if errors.Is(err, objstore.ErrDenied) {
				x.warn(notListed)
				return nil
			}
			if err != nil {
				return fmt.Errorf("list the lake: %w", err)
			}
		}
	}
	st, err := x.ledger.Fold(ctx) // after the listing: another run may have committed them
	if err != nil {
		return err
	}
	for _, id := range batches {
		if b, _ := st.Batch(id); x.visibleOpen[id] != "" && b.State == ledger.BatchOpen {
			return x.behind(x.visibleOpen[id], st)
		}
	}
	return nil
}

// knows says whether an entry of the ledger names an attempt of which files are visible.
func (x *lakeCheck) knows(ctx context.Context, st *ledger.State, id provenance.ID, files []objstore.Object) (bool, error) {
	if st.Live(files[0].Key) {
		return true, nil
	}
	b, ok := st.Batch(id.Batch)
	if !ok {
		return false, nil
	}
	named, err := x.ledger.NamedAttempts(ctx, b)
	return named[id.Attempt] != nil, err
}

// ErrAdopting says that an adopt was stopped half way, and that the files of the batches it opened are in the lake already.
var ErrAdopting = errors.New("etl adopt was stopped half way")

// checkAdopted refuses to process, or to release, the batches of a manifest whose files are in the lake already.
func checkAdopted(m *ledger.Manifest) error {
	if !m.Adopted {
		return nil
	}
	return fmt.Errorf("%w: the files of manifest %s are in the lake already. Try: etl adopt, which continues", ErrAdopting, m.ID)
}

// AdoptOptions of Adopt.
type AdoptOptions struct {
	adopt.Options
	// From is the name of the job that wrote the files; "": this job.
	From string
}

// Adopt rebuilds the job's ledger from the files of the lake, or adds to it what it does not know. adopt.ErrUnaccounted: not every file
// can be adopted, and nothing was written.
func (r *Runner) Adopt(ctx context.Context, o AdoptOptions) (*adopt.Report, *report.Summary, error) {
	x := r.newRun("adopt", "ON_DEMAND", o.DryRun)
	var out *adopt.Report
	sum, err := x.do(ctx, func(ctx context.Context) (err error) {
		busy, err := x.ledger.Holders(ctx)
		if err != nil {
			return err
		}
		for id := range busy {
			if id != x.id {
				return fmt.Errorf("%w: run %s is working on the job. Try: adopt again when it has ended", ledger.ErrHeld, id)
			}
		}
		if !o.DryRun {
			lease, err := x.takeLease(ctx, ledger.LeaseReplay) // two that adopt would only waste work
			if err != nil {
				return err
			}
			defer x.releaseLease(ctx, lease)
			if err := keepLookups(ctx, x.Runner); err != nil {
				return err
			}
		}
		if err := x.places.assignFromLake(ctx); err != nil {
			return err
		}
		p := adopt.Places{Job: x.Spec.Name, Ledger: x.ledger, Staging: x.Staging, Lake: x.Lake, State: x.State, CanDelete: x.Deleter != nil,
			Targets: x.config.targets, Folders: lakeFolders(x.Spec, x.config.targets), From: cmp.Or(o.From, x.Spec.Name), Shared: x.Spec.Lake.Shared, Log: x.log,
			Manifest: func(batches []ledger.ManifestBatch) *ledger.Manifest {
				m := newManifest(x.Runner, x.config, nil)
				m.Batches = batches
				return m
			},
			GrowTables: x.check.growTables,
			RollForward: func(ctx context.Context) error {
				if _, err := x.publisher.rollForward(ctx, nil); err != nil {
					return err
				}
				return x.publisher.markDone(ctx)
			}}
		if x.Deleter != nil {
			p.Delete = x.Deleter.Delete
		}
		out, err = adopt.Adopt(ctx, p, o.Options)
		if err == nil {
			x.sum.Batches, x.sum.Files = out.Batches, out.Files
		}
		return err
	})
	return out, sum, err
}

// assignFromLake gives the classes of a ledger without files their places as the lake has them.
func (p *placement) assignFromLake(ctx context.Context) error {
	x := p.run
	if st, err := x.ledger.Fold(ctx); err != nil || st.Bookmark().Files > 0 {
		return nil // adopt.Adopt reports the error
	}
	all := classes.Of(x.config.compiled)
	live, err := p.reader.InLake(ctx, all)
	if err != nil {
		return err
	}
	p.live = live
	x.config.targets, err = classes.Assign(x.Spec, all, live)
	return err
}

// growTables makes sure that tables exist and have the columns of the current mapping.
func (x *lakeCheck) growTables(ctx context.Context, tables map[string]bool) error {
	for i := range x.config.compiled.Projections {
		p := &x.config.compiled.Projections[i]
		if t := x.config.targets[p.Class]; tables[t.Table] {
			if _, err := x.Catalog.EnsureTable(ctx, catalogTable(t, p, x.publisher.location)); err != nil {
				return err
			}
		}
	}
	return nil
}

// catalogTable is the table of a class with the columns that a projection fills.
func catalogTable(t lake.Target, p *sqlgen.Projection, location func(string) string) catalog.Table {
	table := catalog.Table{Name: t.Table, Location: location(t.Folder)}
	for _, c := range lake.Columns(&p.Schema) {
		table.Columns = append(table.Columns, catalog.Column{Name: c.Name, Type: c.Type})
	}
	return table
}
