package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/staging"
)

// trialStore is a store in which a check may write.
type trialStore struct {
	ledger.Lake
	results []Result // about opening it
	remove  func()   // deletes what was created for the trial
}

// openForTrial opens a store that a run writes to. A folder that does not exist yet is not created: the trial uses a temporary
// folder next to it. The store is nil if it cannot be opened, and results say why.
func (e *examination) openForTrial(ctx context.Context, what, location string, opts objstore.Options) (*trialStore, []Result) {
	t := &trialStore{remove: func() {}}
	if e.willBeCreated(location) {
		parent := filepath.Dir(filepath.Clean(location))
		for !exists(parent) && parent != filepath.Dir(parent) {
			parent = filepath.Dir(parent)
		}
		temporary := filepath.Join(parent, ".silt-doctor-"+ulid.Make().String())
		if err := os.Mkdir(temporary, 0o755); err != nil {
			return nil, []Result{fail(what, fmt.Errorf("%s does not exist and cannot be created: %w", location, err), "")}
		}
		t.remove = func() { os.RemoveAll(temporary) }
		t.results = []Result{ok(what, "%s does not exist yet; the first run creates it. This check uses a folder next to it", location)}
		location = temporary
	}
	opts.Create, opts.HideSilt = false, false
	b, err := e.Stores.Open(ctx, location, opts)
	if err != nil {
		t.remove()
		return nil, append(t.results, fail(what, err, ""))
	}
	s, isLake := b.(ledger.Lake)
	if !isLake {
		t.remove()
		return nil, append(t.results, fail(what, fmt.Errorf("%s cannot hold files", b), ""))
	}
	t.Lake = s
	return t, t.results
}

