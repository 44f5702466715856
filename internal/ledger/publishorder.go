package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/silt-etl/silt/internal/objstore"
)

// This file holds the order in which an entry becomes visible: publish the files of a partition, then delete the files that they
// replace, then delete quarantine that is no longer needed, then add the partitions to the catalog.

// step is one file to publish or to remove.
type step struct {
	file    File
	publish bool
}

// entry rolls one entry forward from the fold as it is now.
func (r *roller) entry(ctx context.Context, e *rolling) (Rolled, error) {
	st := r.l.st
	st.mu.RLock()
	t := Rolled{Seq: e.seq, live: st.liveOf(e)}
	var qdead []string
	adding := map[string]bool{} // attempts whose files may still be held
	for _, o := range st.rolling {
		if o.attempt != nil {
			adding[o.attempt.Key] = true
		}
	}
	for _, q := range e.qdead {
		if _, live := st.quarantine[q]; !live {
			qdead = append(qdead, q)
		}
	}
	st.mu.RUnlock()

	// Within a partition publishing comes before deleting: readers may see rows twice for a moment, never none.
	type place struct {
		table  string
		values [3]string
	}
	var order []place
	parts := map[place][]step{}
	var last []File // those of which nothing but the key is known
	gather := func(ref fileRef, publish bool) error {
		f, err := r.file(ctx, ref, !adding[ref.attempt.Key])
		if err != nil {
			return err
		}
		if f.Table == "" {
			last = append(last, f)
			return nil
		}
		p := place{f.Table, f.Values}
		if _, ok := parts[p]; !ok {
			order = append(order, p)
		}
		parts[p] = append(parts[p], step{f, publish})
		return nil
	}
	for i, ref := range e.adds {
		if t.live[i] == '1' {
			if err := gather(ref, true); err != nil {
				return t, err
			}
		}
	}
	for i, ref := range e.adds {
		if t.live[i] == '0' {
			if err := gather(ref, false); err != nil {
				return t, err
			}
		}
	}
	for _, ref := range e.removes {
		if err := gather(ref, false); err != nil {
			return t, err
		}
	}

	var live []File
	var absent []string
	var undeleted error // a delete that fails does not keep the rest from being published
	err := r.l.each(len(order), func(i int) error {
		for _, s := range parts[order[i]] {
			if !s.publish {
				if err := r.remove(ctx, s.file); err != nil {
					r.mu.Lock()
					undeleted = err
					r.mu.Unlock()
				}
				continue
			}
			there, err := r.publish(ctx, s.file)
			if err != nil {
				return err
			}
			r.mu.Lock()
			if there {
				live = append(live, s.file)
			} else {
				absent = append(absent, s.file.Held.Key)
			}
			r.mu.Unlock()
		}
		return nil
	})
	if len(absent) > 0 {
		return t, r.absent(ctx, absent)
	}
	if err != nil {
		return t, err
	}
	for _, f := range last {
		if err := r.remove(ctx, f); err != nil {
			undeleted = err
		}
	}
	for _, q := range qdead {
		if err := r.l.store.Delete(ctx, q); err != nil {
			undeleted = errDelete{fmt.Errorf("delete quarantine: %w", err)}
		}
	}
	if r.o.AddPartitions != nil && len(live) > 0 {
		slices.SortFunc(live, func(a, b File) int {
			return slices.Index(keysOf(e.adds), a.Held.Key) - slices.Index(keysOf(e.adds), b.Held.Key)
		})
		if err := r.o.AddPartitions(ctx, live); err != nil {
			return t, fmt.Errorf("add partitions: %w", err)
		}
	}
	return t, undeleted
}

func keysOf(refs []fileRef) []string {
	out := make([]string, len(refs))
	for i, f := range refs {
		out[i] = f.key
	}
	return out
}

// publish makes a file visible, and tells whether it is.
func (r *roller) publish(ctx context.Context, f File) (there bool, err error) {
	err = objstore.ErrNotHeld
	if f.Held.UploadID != "" { // else it was adopted, when it was visible
		err = r.o.Lake.Publish(ctx, f.Held)
	}
	if errors.Is(err, objstore.ErrNotHeld) {
		var o objstore.Object
		o, err = r.o.Lake.Head(ctx, f.Held.Key)
		if errors.Is(err, objstore.ErrNotExist) {
			return false, nil
		}
		if err == nil && o.SizeBytes != f.Held.SizeBytes {
			err = fmt.Errorf("%s/%s has %d bytes, but the attempt's file has %d, so another program wrote it. Try: move that object away",
				r.o.Lake, f.Held.Key, o.SizeBytes, f.Held.SizeBytes)
		}
	}
	if err != nil {
		return false, fmt.Errorf("publish: %w", err)
	}
	r.mu.Lock()
	r.res.Published++
	r.mu.Unlock()
	return true, nil
}

// remove ends a dead file. Dropping comes first: once nothing is held no late publication can follow the delete.
func (r *roller) remove(ctx context.Context, f File) error {
	if r.o.Deleter == nil {
		return errDelete{fmt.Errorf("delete %s/%s: %w. Try: set lake.delete_role_arn", r.o.Lake, f.Held.Key, objstore.ErrDenied)}
	}
	if f.Table != "" && f.Held.UploadID != "" { // else its record is gone or it was adopted, and nothing of it is held
		if err := r.o.Deleter.Drop(ctx, f.Held); err != nil {
			return errDelete{fmt.Errorf("drop a held file that is no longer needed: %w", err)}
		}
	}
	if err := r.o.Deleter.Delete(ctx, f.Held.Key); err != nil {
		return errDelete{fmt.Errorf("delete a file that is no longer needed: %w", err)}
	}
	r.mu.Lock()
	r.res.Deleted++
	r.mu.Unlock()
	return nil
}
