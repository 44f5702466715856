package classes

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/provenance"
)

// Reader finds out which folders of a job have rows.
type Reader struct {
	Job    *jobfile.Spec
	Ledger *ledger.Ledger
	// Lake is read if the manifests do not say which class is in ext/<source>/.
	Lake objstore.Reader
	// Planned lists the classes of the mapping that a manifest keeps.
	Planned func(ctx context.Context, m *ledger.Manifest) ([]lake.Class, error)

	known map[string]string // by batch: the class of its files in ext/<source>/
}

// Live reads the files of the ledger, or plans if it has no files. classes are those of the current mapping.
func (r *Reader) Live(ctx context.Context, st *ledger.State, classes []lake.Class) (Live, error) {
	live := Live{ByClass: map[string]bool{}, Own: map[string]bool{}}
	if layouts[r.Job.Lake.Layout] != lake.LayoutByClass {
		return live, nil
	}
	flatBatch, flatKey := "", ""
	last := ""
	ledger.LakeFiles{State: st}.Each(func(batch, key string) bool {
		folder, _, _ := strings.Cut(key, "region=")
		if folder == last && (flatBatch != "" || folder != lake.SourceFolder(r.Job.Lake.SourceName)) {
			return true
		}
		last = folder
		if live.add(r.Job.Lake.SourceName, folder) && flatBatch == "" {
			flatBatch, flatKey = batch, key
		}
		return true
	})
	switch {
	case flatBatch == "" && len(live.ByClass) == 0:
		return live, r.plans(ctx, st, &live)
	case flatBatch == "":
		return live, nil
	case len(classes) == 1 && len(live.ByClass) == 0: // it can only be that one
		live.First = classes[0].Name
		return live, nil
	}
	if class, ok := r.known[flatBatch]; ok {
		live.First = class
		return live, nil
	}
	first, err := r.first(ctx, st, live, classes, flatBatch, flatKey)
	if err != nil {
		return live, err
	}
	r.known = map[string]string{flatBatch: first}
	live.First = first
	return live, nil
}

// add notes a folder with rows. It says whether it is that of the source itself.
func (l *Live) add(source, folder string) bool {
	rest, ok := strings.CutPrefix(folder, "ext/"+source)
	switch {
	case !ok:
	case rest == "/":
		return true
	case strings.HasPrefix(rest, "/"):
		l.ByClass[strings.Trim(rest, "/")] = true
	case strings.HasPrefix(rest, "-"):
		if uid := strings.TrimSuffix(rest[1:], "/"); isNumber(uid) {
			l.Own[source+"-"+uid] = true
		}
	}
	return false
}

func isNumber(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0
}

// first is the class in ext/<source>/: what the manifest of its newest batch says, the only class of that manifest's mapping, or what the
// file itself says. "": an earlier version of etl has moved the job to folders by class.
func (r *Reader) first(ctx context.Context, st *ledger.State, live Live, classes []lake.Class, batch, key string) (string, error) {
	b, _ := st.Batch(batch)
	var m *ledger.Manifest
	var err error
	if b.Made != "" {
		if m, err = r.Ledger.MadeFrom(ctx, b); err != nil && !isLost(err) {
			return "", err
		}
	}
	if m != nil {
		if first := r.recorded(m); first != "" {
			return first, nil
		}
	}
	if len(live.ByClass) > 0 {
		return "", nil
	}
	if m != nil {
		if planned, err := r.Planned(ctx, m); err == nil && len(planned) == 1 {
			return planned[0].Name, nil
		}
	}
	return r.classOf(ctx, classes, key)
}

// isLost says whether a manifest cannot be read any more, whoever tries.
func isLost(err error) bool {
	return errors.Is(err, objstore.ErrNotExist) || errors.Is(err, ledger.ErrCorrupt)
}

