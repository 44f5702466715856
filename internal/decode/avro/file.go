// Package avro reads the records of an Avro object container file, each as the text of one JSON object, for the scanner of internal/decode.
//
// A record's keys are the names of its fields, in the schema's order; what is null is left out. How the types of Avro are written is in
// docs/formats.md, and in schema.go and value.go. A file is read block by block: what is in memory is one block, packed and unpacked, and one
// record. Both are counted against a budget before they are allocated.
//
// The bytes are nobody's friend: a Records ends with a *Fault or has read every record that its blocks promise.
package avro

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"

	"github.com/silt-etl/silt/internal/decode/budget"
	"github.com/silt-etl/silt/internal/decode/unpack"
)

// Magic begins every Avro file.
const Magic = "Obj\x01"

const (
	syncBytes     = 16
	maxMetaBytes  = 8 << 20 // of the header
	schemaFactor  = 64      // bytes of memory that a byte of a schema can take
	readBytes     = 64 << 10
	firstGrowth   = 64 << 10
	snappyTrailer = 4 // the checksum
)

// Fault is what is wrong with an object: its records must not be used, not even those returned earlier.
type Fault struct{ Message string } // one line

func (f *Fault) Error() string { return f.Message }

func faultf(format string, args ...any) *Fault {
	text, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	return &Fault{text[:min(len(text), 300)]}
}

// Options of Records.
type Options struct {
	MaxRecord int         // the longest record, in bytes of JSON
	Keep      int         // how many bytes are given of a longer record
	Memory    *budget.Use // of the schema and of a block; nil: see budget.Use
}

// Records reads one object. It is used by one goroutine at a time.
type Records struct {
	src    unpack.Source
	in     *bufio.Reader
	o      Options
	schema *node
	base   int64 // bytes of memory of the schema
	codec  string
	sync   [syncBytes]byte

	number   int64 // of the block
	left     int64 // records of it that are not yet read
	packed   []byte
	unpacked []byte
	given    int64 // bytes that the blocks unpacked to
	block    block
	codecs   unpack.Reader
	flate    io.Reader // of deflate; nil: not yet needed
	err      error     // what Next returns from now on
}

// Open begins an object. It reads its header. The error is a *Fault, a *budget.TooLarge, or r's own, wrapped.
func Open(r io.Reader, o Options) (*Records, error) {
	f := &Records{o: o}
	f.src.R = r
	f.in = bufio.NewReaderSize(&f.src, readBytes)
	f.block.most, f.block.keep = o.MaxRecord, o.Keep
	f.block.room, f.block.work = roomBytes, roomBytes
	f.codecs = unpack.Reader{Memory: o.Memory, Once: true}
	head, err := f.in.Peek(8)
	switch {
	case len(head) == 0 && errors.Is(err, io.EOF):
		return nil, faultf("the object is empty")
	case err != nil && !errors.Is(err, io.EOF):
		return nil, f.readError(err)
	case !bytes.HasPrefix(head, []byte(Magic)):
		if k := unpack.KindOf(head); k != unpack.Plain {
			return nil, faultf("%s: an Avro file is compressed inside, block by block, and must not be compressed as a whole", k)
		}
		return nil, faultf("it does not begin with Obj and 1, so it is not an Avro file")
	}
	if err := f.header(); err != nil {
		return nil, f.readError(err)
	}
	return f, nil
}

// Close frees what the object needs.
func (f *Records) Close() { f.codecs.Close() }

