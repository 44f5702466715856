package attempt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/quarantine"
)

// needsMemory says that an attempt needed too much memory. A full temp folder is not the fault of an object.
func needsMemory(err error) bool {
	return errors.Is(err, errMemory) && !strings.Contains(err.Error(), "offload") && !strings.Contains(err.Error(), "max_temp_directory_size")
}

// largeAtLeast is how many objects can need too much memory alone whatever their share is: a few never keep the others from being loaded.
const largeAtLeast = 10

// largeShown is how many objects the text of TooManyLarge names.
const largeShown = 5

// TooManyLarge says that more than largeAtLeast objects, and a larger share than Options.MaxBroken, need too much memory alone. Then the
// mapping or the limit is the cause, and not the objects. The search ends there, so more objects may need too much.
type TooManyLarge struct {
	Mapping     string
	Keys        []string // of the objects that were found
	Objects     int
	MemoryBytes int64
	Rows        []quarantine.Row // the first of those objects, as quarantine would have them
}

func (e *TooManyLarge) Error() string {
	names := strings.Join(e.Keys[:min(largeShown, len(e.Keys))], ", ")
	if more := len(e.Keys) - largeShown; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("at least %d of %s need more memory than limits.memory (%s) for mapping %s, each of them alone: %s; nothing of the batch was committed",
		len(e.Keys), human.Plural(int64(e.Objects), "object"), human.Size(e.MemoryBytes), e.Mapping, names)
}

// tooManyLarge is a *TooManyLarge if that many objects were found.
func tooManyLarge(o Options, objects []Object, all ...failed) error {
	var keys []string
	var rows []quarantine.Row
	for i := range objects {
		if slices.ContainsFunc(all, func(some failed) bool { return some[recordID{object: i}] != nil }) {
			keys = append(keys, objects[i].Key)
			if len(rows) < exampleRows {
				rows = append(rows, quarantine.Row{Job: o.Job, Run: o.Run, Object: objects[i].Key, ETag: objects[i].ETag, Reason: ReasonObjectTooLarge, Message: needsMore(o.MemoryBytes)})
			}
		}
	}
	if n := len(keys); n <= largeAtLeast || float64(n) <= o.MaxBroken*float64(len(objects)) {
		return nil
	}
	return &TooManyLarge{Mapping: o.Compiled.Name, Keys: keys, Objects: len(objects), MemoryBytes: o.MemoryBytes, Rows: rows}
}

func needsMore(limit int64) string {
	return "the object alone needs more memory than limits.memory (" + human.Size(limit) + ")"
}

// oversized gives the objects that need too much memory when they are processed alone. It halves the objects that do: at most 2 log2(n)
// attempts for each one that it finds. Other errors end the search, and no object is the cause of those. A *TooManyLarge ends it too.
func oversized(ctx context.Context, o Options, objects []Object, without failed) (failed, error) {
	o.Progress, o.Trace = nil, nil
	found := failed{}
	pass := 0
	var search func(some []int) error
	search = func(some []int) error {
		if len(some) == 0 {
			return nil
		}
		pass++
		err := alone(ctx, o, objects, some, without, pass)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil || dataError(err): // its records are looked for later
			return nil
		case !needsMemory(err):
			return err
		case len(some) == 1:
			found[recordID{object: some[0]}] = &decode.Reject{Code: ReasonObjectTooLarge,
				Message: needsMore(o.MemoryBytes)}
			return tooManyLarge(o, objects, without, found)
		}
		if err := search(some[:len(some)/2]); err != nil {
			return err
		}
		return search(some[len(some)/2:])
	}
	var all []int
	for i := range objects {
		if without[recordID{object: i}] == nil {
			all = append(all, i)
		}
	}
	if len(all) < 2 { // it has failed alone; once more decides
		return found, search(all)
	}
	if err := search(all[:len(all)/2]); err != nil {
		return nil, err
	}
	return found, search(all[len(all)/2:])
}

// alone makes an attempt at some of the objects, and removes its files.
func alone(ctx context.Context, o Options, objects []Object, some []int, without failed, pass int) error {
	o.TempDir = filepath.Join(o.TempDir, fmt.Sprintf("alone-%d", pass))
	if err := os.MkdirAll(o.TempDir, 0o700); err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(o.TempDir) }()
	part, left := make([]Object, len(some)), failed{}
	for k, i := range some {
		part[k] = objects[i]
		for id, rej := range without {
			if id.object == i {
				left[recordID{k, id.number}] = rej
			}
		}
	}
	_, err := run(ctx, o, part, left)
	return err
}