// recorded is the class that a manifest gives ext/<source>/.
func (r *Reader) recorded(m *ledger.Manifest) string {
	for name, t := range m.Classes {
		if t.Folder == lake.SourceFolder(r.Job.Lake.SourceName) {
			return name
		}
	}
	return ""
}

// classOf reads the class of a file.
func (r *Reader) classOf(ctx context.Context, classes []lake.Class, key string) (string, error) {
	o, err := r.Lake.Head(ctx, key)
	var uid int
	if err == nil {
		uid, err = provenance.ClassUID(ctx, r.Lake, o)
	}
	if err == nil {
		for _, c := range classes {
			if c.UID == uid {
				return c.Name, nil
			}
		}
		return strconv.Itoa(uid), nil // a class that the mapping does not have any more
	}
	for _, c := range classes {
		if e := r.Job.Lake.Classes[c.Name]; e != nil && e.SourceName == r.Job.Lake.SourceName {
			return c.Name, nil
		}
	}
	source := r.Job.Lake.SourceName
	return "", fmt.Errorf("find out which event class is in %s, because the mapping has %d classes: %w. Try: name the class with lake.classes.<class>.source_name: %s",
		lake.SourceFolder(source), len(classes), err, source)
}

// plans reads the newest plan that is open, or else that of the newest batch that was committed and released: a rewind deletes the rows of
// a job to load them again, and they belong where they were.
func (r *Reader) plans(ctx context.Context, st *ledger.State, live *Live) error {
	var b *ledger.Batch
	all := st.Batches()
	for i := len(all) - 1; i >= 0 && (b == nil || b.State != ledger.BatchOpen); i-- {
		if all[i].State == ledger.BatchOpen || b == nil && all[i].State == ledger.BatchReleased && all[i].Committed > 0 {
			b = &all[i]
		}
	}
	if b == nil {
		return nil
	}
	if b.State == ledger.BatchOpen {
		b.Made = b.Manifest.ID
	}
	m, err := r.Ledger.MadeFrom(ctx, *b)
	if isLost(err) || errors.Is(err, ledger.ErrNewer) {
		return nil // the run that resumes it reports it
	}
	if err != nil {
		return err
	}
	if m.Classes != nil {
		for name, t := range m.Classes {
			if live.add(r.Job.Lake.SourceName, t.Folder) {
				live.First = name
			}
		}
		return nil
	}
	planned, err := r.Planned(ctx, m)
	switch {
	case err != nil:
		return nil
	case len(planned) == 1:
		live.First = planned[0].Name
	default:
		for _, c := range planned {
			live.ByClass[c.Name] = true
		}
	}
	return nil
}

// InLake reads from the lake which folders have rows, if the ledger was lost.
func (r *Reader) InLake(ctx context.Context, classes []lake.Class) (Live, error) {
	live := Live{ByClass: map[string]bool{}, Own: map[string]bool{}}
	source := lake.SourceFolder(r.Job.Lake.SourceName)
	if layouts[r.Job.Lake.Layout] != lake.LayoutByClass {
		return live, nil
	}
	folders, err := r.Lake.Folders(ctx, source)
	if err != nil {
		return live, fmt.Errorf("list the lake: %w", err)
	}
	flat := ""
	for _, f := range folders {
		if strings.HasPrefix(f, source+"region=") {
			flat = f
			continue
		}
		live.add(r.Job.Lake.SourceName, f)
	}
	if flat == "" || len(classes) == 1 || len(live.ByClass) > 0 {
		return live, nil
	}
	key := ""
	found := errors.New("found")
	err = r.Lake.List(ctx, objstore.ListOptions{Prefix: flat}, func(o objstore.Object) error {
		if _, _, ok := provenance.Parse(o.Key); !ok {
			return nil
		}
		key = o.Key
		return found
	})
	if err != nil && !errors.Is(err, found) {
		return live, fmt.Errorf("list the lake: %w", err)
	}
	if key != "" {
		live.First, err = r.classOf(ctx, classes, key)
		return live, err
	}
	return live, nil
}
