package lake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// Files whose bytes are damaged, and readers that fail.

func TestGateRefusesBytes(t *testing.T) {
	s := small()
	good := patched(t, s, 1000, func(*pageWriter) {})
	change := func(fn func(b []byte) []byte) []byte { return fn(bytes.Clone(good)) }
	refused(t, nil, expect(s, 1000), RuleMagic, "")
	refused(t, good[:len(good)-1], expect(s, 1000), RuleMagic, "")
	refused(t, good[1:], expect(s, 1000), RuleMagic, "")
	refused(t, change(func(b []byte) []byte { b[len(b)-1] = 'E'; return b }), expect(s, 1000), RuleMagic, "")
	refused(t, change(func(b []byte) []byte { binary.LittleEndian.PutUint32(b[len(b)-8:], 1<<31); return b }), expect(s, 1000), RuleFooter, "")
	foot := int(binary.LittleEndian.Uint32(good[len(good)-8:]))
	at := len(good) - 8 - foot
	refused(t, change(func(b []byte) []byte { clear(b[at : at+foot]); return b }), expect(s, 1000), RuleFooter, "")
	refused(t, change(func(b []byte) []byte { b[at] = 0xff; return b }), expect(s, 1000), RuleFooter, "")
	// Data cut out of the middle, the footer still there: truncated and glued.
	refused(t, append(bytes.Clone(good[:at-200]), good[at:]...), expect(s, 1000), RuleFooter, "unmapped.key_value.value")
	// The first page's header: kind, then uncompressed size.
	refused(t, change(func(b []byte) []byte { b[5] = 2 * 7; return b }), expect(s, 1000), RulePage, "time")
	refused(t, change(func(b []byte) []byte { b[4] = 0; return b }), expect(s, 1000), RuleSums, "time")
	lie := change(func(b []byte) []byte {
		v, n := binary.Uvarint(b[7:])
		binary.PutUvarint(b[7:7+n], v-2)
		return b
	})
	refused(t, lie, expect(s, 1000), RulePageSize, "time")
	// A page body that is not zstd, and one that is broken behind its header.
	h, _, ok := readPageHeader(good[4:])
	if !ok {
		t.Fatal("no page header at 4")
	}
	body := 4 + int(h.size)
	refused(t, change(func(b []byte) []byte { b[body] = 0; return b }), expect(s, 1000), RuleCodec, "time")
}

// TestGateDeep: what only decoding every page shows.
func TestGateDeep(t *testing.T) {
	s := small()
	good := patched(t, s, 1000, func(*pageWriter) {})
	foot := int(binary.LittleEndian.Uint32(good[len(good)-8:]))
	b := bytes.Clone(good)
	b[len(b)-8-foot-20] ^= 0xff // in the last page of unmapped
	want := expect(s, 1000)
	var ge *GateError
	if _, err := Verify(bytes.NewReader(b), int64(len(b)), want); !errors.As(err, &ge) || ge.Rule != RuleData || ge.Column != "unmapped.key_value.value" {
		t.Error(err)
	}
	want.Deep = false
	if _, err := Verify(bytes.NewReader(b), int64(len(b)), want); err != nil {
		t.Error(err)
	}
	rows := goodRows(10)
	rows[5].text = "not \xff UTF-8"
	bad := raw(t, s, smallBatch(rows...))
	if _, err := Verify(bytes.NewReader(bad), int64(len(bad)), expect(s, 10)); !errors.As(err, &ge) || ge.Rule != RuleData || ge.Column != "tags.list.element" {
		t.Error(err)
	}
}

// TestGateUnpacksFramesWithoutSize: a zstd frame does not have to say how much is in it.
func TestGateUnpacksFramesWithoutSize(t *testing.T) {
	var buf bytes.Buffer
	z, err := zstd.NewWriter(&buf)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // flushed in between, or it would know the size
		if _, err := z.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if err := z.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for unc, want := range map[int64]Rule{2000: "", 1999: RulePageSize, 4000: RulePageSize} {
		g := &gate{r: bytes.NewReader(buf.Bytes()), want: Expect{File: "test.parquet"}}
		err := g.body(pageHeader{kind: pageData, unc: unc, comp: int64(buf.Len())}, buf.Bytes(), 0, "x")
		var ge *GateError
		if got := errors.As(err, &ge); got != (want != "") || got && ge.Rule != want {
			t.Errorf("%d: %v", unc, err)
		}
	}
}

type failingReader struct{}

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, errDisk }

func TestGatePassesReadErrorsOn(t *testing.T) {
	_, err := Verify(failingReader{}, 1000, expect(small(), 1))
	var ge *GateError
	if !errors.Is(err, errDisk) || errors.As(err, &ge) {
		t.Error(err)
	}
}

// TestGateNeverPanics changes bytes everywhere. The gate refuses the file by one of its rules, or it passes a file of which readers
// see what was written: as many rows, in the same time.
func TestGateNeverPanics(t *testing.T) {
	s := small()
	r := rand.New(rand.NewPCG(1, 2))
	answers := map[Rule]int{}
	for _, good := range [][]byte{patched(t, s, 300, func(*pageWriter) {}), raw(t, s, smallBatch(goodRows(300)...))} {
		foot := int(binary.LittleEndian.Uint32(good[len(good)-8:])) + 8
		for i := range 1000 {
			b := bytes.Clone(good)
			for range 1 + r.IntN(3) {
				p := len(b) - 1 - r.IntN(foot)
				if i%2 == 0 {
					p = r.IntN(len(b))
				}
				b[p] = byte(r.Uint32())
			}
			want := expect(s, 300)
			want.Deep = i%3 == 0
			report, err := Verify(bytes.NewReader(b), int64(len(b)), want)
			var ge *GateError
			switch {
			case err == nil:
				answers["passed"]++
				got := Report{Rows: report.Rows, MinTime: report.MinTime, MaxTime: report.MaxTime}
				if diff := cmp.Diff(Report{Rows: 300, MinTime: day0, MaxTime: day0 + 299}, got); diff != "" {
					t.Errorf("change %d passes (-want +got):\n%s", i, diff)
				}
				if want.Deep {
					if rows := read(t, b).NumRows(); rows != 300 {
						t.Errorf("change %d passes, and readers see %d rows", i, rows)
					}
				}
			case !errors.As(err, &ge):
				t.Errorf("change %d: %v, which is not a rule of the gate", i, err)
			case ge.Message == "" || strings.Contains(ge.Error(), "\n"):
				t.Errorf("change %d: not one line: %q", i, ge)
			default:
				answers[ge.Rule]++
			}
		}
	}
	for _, rule := range []Rule{"passed", RuleMagic, RuleFooter, RuleSchema, RuleCodec, RulePage, RuleSums, RuleRows, RuleData} {
		if answers[rule] == 0 {
			t.Errorf("no change was answered with %s: %v", rule, answers)
		}
	}
}

func FuzzGate(f *testing.F) {
	s := small()
	var buf bytes.Buffer
	w, err := NewWriter(&buf, s, WriterOptions{})
	if err != nil {
		f.Fatal(err)
	}
	if err := w.Write(smallBatch(goodRows(20)...)); err != nil {
		f.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Fuzz(func(_ *testing.T, b []byte) { Verify(bytes.NewReader(b), int64(len(b)), expect(s, 20)) })
}