// willBeCreated says whether a place does not exist yet and a run creates it.
func (e *examination) willBeCreated(location string) bool {
	_, kind, err := e.Stores.Find(location)
	return err == nil && kind.CreatedByRun && !exists(location)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// stagingSample is how many objects of staging are looked at.
const stagingSample = 1000

var errEnough = errors.New("enough objects")

func checkStaging(ctx context.Context, e *examination) []Result {
	s, err := e.Stores.Open(ctx, e.Job.Source.Staging, e.Options.Staging)
	if err != nil {
		return []Result{fail("staging", err, "")}
	}
	out := map[string]bool{}
	listing := objstore.WithLinkReport(ctx, func(key string) {
		if strings.HasSuffix(key, "/") || isSelected(key, e.Job.Source.Include, e.Job.Source.Exclude) {
			out[key] = true
		}
	})
	results := []Result{tryStaging(listing, s, e.Job.Source.Include, e.Job.Source.Exclude)}
	if len(out) > 0 {
		results = append(results, warn("links", "copy the files into staging, or set source.follow_links: true", "%s", staging.DescribeLinksOut(slices.Sorted(maps.Keys(out)))))
	}
	return results
}

// tryStaging lists the beginning of staging and reads the first byte of an object that a run would read.
func tryStaging(ctx context.Context, s objstore.Reader, include, exclude []string) Result {
	const what = "staging"
	var first *objstore.Object
	listed, selected := 0, 0
	err := s.List(ctx, objstore.ListOptions{}, func(o objstore.Object) error {
		if listed++; isSelected(o.Key, include, exclude) && !strings.HasSuffix(o.Key, "/") {
			selected++
			if first == nil {
				first = &o
			}
		}
		if listed >= stagingSample {
			return errEnough
		}
		return nil
	})
	objects := human.Plural(int64(listed), "object")
	if errors.Is(err, errEnough) {
		objects, err = "the first "+objects, nil
	}
	switch {
	case err != nil:
		return fail(what, err, "")
	case listed == 0:
		return warn(what, "check source.staging, if logs should be there already", "%s can be listed and is empty", s)
	case first == nil:
		return warn(what, "compare them with the keys, which begin below source.staging", "source.include and source.exclude select 0 of %s in %s", objects, s)
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
		return fail(what, err, "")
	}
	return ok(what, "%s can be listed and read; a run reads %s of %s", s, human.Count(int64(selected)), objects)
}

func isSelected(key string, include, exclude []string) bool {
	matches := func(globs []string) bool {
		for _, g := range globs {
			if ok, _ := doublestar.Match(g, key); ok {
				return true
			}
		}
		return false
	}
	return (len(include) == 0 || matches(include)) && !matches(exclude)
}

func checkLake(ctx context.Context, e *examination) []Result {
	s, results := e.openForTrial(ctx, "lake", e.Job.Lake.Location, e.Options.Lake)
	if s == nil {
		return results
	}
	defer s.remove()
	deleter, err := e.openDeleter(ctx)
	if err != nil {
		results = append(results, fail("deleting", err, ""))
	}
	results = append(results, tryLake(ctx, s, deleter, e.sourceFolder())...)
	for _, name := range slices.Sorted(maps.Keys(e.Job.Lake.Classes)) { // each role in the folder of its own source
		c := e.Job.Lake.Classes[name]
		if c.RoleARN == "" {
			continue
		}
		opts := e.Options.Lake
		opts.RoleARN, opts.ExternalID = c.RoleARN, c.ExternalID
		s, found := e.openForTrial(ctx, "lake", e.Job.Lake.Location, opts)
		if s != nil {
			found = append(found, tryLake(ctx, s, deleter, lake.SourceFolder(c.SourceName))...)
			s.remove()
		}
		for _, r := range found {
			r.What += " for class " + name
			results = append(results, r)
		}
	}
	return results
}

// sourceFolder is the job's own folder in the lake.
func (e *examination) sourceFolder() string { return "ext/" + e.Job.Lake.SourceName + "/" }

// openDeleter opens the lake with the role that may delete. It is nil if deletes need no role or the job names none.
func (e *examination) openDeleter(ctx context.Context) (ledger.Lake, error) {
	_, kind, err := e.Stores.Find(e.Job.Lake.Location)
	if err != nil || !kind.DeletesNeedRole || e.Job.Lake.DeleteRoleARN == "" {
		return nil, err
	}
	b, err := e.Stores.Open(ctx, e.Job.Lake.Location, e.Options.Deleter)
	if err != nil {
		return nil, err
	}
	s, isLake := b.(ledger.Lake)
	if !isLake {
		return nil, fmt.Errorf("%s cannot hold files", b)
	}
	return s, nil
}

// tryLake holds a file as a run does, with the job's KMS key, and drops it: it never becomes visible. With a deleter, that one drops
// the file, and deletes a key that does not exist.
func tryLake(ctx context.Context, s, deleter ledger.Lake, folder string) []Result {
	const what = "lake"
	key := folder + "doctor-" + ulid.Make().String()
	body := []byte("etl doctor")
	h, err := s.Hold(ctx, key, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return []Result{fail(what, err, tryKMS(err))}
	}
	holds := fmt.Sprintf("%s can hold files without showing them to readers", s)
	if deleter != nil {
		if err := errors.Join(deleter.Drop(ctx, h), deleter.Delete(ctx, key)); err != nil {
			return []Result{ok(what, "%s", holds), fail("deleting", err, "allow s3:AbortMultipartUpload and s3:DeleteObject below ext/ for lake.delete_role_arn")}
		}
		return []Result{ok(what, "%s", holds), ok("deleting", "held files can be dropped, and files can be deleted")}
	}
	if err := s.Drop(ctx, h); err != nil {
		return []Result{warn(what, "allow s3:AbortMultipartUpload, or let a lifecycle rule abort incomplete uploads; this check has left upload "+h.UploadID,
			"%s, but a held file cannot be dropped: %v", holds, err)}
	}
	return []Result{ok(what, "%s, and drop them", holds)}
}

// tryKMS says what a refusal that names KMS needs.
func tryKMS(err error) string {
	if t := strings.ToLower(err.Error()); strings.Contains(t, "kms") && !strings.Contains(t, "kms:generatedatakey") {
		return "allow kms:GenerateDataKey and kms:Decrypt on the key, and in the key policy too if the key belongs to another account"
	}
	return ""
}

func checkState(ctx context.Context, e *examination) (results []Result) {
	opts := e.Options.State
	opts.HoldCopies = e.Job.Lake.Hold == "copy" // what the lake must promise is tested here, where doctor may delete
	e.state, results = e.openForTrial(ctx, "state", e.Job.State, opts)
	if e.state == nil {
		return results
	}
	return append(results, tryState(ctx, e.state, e.Job.Name+"/", e.tryIfHeldUnsafe())...)
}

// tryIfHeldUnsafe says what to try if held files are not safe in the state's store. The lake is usually on the same server.
func (e *examination) tryIfHeldUnsafe() string {
	_, kind, err := e.Stores.Find(e.Job.Lake.Location)
	switch {
	case err != nil || !kind.HoldsCopies:
		return ""
	case e.Job.Lake.Hold == "copy":
		return "use another store"
	}
	return "set lake.hold to copy, if the lake is on the same server"
}

// clockTolerance is how far the clocks may differ. S3 refuses requests from 15 minutes on.
const clockTolerance = 30 * time.Second

func checkClock(ctx context.Context, e *examination) []Result {
	if e.state == nil {
		return nil // checkState could not open it, and says why
	}
	return []Result{compareClocks(ctx, e.state, e.Now)}
}

func compareClocks(ctx context.Context, s objstore.Bucket, now func() time.Time) Result {
	const what = "clock"
	before := now()
	t, err := s.Now(ctx)
	if err != nil {
		return fail(what, err, "")
	}
	skew := t.Sub(before.Add(now().Sub(before) / 2)).Round(time.Second).Abs()
	if skew > clockTolerance {
		return warn(what, "run an NTP client; S3 refuses requests if the clocks differ by 15 minutes", "this machine's clock and the store's differ by %s", skew)
	}
	return ok(what, "this machine's clock and the store's differ by less than %s", clockTolerance)
}
