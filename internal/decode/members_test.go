package decode

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/silt-etl/silt/internal/decode/archive/archivetest"
	"github.com/silt-etl/silt/internal/decode/budget"
)

type file = archivetest.Member

func zipped(t testing.TB, method uint16, files ...file) string {
	t.Helper()
	return string(archivetest.ZipBy(t, method, files...))
}

func tarred(t testing.TB, files ...file) string {
	t.Helper()
	return string(archivetest.Tar(t, files...))
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// read gives what Records finds in an object, a line for each record and reject, and the last error.
func (p *placed) read(object io.Reader) (lines []string, err error) {
	p.records.Open(object)
	for {
		number, raw, rej, err := p.records.Next()
		if err != nil {
			return lines, err
		}
		text := string(raw)
		if rej != nil {
			text = rej.Code + " " + rej.Message
		}
		lines = append(lines, PlaceText(number, p.records.Member())+": "+text)
	}
}

type placed struct{ records *Records }

func places(spec *Spec, o Options) *placed { return &placed{NewRecords(spec, NewKeys(), o)} }

// TestMembers: members are read one by one, in their order, wherever an archive is packed itself. Names are labels only.
func TestMembers(t *testing.T) {
	long := strings.Repeat("x", 600)
	files := []file{{"logs/", ""}, {"logs/a.log", "{\"a\":1}\n{\"a\":2}\n"}, {"../../etc/passwd", "{\"a\":3}"}, {"empty", ""}, {"logs/a.log", gzipped(t, "{\"a\":4}\nbroken\n")}, {long, "{\"a\":5}\n"}}
	want := []string{"member logs/a.log, record 1: {\"a\":1}", "member logs/a.log, record 2: {\"a\":2}", "member ../../etc/passwd, record 1: {\"a\":3}",
		"member logs/a.log, record 1: {\"a\":4}", "member logs/a.log, record 2: RECORD_NOT_JSON ", "member " + long[:512] + ", record 1: {\"a\":5}"}
	p := places(&Spec{}, Options{})
	whole := tarred(t, files...)
	for name, object := range map[string]string{
		"zip": zipped(t, zip.Deflate, files...), "stored": zipped(t, zip.Store, files...), "tar": whole, "tar.gz": gzipped(t, whole), "tar.gz.gz": gzipped(t, gzipped(t, whole)),
		"blocks of zeros": whole + strings.Repeat("\x00", 10240), "behind each other": tarred(t, files[:3]...) + tarred(t, append([]file{files[0], files[0], files[0]}, files[3:]...)...),
	} {
		for _, r := range []io.Reader{strings.NewReader(object), io.MultiReader(strings.NewReader(object))} {
			got, err := p.read(r)
			for i := range got {
				if strings.Contains(got[i], "RECORD_NOT_JSON") {
					got[i] = got[i][:strings.Index(got[i], "JSON ")+5]
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
			}
		}
	}
	p.records.Open(strings.NewReader(whole))
	var numbers [][2]int64
	for {
		number, _, _, err := p.records.Next()
		if err != nil {
			break
		}
		member, record := Place(number)
		numbers = append(numbers, [2]int64{member, record})
	}
	if diff := cmp.Diff([][2]int64{{2, 1}, {2, 2}, {3, 1}, {5, 1}, {5, 2}, {6, 1}}, numbers); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	p.records.OpenMembers(strings.NewReader(whole), map[int64]bool{3: true})
	if number, raw, rej, err := p.records.Next(); number != NumberOf(3, 1) || string(raw) != "{\"a\":3}" || rej != nil || err != nil {
		t.Errorf("%d %s %v %v", number, raw, rej, err)
	}
	if _, _, _, err := p.records.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the only member: %v", err)
	}
	if got, err := p.read(strings.NewReader("{\"a\":1}")); len(got) != 1 || got[0] != "record 1: {\"a\":1}" || !errors.Is(err, io.EOF) {
		t.Errorf("an object after an archive: %v %v", got, err)
	}
}

// TestMembersOfCSV: each member has a header of its own.
func TestMembersOfCSV(t *testing.T) {
	spec := &Spec{Format: Format{Name: FormatCSV, Columns: []string{"a", "b"}, Header: HeaderYes}, Leaves: []Leaf{{Path: []string{"a"}}}}
	r := NewRecords(spec, NewKeys(), Options{})
	r.Open(strings.NewReader(zipped(t, zip.Deflate, file{"1", "a,b\n1,2\n"}, file{"2", "no,header\n1,2\n"}, file{"3", "b,a\n3,4\n"})))
	var got []string
	for {
		number, _, rej, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(number == NumberOf(2, 0))
		if rej == nil {
			text = string(r.Values()[0].Text)
		}
		got = append(got, r.Member()+" "+text)
	}
	if diff := cmp.Diff([]string{"1 1", "2 true", "3 4"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestBrokenMembers: a member that cannot be read is refused alone, with its reason.
func TestBrokenMembers(t *testing.T) {
	good := []file{{"1", "{\"a\":1}\n"}, {"2", strings.Repeat("{\"a\":2}\n", 20)}, {"3", "{\"a\":3}\n"}}
	object := zipped(t, zip.Deflate, good...)
	directory := strings.Index(object, "PK\x01\x02")
	second := directory + strings.Index(object[directory+1:], "PK\x01\x02") + 1
	change := func(at int, b ...byte) string { return object[:at] + string(b) + object[at+len(b):] }
	data := strings.Index(object[10:], "PK\x03\x04") + 10 + 30 + 1
	in := func(name, text string) string { return zipped(t, zip.Store, good[0], file{name, text}, good[2]) }
	var stored bytes.Buffer
	w := zip.NewWriter(&stored)
	e, err := w.CreateRaw(&zip.FileHeader{Name: "2", Method: zip.Store, CRC32: 0, CompressedSize64: 8, UncompressedSize64: 8})
	if err == nil {
		_, err = io.WriteString(e, "{\"a\":1}\n")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ object, want string }{
		"encrypted":        {change(second+8, object[second+8]|1), "MEMBER_ENCRYPTED the member is encrypted"},
		"a method":         {change(second+10, 9), "MEMBER_UNREADABLE compression method 9 of zip is not supported"},
		"a checksum":       {change(second+16, object[second+16]^1), "MEMBER_UNREADABLE the checksum does not match"},
		"its data":         {change(data, 0xff, 0xff), "MEMBER_UNREADABLE the packed data is damaged (flate: corrupt input before offset 1)"},
		"its length":       {change(second+24, object[second+24]+1), "MEMBER_UNREADABLE the member is truncated"},
		"its header":       {change(strings.Index(object[10:], "PK\x03\x04")+10, 0), "MEMBER_UNREADABLE the header of the member is damaged"},
		"gzip in it":       {in("2", gzipped(t, good[1][1])[:30]), "MEMBER_UNREADABLE gzip: the object is truncated"},
		"zip in it":        {in("2", object), "MEMBER_UNREADABLE zip inside of zip: archives inside of archives are not supported"},
		"tar.gz in it":     {in("2", gzipped(t, tarred(t, good...))), "MEMBER_UNREADABLE tar inside of gzip inside of zip: archives inside of archives are not supported"},
		"Parquet in it":    {in("2", "PAR1...."), "MEMBER_UNREADABLE Parquet inside of an archive is not supported"},
		"tar in tar":       {tarred(t, good[0], file{"2", tarred(t, good...)}, good[2]), "MEMBER_UNREADABLE tar inside of tar: archives inside of archives are not supported"},
		"gzip in tar":      {tarred(t, good[0], file{"2", gzipped(t, good[1][1])[:30]}, good[2]), "MEMBER_UNREADABLE gzip: the object is truncated"},
		"no checksum":      {stored.String(), "MEMBER_UNREADABLE the checksum does not match"},
		"Parquet in tar.z": {gzipped(t, tarred(t, good[0], file{"2", "PAR1...."}, good[2])), "MEMBER_UNREADABLE Parquet inside of an archive is not supported"},
	} {
		p := places(&Spec{}, Options{})
		got, err := p.read(strings.NewReader(c.object))
		refused := ""
		var left []string
		for _, line := range got {
			if text, ok := strings.CutPrefix(line, "member 2: "); ok {
				refused = text
			} else if !strings.HasPrefix(line, "member 2, ") {
				left = append(left, line)
			}
		}
		want := []string{"member 1, record 1: {\"a\":1}", "member 3, record 1: {\"a\":3}"}
		if name == "no checksum" {
			want = nil
		}
		if diff := cmp.Diff(want, left); refused != c.want || diff != "" || !errors.Is(err, io.EOF) {
			t.Errorf("%s: %q, %v (-want +got):\n%s", name, refused, err, diff)
		}
	}
}

// TestArchivesDamaged: an archive that is cut is refused as a whole. Whichever byte is changed, a record of zip is what it was, or its member
// is refused, or the archive is. Tar has no checksums of what members hold, so only its headers are changed.
func TestArchivesDamaged(t *testing.T) {
	files := []file{{"1", "{\"a\":1}\n"}, {"22", "{\"a\":2}\n{\"a\":22}\n"}, {"3", "{\"a\":3}\n"}}
	may := map[string]bool{}
	for _, f := range files {
		for _, line := range strings.Fields(f[1]) {
			may[line] = true
		}
	}
	p := places(&Spec{}, Options{})
	for name, object := range map[string]string{"zip": zipped(t, zip.Deflate, files...), "stored": zipped(t, zip.Store, files...), "tar": tarred(t, files...), "tar.gz": gzipped(t, tarred(t, files...))} {
		from, to := 4, len(object)
		if name == "tar" {
			from, to = 512, len(object)-512 // one block of zeros is enough
		}
		for cut := from; cut < to; cut++ {
			got, err := p.read(strings.NewReader(object[:cut]))
			if rej := (*Reject)(nil); !errors.As(err, &rej) || rej.Code != ReasonUnpack {
				t.Fatalf("%s cut at %d of %d: %v, %v", name, cut, len(object), got, err)
			}
		}
		for at := range len(object) {
			if name == "tar" && at%1024 >= 512 {
				continue
			}
			for bit := range 8 {
				b := []byte(object)
				b[at] ^= 1 << bit
				got, err := p.read(bytes.NewReader(b))
				if rej := (*Reject)(nil); errors.As(err, &rej) {
					continue
				}
				refused := map[string]bool{}
				for _, line := range got {
					if before, code, ok := strings.Cut(line, ": MEMBER_"); ok && !strings.Contains(before, ", record") && code != "" {
						refused[before] = true
					}
				}
				n := 0
				for _, line := range got {
					place, text, _ := strings.Cut(line, ": ")
					if member, _, ok := strings.Cut(place, ", record"); !ok || refused[member] {
						continue
					}
					if n++; !may[text] && at > 4 { // without the first bytes it is not an archive any more
						t.Errorf("%s, bit %d of byte %d: %s", name, bit, at, line)
					}
				}
				if len(refused) == 0 && n != 4 && at > 4 && !(strings.HasPrefix(name, "tar") && at < 512) && !skips(name, object, at) {
					t.Errorf("%s, bit %d of byte %d: %d records, and nothing is refused: %v %v", name, bit, at, n, got, err)
				}
			}
		}
	}
}

// skips says whether a byte of zip's directory says that the entry is a folder, a link or a device, so that it is not a member.
func skips(name, object string, at int) bool {
	if name == "tar" || name == "tar.gz" {
		return false
	}
	for d := strings.Index(object, "PK\x01\x02"); d >= 0 && d <= at; {
		length := 46 + int(binary.LittleEndian.Uint16([]byte(object[d+28:])))
		if off := at - d; off == 5 || off >= 38 && off < 42 || off >= 46 && at < d+length {
			return true
		}
		next := strings.Index(object[d+4:], "PK\x01\x02")
		if next < 0 {
			break
		}
		d += 4 + next
	}
	return false
}

// TestArchivesBounded: bombs, overlapping members, too many members and large directories end early, and ask for little memory.
func TestArchivesBounded(t *testing.T) {
	blanks := strings.Repeat(" ", 160<<20)
	overlap := func() string {
		object := zipped(t, zip.Store, file{"1", strings.Repeat(" ", 200)})
		d := strings.Index(object, "PK\x01\x02")
		entry := object[d:strings.Index(object, "PK\x05\x06")]
		n := 3
		end := []byte(object[strings.Index(object, "PK\x05\x06"):])
		binary.LittleEndian.PutUint16(end[8:], uint16(n))
		binary.LittleEndian.PutUint16(end[10:], uint16(n))
		binary.LittleEndian.PutUint32(end[12:], uint32(n*len(entry)))
		return object[:d] + strings.Repeat(entry, n) + string(end)
	}
	sparse := make([]byte, 1536) // a file of 1 TiB of which the archive has nothing
	for at, text := range map[int]string{0: "holes", 100: "0000600", 108: "0000000", 116: "0000000", 124: "00000000000", 136: "00000000000", 148: "        ", 156: "S", 257: "ustar  ", 483: "20000000000000"[:11] + "0"} {
		copy(sparse[at:], text)
	}
	sum := 0
	for _, c := range sparse[:512] {
		sum += int(c)
	}
	copy(sparse[148:], fmt.Sprintf("%06o\x00 ", sum))
	for name, c := range map[string]struct{ object, want string }{
		"holes":          {string(sparse), "tar: its members unpack to far more than its size"},
		"gzip in zip":    {zipped(t, zip.Deflate, file{"1", gzipped(t, blanks)}), "zip: its members unpack to far more than its size"},
		"overlap":        {overlap(), "zip: its members overlap, or have more bytes than the object"},
		"directory":      {directory(120_000), "zip: more than 100000 members"},
		"huge directory": {directory(400_000), "zip: the directory has more than 16 MiB"},
	} {
		p := places(&Spec{}, Options{Memory: budget.New(0, 512<<20)})
		_, err := p.read(strings.NewReader(c.object))
		if rej := (*Reject)(nil); c.want != "" && (!errors.As(err, &rej) || rej.Message != c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	p := places(&Spec{}, Options{Memory: budget.New(0, 1<<20)})
	_, err := p.read(strings.NewReader(directory(60_000)))
	if rej := (*Reject)(nil); !errors.As(err, &rej) || rej.Code != ReasonTooLarge {
		t.Errorf("a directory in 1 MiB: %v", err)
	}
	stop := errors.New("stopped")
	n := 0
	p = places(&Spec{}, Options{Stopped: func() error {
		if n++; n > 100 {
			return stop
		}
		return nil
	}})
	for _, object := range []string{directory(60_000), gzipped(t, tarred(t, file{"1", blanks}))} {
		n = 0
		if _, err := p.read(strings.NewReader(object)); !errors.Is(err, stop) {
			t.Errorf("stopped: %v", err)
		}
	}
}

// directory is a zip archive of members without bytes.
func directory(n int) string {
	var b bytes.Buffer
	b.WriteString("PK\x03\x04" + strings.Repeat("\x00", 26))
	entry := append([]byte("PK\x01\x02"), make([]byte, 42)...)
	at := b.Len()
	for range n {
		b.Write(entry)
	}
	end := append([]byte("PK\x05\x06"), make([]byte, 18)...)
	binary.LittleEndian.PutUint16(end[8:], uint16(n))
	binary.LittleEndian.PutUint16(end[10:], uint16(n))
	binary.LittleEndian.PutUint32(end[12:], uint32(n*len(entry)))
	binary.LittleEndian.PutUint32(end[16:], uint32(at))
	b.Write(end)
	return b.String()
}

// TestManyMembers: ten thousand members are read, each with its records.
func TestManyMembers(t *testing.T) {
	var files []file
	for i := range 10_000 {
		files = append(files, file{fmt.Sprintf("%05d", i), fmt.Sprintf("{\"a\":%d}\n", i)})
	}
	for name, object := range map[string]string{"zip": zipped(t, zip.Deflate, files...), "tar.gz": gzipped(t, tarred(t, files...))} {
		got, err := places(&Spec{}, Options{}).read(strings.NewReader(object))
		if !errors.Is(err, io.EOF) || len(got) != 10_000 || got[9999] != "member 09999, record 1: {\"a\":9999}" {
			t.Errorf("%s: %d records, %v", name, len(got), err)
		}
	}
}

// TestArchivesOfStores: an error of the store is not a fault of the archive or of a member, and says once what failed.
func TestArchivesOfStores(t *testing.T) {
	reset := errors.New("connection reset")
	files := []file{{"1", strings.Repeat("{\"a\":1}\n", 4*bufferBytes/8)}} // more than a window has when it finds an archive
	for name, object := range map[string]string{"zip": zipped(t, zip.Store, files...), "tar": tarred(t, files...), "tar.gz": gzipped(t, tarred(t, files...))} {
		_, err := places(&Spec{}, Options{}).read(io.MultiReader(strings.NewReader(object[:len(object)/2]), iotest.ErrReader(reset)))
		if rej := (*Reject)(nil); !errors.Is(err, reset) || errors.As(err, &rej) || err.Error() != "read the object: connection reset" {
			t.Errorf("%s: %v", name, err)
		}
	}
	object := zipped(t, zip.Store, files...)
	_, err := places(&Spec{}, Options{}).read(&failingAt{strings.NewReader(object), reset})
	if rej := (*Reject)(nil); !errors.Is(err, reset) || errors.As(err, &rej) {
		t.Errorf("in place: %v", err)
	}
}

// failingAt fails for the first half.
type failingAt struct {
	*strings.Reader
	err error
}

func (f *failingAt) ReadAt(p []byte, at int64) (int, error) {
	if at < f.Size()/2 {
		return 0, f.err
	}
	return f.Reader.ReadAt(p, at)
}

// TestDetectMembers: the format of an archive is that of its first member.
func TestDetectMembers(t *testing.T) {
	for name, object := range map[string]string{"zip": zipped(t, zip.Deflate, file{"1", "{\"a\":1}\n"}), "tar.gz": gzipped(t, tarred(t, file{"d/", ""}, file{"1", "{\"a\":1}\n"}))} {
		if d, err := Detect(strings.NewReader(object)); err != nil || d.Format.Name != FormatJSON {
			t.Errorf("%s: %v %v", name, d, err)
		}
	}
	if _, err := Detect(strings.NewReader(zipped(t, zip.Store, file{"1", zipped(t, zip.Store)}))); err == nil {
		t.Error("zip in zip")
	}
}
