package lake

import (
	"fmt"
	"io"
	"sort"

	"github.com/klauspost/compress/zstd"
)

// GateError is a file that must not be published, and why.
type GateError struct {
	Rule    Rule
	File    string
	Column  string // dotted, as in the file; "" if no single column is at fault
	Message string
}

func (e *GateError) Error() string {
	s := "the gate refuses " + e.File + ": " + string(e.Rule) + ": "
	if e.Column != "" {
		s += e.Column + ": "
	}
	return s + e.Message
}

// Expect is what a file must be, as its writer knows it.
type Expect struct {
	File      string // its name, for errors
	Schema    *Schema
	ClassUID  int
	Partition Partition
	Rows      int64
	// Deep also decompresses and decodes every page of every column, for about what writing the file cost. Without it page
	// headers are read, and the values of `time`, `class_uid` and `cloud.account.uid`.
	Deep bool
}

// Report of a file that passed.
type Report struct {
	Bytes            int64
	Rows             int64
	RowGroups        int
	Pages            int // data and dictionary pages
	LargestPage      int64
	LargestDict      int64
	LargestRowGroup  int64
	MinTime, MaxTime int64 // epoch ms; 0 without rows
}

// Verify reads a finished file again, every page header included, and refuses it with a *GateError where it breaks a rule of
// the lake or is not what was expected; other errors are errors of reading. It takes any bytes: it does not panic, and holds
// a footer (at most 32 MiB) and a page or two at a time.
func Verify(r io.ReaderAt, size int64, want Expect) (Report, error) {
	fl, err := newFileLayout(want.Schema)
	if err != nil {
		return Report{}, err
	}
	if err := want.Partition.Validate(); err != nil {
		return Report{}, err
	}
	m, end, err := readFooter(r, size, want.File)
	if err != nil {
		return Report{}, err
	}
	g := &gate{r: r, end: end, want: want, layout: fl, leaves: leavesOf(fl), meta: m}
	g.report = Report{Bytes: size, Rows: m.rows, RowGroups: len(m.groups)}
	for _, step := range []func() error{g.schema, g.footer, g.pages, func() error { return g.values(size) }} {
		if err := step(); err != nil {
			return Report{}, err
		}
	}
	return g.report, nil
}

type gate struct {
	r      io.ReaderAt
	end    int64 // of the pages: where the footer begins
	want   Expect
	layout *fileLayout
	leaves []*leaf
	meta   *fileMeta
	zstd   *zstd.Decoder
	buf    []byte
	page   []byte
	report Report
}

func (g *gate) refuse(rule Rule, column, format string, args ...any) error {
	return &GateError{rule, g.want.File, column, fmt.Sprintf(format, args...)}
}

// schema compares the file's columns with the schema's, in order.
func (g *gate) schema() error {
	if len(g.meta.schema) == 0 {
		return g.refuse(RuleFooter, "", "it has no schema")
	}
	root := g.meta.schema[0]
	at := 1
	if root.kids != int64(len(g.layout.roots)) {
		return g.refuse(RuleSchema, "", "it has %d columns, not %d", root.kids, len(g.layout.roots))
	}
	for _, f := range g.layout.roots {
		if err := g.element(elementOf(f.node), "", &at, RuleSchema); err != nil {
			return err
		}
	}
	if at != len(g.meta.schema) {
		return g.refuse(RuleSchema, "", "%d schema elements, not %d", len(g.meta.schema), at)
	}
	return nil
}

// element compares one node and what is below; rule is what is broken if the shape is not the one expected.
func (g *gate) element(e *element, prefix string, at *int, rule Rule) error {
	path := prefix + e.name
	if *at >= len(g.meta.schema) {
		return g.refuse(rule, path, "is missing")
	}
	got := g.meta.schema[*at]
	*at++
	own := rule
	switch e.conv {
	case convList:
		own = RuleList
	case convMap:
		own = RuleMap
	}
	if got.name != e.name {
		return g.refuse(rule, path, "found column %q instead", printable(got.name))
	}
	if got.phys != int64(e.phys) || got.kids != int64(len(e.kids)) {
		return g.refuse(own, path, "physical type %d with %d children, not %d with %d", got.phys, got.kids, e.phys, len(e.kids))
	}
	if got.rep != int64(e.rep) {
		return g.refuse(own, path, "repetition %d, not %d", got.rep, e.rep)
	}
	if !sameMeaning(e, got) {
		return g.refuse(own, path, "converted type %d and logical type %d do not mean what the schema says", got.conv, got.logical)
	}
	if e.conv == convNone && e.rep != repRepeated { // a group of its own, perhaps inside a list
		own = RuleSchema
	}
	for _, k := range e.kids {
		if err := g.element(k, path+".", at, own); err != nil {
			return err
		}
	}
	return nil
}

