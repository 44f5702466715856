package parquet

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

const (
	// maxDeltaBlock is far above the blocks of 128 or 256 values that writers make.
	maxDeltaBlock = 1 << 20
	// arenaBytes is how much a batch of DELTA_BYTE_ARRAY may take, if one value does not take more.
	arenaBytes = 256 << 10
)

// pages are the pages of a column. It looks at each before the library decodes it: how much memory that takes does not only depend on the
// page's size.
type pages struct {
	file.PageReader
	c    *column
	mem  *tracker
	held int64 // for decoding the page at hand
	err  error
}

// Next implements file.PageReader.
func (p *pages) Next() bool {
	p.mem.must(-p.held)
	p.held = 0
	if p.err != nil || !p.PageReader.Next() {
		return false
	}
	p.err = p.look(p.Page())
	return p.err == nil
}

// Err implements file.PageReader.
func (p *pages) Err() error {
	if p.err != nil {
		return p.err
	}
	return p.PageReader.Err()
}

// GetDictionaryPage implements file.PageReader.
func (p *pages) GetDictionaryPage() (*file.DictionaryPage, error) {
	page, err := p.PageReader.GetDictionaryPage()
	if err == nil && page != nil {
		err = p.dictionary(int64(page.NumValues()), int64(len(page.Data())))
	}
	return page, err
}

func (p *pages) take(bytes int64) {
	p.mem.must(bytes)
	p.held += bytes
}

func (p *pages) look(page file.Page) error {
	switch page := page.(type) {
	case *file.DictionaryPage:
		return p.dictionary(int64(page.NumValues()), int64(len(page.Data())))
	case *file.DataPageV1:
		levels, ok := levelsV1(page.Data(), p.c, page.RepetitionLevelEncoding(), page.DefinitionLevelEncoding(), int64(page.NumValues()))
		if !ok {
			return faultf("a page is shorter than its levels")
		}
		return p.data(parquet.Encoding(page.Encoding()), int64(page.NumValues()), page.Data()[levels:])
	case *file.DataPageV2:
		levels := int64(page.RepetitionLevelByteLen()) + int64(page.DefinitionLevelByteLen())
		if levels < 0 || levels > int64(len(page.Data())) {
			return faultf("a page is shorter than its levels")
		}
		return p.data(parquet.Encoding(page.Encoding()), int64(page.NumValues()), page.Data()[levels:])
	}
	return nil
}

// dictionary refuses one that has more values than its bytes can hold. Its memory is kept for the rest of the row group.
func (p *pages) dictionary(n, size int64) error {
	if n*p.c.leastBits > size*8 {
		return faultf("a dictionary of %d values cannot be in %d bytes", n, size)
	}
	p.mem.must(n * entryBytes)
	return nil
}

// levelsV1 is how many bytes the levels of a page of version 1 have.
func levelsV1(b []byte, c *column, rep, def parquet.Encoding, values int64) (n int64, ok bool) {
	for _, l := range []struct {
		max      int16
		encoding parquet.Encoding
	}{{c.maxRep, rep}, {c.maxDef, def}} {
		switch {
		case l.max == 0:
		case l.encoding == parquet.Encodings.BitPacked:
			n += (values*int64(bits.Len16(uint16(l.max))) + 7) / 8
		case n+4 > int64(len(b)):
			return 0, false
		default:
			n += 4 + int64(binary.LittleEndian.Uint32(b[n:]))
		}
		if n > int64(len(b)) {
			return 0, false
		}
	}
	return n, true
}

// data looks at the values of a data page.
func (p *pages) data(e parquet.Encoding, n int64, b []byte) error {
	p.c.batch = batch
	size := int64(len(b))
	switch e {
	case parquet.Encodings.DeltaBinaryPacked:
		if _, ok := deltaEnd(b, n); !ok {
			return errDelta
		}
	case parquet.Encodings.DeltaLengthByteArray:
		if _, ok := deltaEnd(b, n); !ok {
			return errDelta
		}
		p.take(4 * n)
	case parquet.Encodings.DeltaByteArray:
		rest, ok := deltaEnd(b, n)
		if ok {
			_, ok = deltaEnd(rest, n)
		}
		if !ok {
			return errDelta
		}
		p.c.batch = max(1, min(batch, arenaBytes/(size+1)))
		p.take(8*n + 2*p.c.batch*size)
	case parquet.Encodings.ByteStreamSplit:
		p.take(size)
	}
	return nil
}

var errDelta = faultf("a page of deltas is damaged, or has blocks of more than %d values", maxDeltaBlock)

// deltaEnd passes over integers of the encoding DELTA_BINARY_PACKED, as the format's Encodings.md has it, of at most n values.
func deltaEnd(b []byte, n int64) (rest []byte, ok bool) {
	var head [4]uint64 // values of a block, miniblocks of it, values, the first value
	for i := range head {
		v, k := binary.Uvarint(b)
		if k <= 0 {
			return nil, false
		}
		head[i], b = v, b[k:]
	}
	block, minis, total := head[0], head[1], head[2]
	if block > maxDeltaBlock || minis == 0 || minis > block || block%minis != 0 || n < 0 || total > uint64(n) {
		return nil, false
	}
	each := block / minis
	for left := int64(total) - 1; left > 0; {
		_, k := binary.Uvarint(b)
		if k <= 0 || uint64(len(b)-k) < minis {
			return nil, false
		}
		widths := b[k : uint64(k)+minis]
		b = b[uint64(k)+minis:]
		for i := 0; i < len(widths) && left > 0; i++ {
			size := each * uint64(widths[i]) / 8
			if size > uint64(len(b)) {
				return nil, false
			}
			b = b[size:]
			left -= int64(each)
		}
	}
	return b, true
}