// readError is the object's own read error, if that is the cause, or a fault.
func (f *Records) readError(err error) error {
	switch {
	case f.src.Err != nil:
		return fmt.Errorf("read the object: %w", f.src.Err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return faultf("the object is truncated")
	}
	return err
}

// header reads the metadata and the marker.
func (f *Records) header() error {
	if _, err := f.in.Discard(len(Magic)); err != nil {
		return err
	}
	meta := map[string][]byte{}
	room := int64(maxMetaBytes)
	for {
		n, err := f.long()
		if err != nil {
			return err
		}
		if n < 0 {
			if _, err = f.long(); err != nil {
				return err
			}
			n = -n
		}
		if n == 0 {
			break
		}
		for ; n != 0; n-- {
			key, err := f.metaText(&room)
			if err != nil {
				return err
			}
			value, err := f.metaText(&room)
			if err != nil {
				return err
			}
			if _, twice := meta[string(key)]; !twice {
				meta[string(key)] = value
			}
		}
	}
	if _, err := io.ReadFull(f.in, f.sync[:]); err != nil {
		return err
	}
	text, ok := meta["avro.schema"]
	switch {
	case !ok:
		return faultf("its header has no schema")
	case len(text) > maxSchemaBytes:
		return faultf("its schema has more than %d bytes", maxSchemaBytes)
	}
	f.base = schemaFactor * int64(len(text))
	if err := f.o.Memory.Need(f.base, "an Avro schema"); err != nil {
		return err
	}
	var err error
	if f.schema, err = parseSchema(text); err != nil {
		return err
	}
	switch f.codec = string(meta["avro.codec"]); f.codec {
	case "", "null", "deflate", "snappy", "zstandard", "bzip2", "xz":
		return nil
	}
	return faultf("its blocks are packed with %.40q, which is not supported", f.codec)
}

// long reads a number of the header or of the beginning of a block.
func (f *Records) long() (int64, error) {
	v, err := binary.ReadVarint(f.in)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && f.src.Err == nil {
		return 0, faultf("a number at the beginning of a block, or in the header, is too long")
	}
	return v, err
}

// metaText reads a text of the header.
func (f *Records) metaText(room *int64) ([]byte, error) {
	n, err := f.long()
	if err != nil {
		return nil, err
	}
	if *room -= n + 1; n < 0 || *room < 0 {
		return nil, faultf("its header has more than %d bytes", maxMetaBytes)
	}
	return f.read(nil, n)
}

// read reads size bytes into b. It does not take memory for bytes that do not come.
func (f *Records) read(b []byte, size int64) ([]byte, error) {
	b = b[:0]
	for int64(len(b)) < size {
		from := len(b)
		to := int(min(size, max(firstGrowth, 2*int64(from), int64(cap(b)))))
		if to > cap(b) {
			b = append(make([]byte, 0, to), b...)
		}
		b = b[:to]
		if _, err := io.ReadFull(f.in, b[from:]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Next returns the next record, valid until the next Next, and io.EOF after the last one. length is that of the record, of which only the first
// bytes are returned if it is longer than Options.MaxRecord. Any other error is a *Fault, a *budget.TooLarge, or the object's own read error,
// wrapped.
func (f *Records) Next() (record []byte, length int64, err error) {
	if f.err != nil {
		return nil, 0, f.err
	}
	for f.left == 0 {
		if err := f.begin(); err != nil {
			if f.err = err; !errors.Is(err, io.EOF) || f.src.Err != nil {
				f.err = f.readError(err)
			}
			return nil, 0, f.err
		}
	}
	length, err = f.block.record(f.schema)
	if f.left--; err == nil && f.left == 0 && f.block.i < len(f.block.b) {
		err = faultf("more follows its records")
	}
	if err != nil {
		f.err = faultf("block %d: %s", f.number, err)
		return nil, 0, f.err
	}
	return f.block.out, length, nil
}

// begin reads the next block. It is io.EOF if the object ends before it.
func (f *Records) begin() error {
	head, err := f.in.Peek(len(Magic))
	if len(head) == 0 {
		return err
	}
	if string(head) == Magic { // files that were put together: no block has this number of records
		if err := f.header(); err != nil {
			return cutShort(err)
		}
		return nil
	}
	f.number++
	count, err := f.long()
	if err != nil {
		return cutShort(err)
	}
	size, err := f.long()
	if err != nil {
		return cutShort(err)
	}
	switch {
	case count < 0 || size < 0:
		return faultf("block %d claims to have %d records in %d bytes: the object is damaged", f.number, count, size)
	case cap(f.packed) > 1<<20 && int64(cap(f.packed)) > 8*size: // the memory of a large block is freed
		f.packed, f.unpacked = nil, nil
	}
	if err := f.need(size + int64(cap(f.unpacked))); err != nil {
		return err
	}
	if f.packed, err = f.read(f.packed, size); err != nil {
		return cutShort(err)
	}
	var end [syncBytes]byte
	if _, err := io.ReadFull(f.in, end[:]); err != nil {
		return cutShort(err)
	}
	if end != f.sync {
		return faultf("block %d does not end with the marker of the file: the object is damaged", f.number)
	}
	content, err := f.unpack()
	if err != nil {
		return err
	}
	if count > int64(len(content)) {
		return faultf("block %d claims to have %d records in %d bytes", f.number, count, len(content))
	}
	if f.given += int64(len(content)); f.given > unpack.Most(f.src.N()) {
		return faultf("it unpacks to more bytes than an object of its size may have")
	}
	b := &f.block
	b.b, b.i, b.depth = content, 0, 0
	b.room += roomRatio * int64(len(content))
	b.work += roomRatio * int64(len(content))
	if f.left = count; count == 0 && len(content) > 0 {
		return faultf("block %d has bytes, but no records", f.number)
	}
	return nil
}

// cutShort is err, where the end of the object is not expected.
func cutShort(err error) error {
	if err == io.EOF { //nolint:errorlint // an error that wraps io.EOF is a failed read, not the end
		return io.ErrUnexpectedEOF
	}
	return err
}

// need says that so many bytes are in use in addition to the schema.
func (f *Records) need(bytes int64) error {
	return f.o.Memory.Need(f.base+bytes, "an Avro block")
}

// unpack is the content of the block that was read.
func (f *Records) unpack() ([]byte, error) {
	var in io.Reader
	switch f.codec {
	case "", "null":
		return f.packed, nil
	case "snappy":
		return f.unsnappy()
	case "deflate":
		if f.flate == nil {
			f.flate = flate.NewReader(nil)
		}
		if err := f.flate.(flate.Resetter).Reset(bytes.NewReader(f.packed), nil); err != nil {
			return nil, f.packedError(err)
		}
		in = f.flate
	default:
		f.codecs.Held = f.base + int64(cap(f.packed)+cap(f.unpacked))
		if err := f.codecs.Open(bytes.NewReader(f.packed)); err != nil {
			return nil, f.packedError(err)
		}
		if want := map[string]string{"zstandard": "zstd"}[f.codec]; string(f.codecs.Kind()) != want && string(f.codecs.Kind()) != f.codec {
			return nil, faultf("block %d is not packed with %s", f.number, f.codec)
		}
		in = &f.codecs
	}
	out := f.unpacked[:0]
	for {
		if len(out) == cap(out) {
			size := max(firstGrowth, 2*int64(cap(out)))
			if size > unpack.Most(f.src.N()) {
				return nil, faultf("block %d unpacks to more bytes than an object of its size may have", f.number)
			}
			if err := f.grow(size); err != nil {
				return nil, err
			}
			out = append(make([]byte, 0, size), out...)
		}
		n, err := in.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if err == io.EOF {
			f.unpacked = out
			return out, nil
		}
		if err != nil {
			return nil, f.packedError(err)
		}
	}
}

// grow asks for a larger buffer of what a block unpacks to, with what the codec has.
func (f *Records) grow(size int64) error {
	windows := max(0, f.o.Memory.Needs()-f.base-int64(cap(f.packed)+cap(f.unpacked)))
	f.codecs.Held = f.base + int64(cap(f.packed)) + size + int64(cap(f.unpacked))
	return f.need(int64(cap(f.packed)) + size + int64(cap(f.unpacked)) + windows)
}

func (f *Records) unsnappy() ([]byte, error) {
	n := len(f.packed) - snappyTrailer
	if n < 0 {
		return nil, faultf("block %d: snappy: the checksum is missing", f.number)
	}
	size, err := snappy.DecodedLen(f.packed[:n])
	if err != nil {
		return nil, f.packedError(err)
	}
	if size > cap(f.unpacked) {
		if err := f.need(int64(cap(f.packed)) + int64(size)); err != nil {
			return nil, err
		}
		f.unpacked = make([]byte, size)
	}
	out, err := snappy.Decode(f.unpacked[:size], f.packed[:n])
	switch {
	case err != nil:
		return nil, f.packedError(err)
	case crc32.ChecksumIEEE(out) != binary.BigEndian.Uint32(f.packed[n:]):
		return nil, faultf("block %d: snappy: the checksum does not match", f.number)
	}
	return out, nil
}

func (f *Records) packedError(err error) error {
	if large, ok := errors.AsType[*budget.TooLarge](err); ok {
		return large
	}
	return faultf("block %d: %s: %s", f.number, f.codec, err)
}