// sameMeaning compares the annotation. Members of the logical union: 1 string, 2 map, 3 list, 8 timestamp, 10 integer. A
// timestamp must have the converted type: it gives unit and zone, and Hive's readers look at nothing else.
func sameMeaning(e *element, got schemaElement) bool {
	is := func(conv, logical int64) bool {
		return (got.conv == conv || got.conv == -1 && got.logical != 0) && (got.logical == logical || got.logical == 0 && got.conv != -1)
	}
	none := got.conv == -1 && got.logical == 0
	switch e.conv {
	case convUTF8:
		return is(convUTF8, 1)
	case convMap:
		return is(convMap, 2)
	case convList:
		return is(convList, 3)
	case convTime:
		return got.conv == convTime && (got.logical == 0 || got.logical == logicalTime && !got.local)
	}
	switch e.phys {
	case physInt32:
		return none || is(17, 10)
	case physInt64:
		return none || is(18, 10)
	}
	return none
}

// footer compares numbers within the footer, and with the file's size.
func (g *gate) footer() error {
	type span struct{ a, b int64 }
	var spans []span
	var rows int64
	for i, rg := range g.meta.groups {
		if len(rg.chunks) != len(g.leaves) {
			return g.refuse(RuleFooter, "", "row group %d has %d columns, not %d", i, len(rg.chunks), len(g.leaves))
		}
		if rg.rows <= 0 || rg.rows > 1<<40 {
			return g.refuse(RuleFooter, "", "row group %d has %d rows", i, rg.rows)
		}
		rows += rg.rows
		var comp int64
		for j := range rg.chunks {
			c, l := &rg.chunks[j], g.leaves[j]
			name := l.dotted()
			switch {
			case !c.has || c.foreign:
				return g.refuse(RuleFooter, name, "its pages are in another file, or encrypted")
			case c.path != name || c.phys != int64(l.phys):
				return g.refuse(RuleSchema, name, "row group %d has %s of physical type %d there", i, printable(c.path), c.phys)
			case c.codec != codecZstd:
				return g.refuse(RuleCodec, name, "codec %d, not zstd", c.codec)
			case c.comp <= 0 || c.dataOff < 4 || c.dictOff < 0 || c.indexOff != 0 || c.start() < 4 || c.start() > g.end || c.comp > g.end-c.start():
				return g.refuse(RuleFooter, name, "its pages in row group %d are outside of the file", i)
			case c.values < rg.rows || l.maxRep == 0 && c.values != rg.rows:
				return g.refuse(RuleSums, name, "%d values in a row group of %d rows", c.values, rg.rows)
			}
			comp += c.comp
			spans = append(spans, span{c.start(), c.start() + c.comp})
		}
		if comp > MaxRowGroupBytes {
			return g.refuse(RuleGroupSize, "", "row group %d has %d bytes; the limit is %d", i, comp, MaxRowGroupBytes)
		}
		g.report.LargestRowGroup = max(g.report.LargestRowGroup, comp)
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].a < spans[j].a })
	for i := 1; i < len(spans); i++ {
		if spans[i].a < spans[i-1].b {
			return g.refuse(RuleFooter, "", "two columns share bytes at %d", spans[i].a)
		}
	}
	if rows != g.meta.rows {
		return g.refuse(RuleRows, "", "the row groups have %d rows, but the footer says %d", rows, g.meta.rows)
	}
	if rows != g.want.Rows {
		return g.refuse(RuleRows, "", "it has %d rows, but %d were written", rows, g.want.Rows)
	}
	return nil
}

