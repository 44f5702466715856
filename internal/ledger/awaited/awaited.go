// Package awaited keeps what runs have seen in staging and not taken, and what later runs must therefore look for: objects that could not
// be read, and folders of dated folders with objects that are too young or archived. A listing starts at their days, even if the
// watermark of the folder is later.
//
// The table is a part of the ledger's fold. It knows no store, and decides nothing about rows.
package awaited

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Why an object was not read although it was planned.
type Why string

const (
	Denied   Why = "denied"   // the store refused it
	Archived Why = "archived" // it has to be restored first
	Changed  Why = "changed"  // it was overwritten between the listing and the reading
)

// Known says whether this program knows the reason.
func (w Why) Known() bool { return w == Denied || w == Archived || w == Changed }

// Object is a staging object that a run could not read.
type Object struct {
	Key   string    `json:"key"`
	ETag  string    `json:"etag"`
	Why   Why       `json:"why"`
	Tries int       `json:"tries"` // attempts in a row for which this version was denied
	First time.Time `json:"first"` // the first of these attempts
}

// ID stands for the key of an object.
type ID [16]byte

// Table is the set of awaited objects and folders. The zero value is empty. Methods are safe for concurrent use.
type Table struct {
	mu      sync.RWMutex
	objects map[ID]Object
	folders map[string]string
}

// Saw adds the result of an attempt that could not read an object. Tries of the same version add up.
func (t *Table) Saw(id ID, key, etag string, why Why, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := Object{Key: key, ETag: etag, Why: why, First: at}
	if had, ok := t.objects[id]; ok && had.ETag == etag && had.Why == why {
		o.Tries, o.First = had.Tries, had.First
	}
	o.Tries++
	if t.objects == nil {
		t.objects = map[ID]Object{}
	}
	t.objects[id] = o
}

// Put adds an object as it is.
func (t *Table) Put(id ID, o Object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.objects == nil {
		t.objects = map[ID]Object{}
	}
	t.objects[id] = o
}

// Forget removes an object: it was taken, or staging does not have it any more.
func (t *Table) Forget(id ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.objects, id)
}

// Planned removes an object that a plan has taken, unless it was denied: its tries add up until it is read.
func (t *Table) Planned(id ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.objects[id].Why != Denied {
		delete(t.objects, id)
	}
}

// Empty says whether no object is awaited.
func (t *Table) Empty() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.objects) == 0
}

// Objects returns the awaited objects by key.
func (t *Table) Objects() []Object {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.SortedFunc(maps.Values(t.objects), func(a, b Object) int { return cmp.Compare(a.Key, b.Key) })
}

// SetFolders sets the first day (2006-01-02) with an awaited object of folders of dated folders. An empty day removes a folder.
func (t *Table) SetFolders(days map[string]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.folders == nil {
		t.folders = map[string]string{}
	}
	for folder, day := range days {
		if day == "" {
			delete(t.folders, folder)
		} else {
			t.folders[folder] = day
		}
	}
}

// Folders returns the first day of each folder with awaited objects.
func (t *Table) Folders() map[string]string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return maps.Clone(t.folders)
}
