package doctor

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETags are MD5
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
)

// DamagedFile is a file that is not what its attempt wrote.
type DamagedFile struct {
	Key string `json:"key"`
	Why string `json:"why"`
}

// ReadFiles counts what was read to compare digests.
type ReadFiles struct {
	Files     int   `json:"files"`
	SizeBytes int64 `json:"size"`
}

// expected is a file as its attempt record has it.
type expected struct {
	key        string
	sizeBytes  int64
	sha256     string
	etag       string // that S3 gives to the parts of the record, if their ETags are MD5; "": unknown
	quarantine bool
}

// contents is one comparison of live files with the records of the attempts that wrote them.
type contents struct {
	*Comparison
	places Places
	listed map[string]objstore.Object // files of the lake that readers see

	mu        sync.Mutex
	sameETags bool // a file whose ETag was another one than expected had the right content: the store's ETags are not MD5
}

// compareContents compares the sizes of live files and of quarantine files with attempt records, and their digests where the store tells
// them. With Places.Deep it reads all of these files again, and compares the digests of what it reads.
func (c *Comparison) compareContents(ctx context.Context, p Places, listed map[string]objstore.Object) error {
	x := &contents{Comparison: c, places: p, listed: listed}
	st, err := p.Ledger.Fold(ctx)
	if err != nil {
		return err
	}
	files, err := x.expect(ctx, st)
	if err != nil {
		return err
	}
	if p.Deep {
		c.Read = &ReadFiles{}
	}
	var work errgroup.Group
	work.SetLimit(headsAtOnce)
	for _, f := range files {
		if ctx.Err() != nil {
			break
		}
		work.Go(func() error {
			if f.quarantine {
				return x.quarantineFile(ctx, f)
			}
			return x.lakeFile(ctx, f)
		})
	}
	if err := errors.Join(work.Wait(), ctx.Err()); err != nil {
		return err
	}
	return x.finish(ctx)
}

// expect reads the attempt records of the files that batches have. Files of entries that are not done are left to whoever rolls them
// forward.
func (x *contents) expect(ctx context.Context, st *ledger.State) ([]expected, error) {
	pending := map[string]bool{}
	for _, r := range st.NotDone() {
		for _, k := range slices.Concat(r.Adds, r.Removes) {
			pending[k] = true
		}
	}
	refs := map[string]*ledger.AttemptRef{} // by key of the record
	wanted := map[string]map[string]bool{}  // files by key of their attempt's record
	want := func(ref *ledger.AttemptRef, file string) {
		if wanted[ref.Key] == nil {
			refs[ref.Key], wanted[ref.Key] = ref, map[string]bool{}
		}
		wanted[ref.Key][file] = true
	}
	for _, b := range st.Batches() {
		byAttempt := map[string]*ledger.AttemptRef{}
		for i, ref := range b.FileAttempts {
			if ref == nil {
				continue
			}
			byAttempt[strings.TrimSuffix(path.Base(ref.Key), ".json")] = ref
			if !pending[b.Files[i]] {
				want(ref, b.Files[i])
			}
		}
		for _, key := range b.Quarantine {
			id := strings.TrimSuffix(path.Base(key), ".parquet")
			if byAttempt[id] == nil {
				named, err := x.places.Ledger.NamedAttempts(ctx, b)
				if err != nil {
					return nil, err
				}
				byAttempt = named
			}
			if ref := byAttempt[id]; ref != nil {
				want(ref, key)
			}
		}
	}
	var mu sync.Mutex
	var files []expected
	var work errgroup.Group
	work.SetLimit(headsAtOnce)
	for key, ref := range refs {
		work.Go(func() error {
			a, err := x.places.Ledger.Attempt(ctx, *ref)
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, objstore.ErrNotExist) { // retention has deleted it
				x.NotCompared += len(wanted[key])
				for file := range wanted[key] {
					if strings.Contains(file, "/quarantine/") {
						files = append(files, expected{key: file, sizeBytes: -1, quarantine: true})
					}
				}
				return nil
			}
			if err != nil {
				return err
			}
			for _, f := range a.Files {
				if wanted[key][f.Held.Key] {
					files = append(files, expected{key: f.Held.Key, sizeBytes: f.Held.SizeBytes, sha256: f.Held.SHA256, etag: etagOfParts(f.Held.PartETags)})
				}
			}
			for _, q := range a.Quarantine {
				if wanted[key][q.Key] {
					files = append(files, expected{key: q.Key, sizeBytes: q.SizeBytes, sha256: q.SHA256, quarantine: true})
				}
			}
			return nil
		})
	}
	err := work.Wait()
	return files, err
}

// etagOfParts is the ETag that S3 gives to an object that is made of parts with these ETags. It is empty if they are not MD5.
func etagOfParts(parts []string) string {
	var sums []byte
	for _, p := range parts {
		sum, err := hex.DecodeString(strings.Trim(p, `"`))
		if err != nil || len(sum) != md5.Size {
			return ""
		}
		sums = append(sums, sum...)
	}
	if len(parts) == 0 {
		return ""
	}
	sum := md5.Sum(sums) //nolint:gosec // S3's ETags are MD5
	return hex.EncodeToString(sum[:]) + "-" + strconv.Itoa(len(parts))
}

