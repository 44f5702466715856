package ledger

import (
	"context"

	"github.com/silt-etl/silt/internal/ledger/index"
	"github.com/silt-etl/silt/internal/objstore/fileversion"
)

// Versions finds staging objects of a State under the names that they have: an ETag, the ETag that earlier versions of etl gave to
// the same version of a file, and, where an ETag does not follow from the content, the content itself.
type Versions struct{ State *State }

// entryWriter is a Ledger as far as it writes entries that move nothing.
type entryWriter interface {
	simple(ctx context.Context, e Entry) (Entry, error)
}

// SameObjects are versions of objects that have the content of versions that are taken.
type SameObjects []SameObject

// Write records them in one entry, so that the next run knows them without reading them. The entry holds at any number: a version
// whose content is free by then is not taken.
func (s SameObjects) Write(ctx context.Context, l entryWriter) (Entry, error) {
	return l.simple(ctx, Entry{Kind: KindSame, Same: s})
}

// hashContent stands for a key and the SHA-256 of what it holds. No ETag looks like it.
func hashContent(key, sha256 string) index.Key { return hashObject(key, "sha256:"+sha256) }

// digested stands for whatever content of a key was read last.
const digested = "sha256"

// find says who took a version of an object last.
func (v Versions) find(key, etag string) (slot int32, ok bool) {
	if slot, ok = v.State.objects.Get(hashObject(key, etag)); ok {
		return slot, ok
	}
	earlier, ok := fileversion.Earlier(etag)
	if !ok {
		return 0, false
	}
	return v.State.objects.Get(hashObject(key, earlier))
}

// HasContent says whether a committed batch has read this content under this key.
func (v Versions) HasContent(key, sha256 string) bool {
	v.State.mu.RLock()
	defer v.State.mu.RUnlock()
	slot, ok := v.State.objects.Get(hashContent(key, sha256))
	return ok && !v.State.free(slot)
}

// Digested says whether the content of the version of a key that was taken last is known.
func (v Versions) Digested(key string) bool {
	v.State.mu.RLock()
	defer v.State.mu.RUnlock()
	slot, ok := v.State.latest.Get(hashKey(key))
	of, has := v.State.objects.Get(hashObject(key, digested))
	return ok && has && slot == of
}

// Seen says whether the ledger has had another version of a key and not this one, also if that version was released since.
func (v Versions) Seen(key, etag string) bool {
	v.State.mu.RLock()
	defer v.State.mu.RUnlock()
	if _, known := v.find(key, etag); known {
		return false
	}
	if _, ok := v.State.latest.Get(hashKey(key)); ok {
		return true
	}
	_, ok := v.State.objects.Get(hashObject(key, digested))
	return ok
}

// Same says whether the ledger has two versions of a key as one object: one batch took both.
func (v Versions) Same(key, etag, other string) bool {
	v.State.mu.RLock()
	defer v.State.mu.RUnlock()
	a, okA := v.find(key, etag)
	b, okB := v.find(key, other)
	return okA && okB && a == b && a != skipped
}

// SameContent says whether a version of a key has this content.
func (v Versions) SameContent(key, etag, sha256 string) bool {
	v.State.mu.RLock()
	defer v.State.mu.RUnlock()
	a, okA := v.find(key, etag)
	b, okB := v.State.objects.Get(hashContent(key, sha256))
	return okA && okB && a == b
}

// learn makes the content of what an attempt read a second name of it: a version with other times is then found by it.
func (v Versions) learn(a *Attempt) {
	for _, o := range a.Objects {
		if o.SHA256 == "" {
			continue
		}
		if slot, ok := v.find(o.Key, o.ETag); ok && slot != skipped {
			v.State.objects.Put(hashContent(o.Key, o.SHA256), slot)
			v.State.objects.Put(hashObject(o.Key, digested), slot)
		}
	}
}

// apply gives versions of objects to the batches that have their content. A batch that was released since has nothing: then the
// version stays what it was, and the next plan takes it.
func (v Versions) apply(e *Entry) {
	for _, o := range e.Same {
		h := hashObject(o.Key, o.ETag)
		if had, ok := v.State.objects.Get(h); ok && !v.State.free(had) {
			continue
		}
		if slot, ok := v.State.objects.Get(hashContent(o.Key, o.SHA256)); ok && !v.State.free(slot) {
			v.State.objects.Put(h, slot)
		}
	}
}
