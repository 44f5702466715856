// Package facts is the file format of the embedded OCSF tables: one gzip'd JSON Table per OCSF version, written by
// internal/ocsf/gen and read by internal/ocsf. It holds names, numbers and captions, never prose.
package facts

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
)

// Table is everything kept of one OCSF version. Enums and attributes are interned: many classes share the same one.
type Table struct {
	Version    string      `json:"version"`
	Profiles   []string    `json:"profiles"` // sorted
	Enums      [][]Value   `json:"enums"`
	Attributes []Attribute `json:"attributes"`
	Objects    []Owner     `json:"objects"` // sorted by name
	Classes    []Class     `json:"classes"` // sorted by name
	// Observables is what the values of attributes are as observables.
	Observables *Observables `json:"observables,omitempty"`
}

// Observables holds the values of observable.type_id.
type Observables struct {
	Types map[string]int `json:"types"` // by type, as ip_t
	// Attributes are those that have another one than their type, as process.pid; 0: none.
	Attributes map[string]int `json:"attributes"`
	Objects    map[string]int `json:"objects"` // of an object as a whole
}

// ProfileSeparator is between the profiles of an attribute that several profiles add.
const ProfileSeparator = ","

// Value is one permitted value: Key is the number as decimal text, or the text itself where the attribute is a string.
type Value struct {
	Key  string `json:"k"`
	Text string `json:"t"`
}

// Attribute is one use of a name, equal uses being one row. Requirement is never empty.
type Attribute struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Object      string `json:"object,omitempty"` // of an object_t
	Array       bool   `json:"array,omitempty"`
	Map         bool   `json:"map,omitempty"` // an object without attributes of its own
	Requirement string `json:"requirement"`
	Enum        int    `json:"enum,omitempty"` // 1-based row of Enums; 0 where any value goes
	Sibling     string `json:"sibling,omitempty"`
	Profile     string `json:"profile,omitempty"`
	Deprecated  string `json:"deprecated,omitempty"`
}

// Owner is what has attributes. Attributes are rows of Table.Attributes in the order of their names.
type Owner struct {
	Name       string   `json:"name"`
	Caption    string   `json:"caption"`
	Deprecated string   `json:"deprecated,omitempty"`
	Attributes []int    `json:"attributes"`
	AtLeastOne []string `json:"at_least_one,omitempty"`
	JustOne    []string `json:"just_one,omitempty"`
}

// Class is an event class that events can have; the abstract ones are left out.
type Class struct {
	Owner
	UID         int      `json:"uid"`
	CategoryUID int      `json:"category_uid"`
	Category    string   `json:"category"` // caption
	Profiles    []string `json:"profiles"` // sorted
}

// Write writes t. The same table gives the same JSON; the gzip around it may differ between Go releases.
func Write(w io.Writer, t *Table) error {
	zw, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(zw).Encode(t); err != nil {
		return err
	}
	return zw.Close()
}

// Read reads what Write wrote.
func Read(r io.Reader) (*Table, error) {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("unpack the OCSF table: %w", err)
	}
	var t Table
	if err := json.NewDecoder(zr).Decode(&t); err != nil {
		return nil, fmt.Errorf("decode the OCSF table: %w", err)
	}
	return &t, nil
}