// pages walks the page headers of every column.
func (g *gate) pages() error {
	for i := range g.meta.groups {
		for j, l := range g.leaves {
			if err := g.chunk(&g.meta.groups[i].chunks[j], l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *gate) chunk(c *chunkMeta, l *leaf) error {
	name := l.dotted()
	at, end := c.start(), c.start()+c.comp
	var values, unc int64
	first, dict := true, false
	for at < end {
		h, body, err := g.header(at, end, name)
		if err != nil {
			return err
		}
		if h.unc < 0 || h.comp < 0 || h.values < 0 || h.comp > end-at-h.size {
			return g.refuse(RuleSums, name, "the page at %d extends beyond its column", at)
		}
		if h.unc > MaxPageBytes || h.comp > MaxPageBytes+64<<10 {
			return g.refuse(RulePageSize, name, "the page at %d has %d bytes (%d compressed); the limit is %d", at, h.unc, h.comp, MaxPageBytes)
		}
		switch h.kind {
		case pageData, pageDataV2:
			if h.encoding == encDict || h.encoding == encPlainDict {
				if !dict {
					return g.refuse(RulePage, name, "the page at %d needs a dictionary, which is missing", at)
				}
			}
			values += h.values
			g.report.LargestPage = max(g.report.LargestPage, h.unc)
		case pageDictionary:
			if !first {
				return g.refuse(RulePage, name, "the dictionary page at %d is not the first page", at)
			}
			dict = true
			g.report.LargestDict = max(g.report.LargestDict, h.unc)
		default:
			return g.refuse(RulePage, name, "the page at %d has the unknown type %d", at, h.kind)
		}
		if err := g.body(h, body, at, name); err != nil {
			return err
		}
		first = false
		unc += h.size + h.unc
		at += h.size + h.comp
		g.report.Pages++
	}
	if values != c.values || unc != c.unc {
		return g.refuse(RuleSums, name, "its pages have %d values and %d bytes, but the footer says %d and %d", values, unc, c.values, c.unc)
	}
	return nil
}

// header reads a page header, and at least 32 bytes of the page behind it if there are so many.
func (g *gate) header(at, end int64, name string) (pageHeader, []byte, error) {
	for n := int64(256); ; n *= 8 {
		n = min(n, end-at)
		if int64(len(g.buf)) < n {
			g.buf = make([]byte, n)
		}
		b := g.buf[:n]
		if err := readFull(g.r, b, at); err != nil {
			return pageHeader{}, nil, fmt.Errorf("%s: read a page header at %d: %w", g.want.File, at, err)
		}
		h, more, ok := readPageHeader(b)
		if ok && (n-h.size >= 32 || n == end-at) {
			return h, b[h.size:], nil
		}
		if !ok && !more || n == end-at || n > 1<<20 {
			return h, nil, g.refuse(RulePage, name, "the page header at %d cannot be parsed", at)
		}
	}
}

// body compares a page's size with what its zstd frame says, or with what comes out of it.
func (g *gate) body(h pageHeader, b []byte, at int64, name string) error {
	if h.kind != pageDataV2 {
		h.levels = 0
	}
	comp, unc := h.comp-h.levels, h.unc-h.levels
	if h.plain || comp == 0 && unc == 0 {
		if comp != unc {
			return g.refuse(RulePageSize, name, "the page at %d has %d bytes, but its header says %d", at, comp, unc)
		}
		return nil
	}
	if h.levels < 0 || comp < 0 || unc < 0 {
		return g.refuse(RulePage, name, "the page header at %d contradicts itself", at)
	}
	if h.levels == 0 {
		var z zstd.Header
		if err := z.Decode(b[:min(int64(len(b)), comp)]); err != nil {
			return g.refuse(RuleCodec, name, "the page at %d is not zstd: %v", at, err)
		}
		if z.HasFCS && !z.Skippable {
			if z.FrameContentSize != uint64(unc) {
				return g.refuse(RulePageSize, name, "the page at %d has %d bytes, but its header says %d", at, z.FrameContentSize, unc)
			}
			if !g.want.Deep {
				return nil
			}
		}
	}
	return g.unpack(at+h.size+h.levels, comp, unc, at, name)
}

// unpack decompresses a page, to check that it has the size of its header.
func (g *gate) unpack(from, comp, unc, at int64, name string) error {
	if g.zstd == nil {
		// The limit is also one for the window that a frame asks for, and other writers ask for 8 MiB whatever they have.
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(32<<20))
		if err != nil {
			return fmt.Errorf("%s: start zstd: %w", g.want.File, err)
		}
		g.zstd = z
	}
	in := make([]byte, comp)
	if err := readFull(g.r, in, from); err != nil {
		return fmt.Errorf("%s: read a page at %d: %w", g.want.File, at, err)
	}
	out, err := g.zstd.DecodeAll(in, g.page[:0])
	if err != nil {
		return g.refuse(RuleData, name, "the page at %d cannot be decompressed: %v", at, err)
	}
	g.page = out
	if int64(len(out)) != unc {
		return g.refuse(RulePageSize, name, "the page at %d has %d bytes, but its header says %d", at, len(out), unc)
	}
	return nil
}

// printable keeps hostile names out of one-line errors.
func printable(s string) string {
	if len(s) > 60 {
		s = s[:60]
	}
	q := fmt.Sprintf("%q", s)
	return q[1 : len(q)-1]
}