// lakeFile compares one live file. A file that is not visible is missing, which the comparison with the ledger reports.
func (x *contents) lakeFile(ctx context.Context, f expected) error {
	o, visible := x.listed[f.key]
	switch {
	case !visible:
		return nil
	case o.SizeBytes != f.sizeBytes:
		x.damaged(&x.DamagedFiles, f.key, sizeDiffers(o.SizeBytes, f.sizeBytes))
		return nil
	case x.places.Files == nil:
		return nil
	case f.sha256 == "": // etl adopt wrote the record, from the file as it was then
		x.mu.Lock()
		x.NotCompared++
		x.mu.Unlock()
		return nil
	case x.places.Deep:
		_, err := x.read(ctx, x.places.Files, f, &x.DamagedFiles)
		return err
	case !x.suspicious(o.ETag, f.etag):
		return nil
	}
	same, err := x.read(ctx, x.places.Files, f, &x.DamagedFiles)
	if err == nil && same {
		x.mu.Lock()
		x.sameETags = true
		x.mu.Unlock()
	}
	return err
}

func sizeDiffers(is, was int64) string {
	return fmt.Sprintf("it has %s, and its attempt wrote %s", exactSize(is), exactSize(was))
}

// exactSize distinguishes sizes that differ by a byte.
func exactSize(n int64) string { return human.Count(n) + " bytes" }

// suspicious says whether an ETag in the form of those of several parts is another one than expected.
func (x *contents) suspicious(is, want string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	is = strings.Trim(is, `"`)
	_, n, ok := strings.Cut(want, "-")
	return ok && !x.sameETags && strings.HasSuffix(is, "-"+n) && is != want
}

// quarantineFile compares one quarantine file that a batch has.
func (x *contents) quarantineFile(ctx context.Context, f expected) error {
	if x.places.State == nil {
		return nil
	}
	o, err := x.places.State.Head(ctx, f.key)
	switch {
	case errors.Is(err, objstore.ErrNotExist):
		x.damaged(&x.DamagedQuarantine, f.key, missing)
		return nil
	case err != nil:
		return err
	case f.sizeBytes >= 0 && o.SizeBytes != f.sizeBytes:
		x.damaged(&x.DamagedQuarantine, f.key, sizeDiffers(o.SizeBytes, f.sizeBytes))
		return nil
	case x.places.Deep && f.sizeBytes >= 0:
		_, err = x.read(ctx, x.places.State, f, &x.DamagedQuarantine)
	}
	return err
}

const missing = "not found"

// read compares the digest of what is read of a file with that of its attempt.
func (x *contents) read(ctx context.Context, s objstore.Reader, f expected, damaged *[]DamagedFile) (same bool, err error) {
	in, _, err := s.Get(ctx, f.key, objstore.GetOptions{})
	if errors.Is(err, objstore.ErrNotExist) { // removed since it was listed
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer in.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, in)
	if err != nil {
		return false, fmt.Errorf("read %s/%s: %w", s, f.key, err)
	}
	same = hex.EncodeToString(sum.Sum(nil)) == f.sha256
	if !same {
		x.damaged(damaged, f.key, "its SHA-256 is not the one that its attempt recorded")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.Read != nil {
		x.Read.Files++
		x.Read.SizeBytes += n
	}
	return same, nil
}

func (x *contents) damaged(list *[]DamagedFile, key, why string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	*list = append(*list, DamagedFile{key, why})
}

// finish leaves out what an entry removed during the comparison.
func (x *contents) finish(ctx context.Context) error {
	if len(x.DamagedFiles)+len(x.DamagedQuarantine) == 0 {
		return nil
	}
	st, err := x.places.Ledger.Fold(ctx)
	if err != nil {
		return err
	}
	x.DamagedFiles = slices.DeleteFunc(x.DamagedFiles, func(f DamagedFile) bool { return !st.Live(f.Key) })
	x.DamagedQuarantine = slices.DeleteFunc(x.DamagedQuarantine, func(f DamagedFile) bool { return !st.LiveQuarantine(f.Key) })
	for _, list := range [][]DamagedFile{x.DamagedFiles, x.DamagedQuarantine} {
		slices.SortFunc(list, func(a, b DamagedFile) int { return cmp.Compare(a.Key, b.Key) })
	}
	return nil
}

// contentResults are the comparison of contents as lines for a person.
func (c *Comparison) contentResults() []Result {
	var results []Result
	describe := func(list []DamagedFile) string {
		var texts []string
		for _, f := range list {
			texts = append(texts, fmt.Sprintf("%s (%s)", f.Key, f.Why))
		}
		return few(texts)
	}
	if n := len(c.DamagedFiles); n > 0 {
		results = append(results, fail("damaged files", fmt.Errorf("%s of the ledger with another content than published: %s", human.Plural(int64(n), "file"), describe(c.DamagedFiles)),
			"restore the objects (a bucket with versioning still has them), or reprocess their sources with etl backfill --replace"))
	}
	if n := len(c.DamagedQuarantine); n > 0 {
		results = append(results, fail("quarantine files", fmt.Errorf("%s of the ledger missing or damaged, so their records cannot be shown or replayed: %s",
			human.Plural(int64(n), "file"), describe(c.DamagedQuarantine)), "restore the objects (a bucket with versioning still has them)"))
	}
	if c.Read != nil && len(c.DamagedFiles)+len(c.DamagedQuarantine) == 0 {
		results = append(results, ok("deep", "%s (%s) read again, and their SHA-256 is the one of the ledger", human.Plural(int64(c.Read.Files), "file"), human.Size(c.Read.SizeBytes)))
	}
	if c.NotCompared > 0 {
		results = append(results, ok("contents", "%s not compared, because their attempt records were deleted by retention, or written again by etl adopt", human.Plural(int64(c.NotCompared), "file")))
	}
	return results
}
