package crawler

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/lake"
)

// maxExamples are kept of what is found many times: the first ones in order.
const maxExamples = 5

// samples counts something and keeps examples of it.
type samples struct {
	N    int64    `json:"n"`
	Keys []string `json:"keys,omitempty"`
}

func (s *samples) add(key string) { s.merge(samples{1, []string{key}}) }

func (s *samples) merge(o samples) {
	s.N += o.N
	s.Keys = append(s.Keys, o.Keys...)
	slices.Sort(s.Keys)
	s.Keys = slices.Compact(s.Keys)
	if len(s.Keys) > maxExamples {
		s.Keys = slices.Clone(s.Keys[:maxExamples])
	}
}

// folderSeen is a partition's folder. Files are of the job if its ledger has them.
type folderSeen struct {
	Folder  string `json:"folder"`
	Live    int64  `json:"live,omitempty"`
	Dead    int64  `json:"dead,omitempty"`    // the ledger has removed them
	Pending int64  `json:"pending,omitempty"` // of entries that are not done
	Other   int64  `json:"other,omitempty"`   // the ledger does not know them
	Size    int64  `json:"size,omitempty"`    // of live files
	Schemas []int  `json:"schemas,omitempty"` // of live files
}

// schemaSeen are the columns that some files have.
type schemaSeen struct {
	Columns []catalog.Column `json:"columns"`
	First   string           `json:"first"` // the oldest attempt that wrote such a file; files of other programs come last
	Live    samples          `json:"live"`
}

// seen is what the lake holds for one table. It grows with the number of partitions and not of files.
type seen struct {
	Folders    map[string]*folderSeen `json:"folders"` // by region/account/day
	Schemas    []schemaSeen           `json:"schemas"`
	Rows       int64                  `json:"rows"`
	Filled     map[string]bool        `json:"filled"` // by column: whether a live file has a value
	Stray      samples                `json:"stray"`
	Others     samples                `json:"others"`
	Unreadable samples                `json:"unreadable"`
	Wrong      samples                `json:"wrong"`
	Unsorted   samples                `json:"unsorted"`
	// ByBatch are the files that the ledger did not know when the crawl began, by the batch in their names.
	ByBatch map[string]*samples `json:"by_batch"`

	index map[string]int // of Schemas, by their digest
}

func newSeen() *seen {
	return &seen{Folders: map[string]*folderSeen{}, Filled: map[string]bool{}, ByBatch: map[string]*samples{}, index: map[string]int{}}
}

func digest(columns []catalog.Column) string {
	h := sha256.New()
	for _, c := range columns {
		h.Write([]byte(c.Name + "\x00" + c.Type + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// schema gives the number of some columns.
func (s *seen) schema(columns []catalog.Column, first string) int {
	d := digest(columns)
	i, ok := s.index[d]
	if !ok {
		i = len(s.Schemas)
		s.index[d] = i
		s.Schemas = append(s.Schemas, schemaSeen{Columns: columns, First: first})
	}
	s.Schemas[i].First = min(s.Schemas[i].First, first)
	return i
}

func (s *seen) folder(p lake.Partition, folder string) *folderSeen {
	name := catalog.PartitionName(p.Values())
	f := s.Folders[name]
	if f == nil {
		f = &folderSeen{Folder: folder}
		s.Folders[name] = f
	}
	return f
}

// merge adds what was seen elsewhere.
func (s *seen) merge(o *seen) {
	numbers := make([]int, len(o.Schemas))
	for i, x := range o.Schemas {
		numbers[i] = s.schema(x.Columns, x.First)
		s.Schemas[numbers[i]].Live.merge(x.Live)
	}
	for name, f := range o.Folders {
		have := s.Folders[name]
		if have == nil {
			have = &folderSeen{Folder: f.Folder}
			s.Folders[name] = have
		}
		have.Live, have.Dead, have.Pending, have.Other, have.Size = have.Live+f.Live, have.Dead+f.Dead, have.Pending+f.Pending, have.Other+f.Other, have.Size+f.Size
		for _, i := range f.Schemas {
			have.addSchema(numbers[i])
		}
	}
	s.Rows += o.Rows
	for c, filled := range o.Filled {
		s.Filled[c] = s.Filled[c] || filled
	}
	for _, pair := range [][2]*samples{{&s.Stray, &o.Stray}, {&s.Others, &o.Others}, {&s.Unreadable, &o.Unreadable}, {&s.Wrong, &o.Wrong}, {&s.Unsorted, &o.Unsorted}} {
		pair[0].merge(*pair[1])
	}
	for b, x := range o.ByBatch {
		if s.ByBatch[b] == nil {
			s.ByBatch[b] = &samples{}
		}
		s.ByBatch[b].merge(*x)
	}
}

func (f *folderSeen) addSchema(i int) {
	if !slices.Contains(f.Schemas, i) {
		f.Schemas = append(f.Schemas, i)
	}
}

// inOrder are the schemas as the runs that wrote them grew their table: the oldest first.
func (s *seen) inOrder() []schemaSeen {
	out := slices.Clone(s.Schemas)
	slices.SortFunc(out, func(a, b schemaSeen) int { return strings.Compare(a.First, b.First) })
	return out
}
