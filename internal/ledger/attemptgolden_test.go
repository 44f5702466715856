package ledger

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGoldenAttemptRecords: what a run writes about held files on S3 and in folders is read by runs of other versions, so its
// bytes stay as they are, whatever fields other stores need.
func TestGoldenAttemptRecords(t *testing.T) {
	const (
		batch   = "01JD0000000000000000000000"
		attempt = "01JD0000000000000000000001"
		sum     = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
		folder  = "ext/src/region=us-east-1/accountId=111122223333/eventDay=20261129/"
	)
	record := func(held ...objstore.Held) *Attempt {
		a := &Attempt{V: Version, ID: attempt, Run: "01JD0000000000000000000002", Why: WhyRun, Manifest: "01JD0000000000000000000003",
			Moves: []Move{{Batch: batch, Base: 7}}, Quarantine: []QuarantineFile{}}
		for i, h := range held {
			h.Key, h.SizeBytes, h.SHA256 = folder+FileName(batch, attempt, i), 3, sum
			a.Files = append(a.Files, File{Held: h, Table: "src", Values: [3]string{"us-east-1", "111122223333", "20261129"}, Rows: 2, Inputs: []int{0}})
		}
		read := Counts{Read: 2 * int64(len(held)), Published: 2 * int64(len(held))}
		a.Objects = []ObjectResult{{ObjectID: ObjectID{Key: "logs/a.gz", ETag: "9a0364b9e99bb480dd25e1f0284c8555"}, Counts: read},
			{ObjectID: ObjectID{Key: "logs/b.gz", ETag: "e2fc714c4727ee9395f324cd2e7f331f"}, Gone: true}}
		a.Totals = read
		return a
	}
	for name, a := range map[string]*Attempt{
		"upload": record(objstore.Held{UploadID: "VXBsb2Fk", PartETags: []string{"900150983cd24fb0d6963f7d28e17f72", "e1faffb3e614e6c2fba74296962386b7"}, PartCRC32: []string{"NSRBwg==", "eN90sw=="}},
			objstore.Held{UploadID: "T3RoZXI", PartETags: []string{"900150983cd24fb0d6963f7d28e17f72"}, PartCRC32: []string{"NSRBwg=="}}),
		"copy":   record(objstore.Held{UploadID: "01JD0000000000000000000004", Copy: true}),
		"folder": record(objstore.Held{UploadID: "b1946ac92492d2347c6235b4d2611184"}),
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New("mem://state")
			l := must(Open(store, "job", Options{Run: a.Run}))
			if err := l.validate(a); err != nil {
				t.Fatal(err)
			}
			ref := must(l.writeAttempt(t.Context(), a))
			got := read(store, ref.Key)
			golden := filepath.Join("testdata", "attempts", name+".json")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), ","), strings.Split(got, ",")); diff != "" {
				t.Errorf("the record's bytes are not those of %s (-want +got):\n%s", golden, diff)
			}
			again, err := l.Attempt(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(a, again); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}
