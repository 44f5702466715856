package objstoretest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/silt-etl/silt/internal/objstore"
)

// largeBytes is more than two of the smallest parts S3 takes (5 MiB), and no multiple of one.
const largeBytes = 11<<20 + 12345

// testCreateOnly isolates create-only writes, on which the ledger rests.
func testCreateOnly(t *testing.T, b objstore.Bucket) {
	create := objstore.PutOptions{IfAbsent: true}
	if _, err := b.Put(t.Context(), "a/k", strings.NewReader("first"), create); err != nil {
		t.Fatal(err)
	}
	_, err := b.Put(t.Context(), "a/k", strings.NewReader("second"), create)
	wantErr(t, "create again", err, objstore.ErrExists)
	_, err = b.Put(t.Context(), "a/k", bytes.NewReader(largeBody()), create)
	wantErr(t, "create again, in parts", err, objstore.ErrExists)
	if got := get(t, b, "a/k", objstore.GetOptions{}); got != "first" {
		t.Errorf("the object is now %.20q", got)
	}
	if _, err := b.Put(t.Context(), "large", bytes.NewReader(largeBody()), create); err != nil {
		t.Errorf("create in parts: %v", err)
	}
	_, err = b.Put(t.Context(), "missing", strings.NewReader("x"), objstore.PutOptions{IfMatch: "0123456789abcdef0123456789abcdef"})
	wantErr(t, "replace what is not there", err, objstore.ErrChanged)
	obj, err := b.Head(t.Context(), "a/k")
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Put(t.Context(), "large", bytes.NewReader(largeBody()), objstore.PutOptions{IfMatch: obj.ETag})
	wantErr(t, "replace another version, in parts", err, objstore.ErrChanged)
	if _, err = b.Put(t.Context(), "a/k", strings.NewReader("third"), objstore.PutOptions{IfMatch: obj.ETag}); err != nil {
		t.Errorf("replace the version that is there: %v", err)
	}
	noneHeld(t, b)
}

// race runs n writers at the same time and returns the index of the only one that won. All others must fail with lost.
func race(t *testing.T, n int, lost error, write func(i int) error) int {
	t.Helper()
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = write(i)
		})
	}
	close(start)
	wg.Wait()
	var won []int
	for i, err := range errs {
		if err == nil {
			won = append(won, i)
		} else if !errors.Is(err, lost) {
			t.Errorf("writer %d: %v, want %v", i, err, lost)
		}
	}
	if len(won) != 1 {
		t.Fatalf("%d of %d writers won (%v), want exactly one", len(won), n, won)
	}
	return won[0]
}

// testCreateRace isolates simultaneous create-only writes: exactly one must win, because one entry decides.
func testCreateRace(t *testing.T, b objstore.Bucket) {
	for round := range 5 {
		key := fmt.Sprintf("ledger/%d/%020d.json", round, round)
		winner := race(t, 20, objstore.ErrExists, func(i int) error {
			_, err := b.Put(t.Context(), key, strings.NewReader("writer "+strconv.Itoa(i)), objstore.PutOptions{IfAbsent: true})
			return err
		})
		if got, want := get(t, b, key, objstore.GetOptions{}), "writer "+strconv.Itoa(winner); got != want {
			t.Errorf("writer %d learned that it won, the object says %q", winner, got)
		}
	}
}

// testMatchRace isolates simultaneous replacements of one version: exactly one must win, or two runs would hold a lease.
func testMatchRace(t *testing.T, b objstore.Bucket) {
	for round := range 5 {
		base := put(t, b, "lease", "base "+strconv.Itoa(round))
		winner := race(t, 20, objstore.ErrChanged, func(i int) error {
			_, err := b.Put(t.Context(), "lease", strings.NewReader("writer "+strconv.Itoa(i)), objstore.PutOptions{IfMatch: base.ETag})
			return err
		})
		if got, want := get(t, b, "lease", objstore.GetOptions{}), "writer "+strconv.Itoa(winner); got != want {
			t.Errorf("writer %d learned that it won, the object says %q", winner, got)
		}
	}
}

// testMatchCounter isolates lost updates: writers increment one number, and a lost update would leave it too small.
func testMatchCounter(t *testing.T, b objstore.Bucket) {
	const writers, increments = 6, 5
	put(t, b, "n", "0")
	increment := func() error {
		r, obj, err := b.Get(t.Context(), "n", objstore.GetOptions{})
		if err != nil {
			return err
		}
		body, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(body))
		if err != nil {
			return err
		}
		_, err = b.Put(t.Context(), "n", strings.NewReader(strconv.Itoa(n+1)), objstore.PutOptions{IfMatch: obj.ETag})
		return err
	}
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for done := 0; done < increments; {
				switch err := increment(); {
				case err == nil:
					done++
				case !errors.Is(err, objstore.ErrChanged):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := get(t, b, "n", objstore.GetOptions{}); got != strconv.Itoa(writers*increments) {
		t.Errorf("after %d increments the number is %s", writers*increments, got)
	}
}

// testPutLarge isolates objects of several parts, because parts at wrong offsets would damage a checkpoint.
func testPutLarge(t *testing.T, b objstore.Bucket) {
	want := largeBody()
	obj, err := b.Put(t.Context(), "large", bytes.NewReader(want), objstore.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if obj.SizeBytes != largeBytes {
		t.Errorf("put says %d bytes, want %d", obj.SizeBytes, largeBytes)
	}
	if got := get(t, b, "large", objstore.GetOptions{ETag: obj.ETag}); got != string(want) {
		t.Errorf("%d bytes came back, or other ones", len(got))
	}
	if got := get(t, b, "large", objstore.GetOptions{Offset: 5<<20 - 3, Length: 6}); got != string(want[5<<20-3:5<<20+3]) {
		t.Errorf("a range over two parts = %q", got)
	}
	noneHeld(t, b)
}

// brokenReader gives n bytes and then fails.
type brokenReader struct {
	n   int
	err error
}

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, r.err
	}
	n := min(len(p), r.n)
	r.n -= n
	return n, nil
}

// testPutBrokenReader isolates a source that fails, which must not leave a truncated object.
func testPutBrokenReader(t *testing.T, b objstore.Bucket) {
	broken := errors.New("the source broke")
	for _, n := range []int{0, 10, largeBytes} {
		_, err := b.Put(t.Context(), "k", &brokenReader{n: n, err: broken}, objstore.PutOptions{})
		wantErr(t, fmt.Sprintf("put of %d bytes and an error", n), err, broken)
	}
	if got := list(t, b, objstore.ListOptions{}); len(got) != 0 {
		t.Errorf("half an object is visible: %q", got)
	}
	noneHeld(t, b)
}

func holder(t *testing.T, b objstore.Bucket) objstore.Holder {
	t.Helper()
	h, ok := b.(objstore.Holder)
	if !ok {
		t.Fatalf("%T does not implement objstore.Holder", b)
	}
	return h
}

func hold(t *testing.T, b objstore.Bucket, key string, body []byte) objstore.Held {
	t.Helper()
	h, err := holder(t, b).Hold(t.Context(), key, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatalf("hold %q: %v", key, err)
	}
	sum := sha256.Sum256(body)
	if h.Key != key || h.UploadID == "" || h.SizeBytes != int64(len(body)) || h.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("hold %q of %d bytes returned %+v", key, len(body), h)
	}
	return h
}

func noneHeld(t *testing.T, b objstore.Bucket) {
	t.Helper()
	if held, err := holder(t, b).HeldList(t.Context(), ""); err != nil || len(held) != 0 {
		t.Errorf("left behind: %+v, %v", held, err)
	}
}

func invisible(t *testing.T, b objstore.Bucket, key string) {
	t.Helper()
	if got := list(t, b, objstore.ListOptions{}); slices.Contains(got, key) || len(got) > 0 {
		t.Errorf("listed: %q", got)
	}
	if got, err := b.Folders(t.Context(), ""); err != nil || len(got) != 0 {
		t.Errorf("folders: %q, %v", got, err)
	}
	_, err := b.Head(t.Context(), key)
	wantErr(t, "head of a key that is not published", err, objstore.ErrNotExist)
	_, _, err = b.Get(t.Context(), key, objstore.GetOptions{})
	wantErr(t, "get of a key that is not published", err, objstore.ErrNotExist)
}

const heldKey = "ext/src/region=us-east-1/accountId=111122223333/eventDay=20240102/b-1 +%.parquet"

// testHoldPublish isolates a file from Hold to Publish: no reader sees it before, and every byte is there after.
func testHoldPublish(t *testing.T, b objstore.Bucket) {
	h := hold(t, b, heldKey, []byte("held body"))
	invisible(t, b, heldKey)
	other := hold(t, b, "ext/other.parquet", []byte("x"))
	for prefix, want := range map[string][]objstore.Held{
		"":             {{Key: other.Key, UploadID: other.UploadID}, {Key: h.Key, UploadID: h.UploadID}},
		"ext/src/":     {{Key: h.Key, UploadID: h.UploadID}},
		"ext/src/regi": {{Key: h.Key, UploadID: h.UploadID}},
		"none":         nil,
	} {
		got, err := holder(t, b).HeldList(t.Context(), prefix)
		if err != nil || len(got) != len(want) {
			t.Errorf("held under %q: %+v, %v; want %+v", prefix, got, err, want)
			continue
		}
		for i := range got {
			if got[i].Key != want[i].Key || got[i].UploadID != want[i].UploadID {
				t.Errorf("held under %q: %+v, want %+v", prefix, got, want)
			}
		}
	}
	if err := holder(t, b).Publish(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if got := get(t, b, heldKey, objstore.GetOptions{}); got != "held body" {
		t.Errorf("published %q", got)
	}
	before, err := b.Head(t.Context(), heldKey)
	if err != nil {
		t.Fatal(err)
	}
	if before.SizeBytes != h.SizeBytes {
		t.Errorf("published %d bytes, held %d", before.SizeBytes, h.SizeBytes)
	}
	if err := holder(t, b).Publish(t.Context(), h); err != nil {
		wantErr(t, "publish twice", err, objstore.ErrNotHeld)
	}
	if err := holder(t, b).Drop(t.Context(), h); err != nil {
		t.Errorf("drop after publish: %v", err)
	}
	if after, err := b.Head(t.Context(), heldKey); err != nil || after.ETag != before.ETag {
		t.Errorf("publishing and dropping again made %+v of %+v, %v", after, before, err)
	}
	if err := holder(t, b).Drop(t.Context(), other); err != nil {
		t.Error(err)
	}
	noneHeld(t, b)
	if got := list(t, b, objstore.ListOptions{}); !slices.Equal(got, []string{heldKey}) {
		t.Errorf("listed %q", got)
	}
}

// testHoldDrop isolates dropping, which must be repeatable and leave nothing held.
func testHoldDrop(t *testing.T, b objstore.Bucket) {
	h := hold(t, b, heldKey, []byte("x"))
	for range 2 {
		if err := holder(t, b).Drop(t.Context(), h); err != nil {
			t.Errorf("drop: %v", err)
		}
	}
	wantErr(t, "publish after drop", holder(t, b).Publish(t.Context(), h), objstore.ErrNotHeld)
	invisible(t, b, heldKey)
	noneHeld(t, b)
}

// testHoldNothingRevived isolates publishing after a drop: what is dead must never become visible.
func testHoldNothingRevived(t *testing.T, b objstore.Bucket) {
	h := hold(t, b, heldKey, []byte("x"))
	if err := holder(t, b).Publish(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), heldKey); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "publish after publish and delete", holder(t, b).Publish(t.Context(), h), objstore.ErrNotHeld)
	invisible(t, b, heldKey)
}

// testHoldLarge isolates held files of several parts, which S3 completes from the part list in the record.
func testHoldLarge(t *testing.T, b objstore.Bucket) {
	body := largeBody()
	h := hold(t, b, "large.parquet", body)
	invisible(t, b, "large.parquet")
	if err := holder(t, b).Publish(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if got := get(t, b, "large.parquet", objstore.GetOptions{}); got != string(body) {
		t.Errorf("%d bytes came back, or other ones", len(got))
	}
}

// testHoldShort isolates a file that is shorter than announced, which must not be held.
func testHoldShort(t *testing.T, b objstore.Bucket) {
	if h, err := holder(t, b).Hold(t.Context(), "short", strings.NewReader("only this"), 1000); err == nil {
		t.Errorf("a file shorter than said was held as %+v", h)
	}
	invisible(t, b, "short")
	noneHeld(t, b)
}

// testPublishTaken isolates a key that another object has: keys are never reused, so that object is a mistake and must survive.
func testPublishTaken(t *testing.T, b objstore.Bucket) {
	h := hold(t, b, "k", []byte("held"))
	put(t, b, "k", "a foreign object")
	wantErr(t, "publish over an object", holder(t, b).Publish(t.Context(), h), objstore.ErrExists)
	if got := get(t, b, "k", objstore.GetOptions{}); got != "a foreign object" {
		t.Errorf("the object is now %q", got)
	}
	if err := holder(t, b).Drop(t.Context(), h); err != nil {
		t.Error(err)
	}
}

// testPublishRace isolates simultaneous publishing, because several runs can roll one entry forward.
func testPublishRace(t *testing.T, b objstore.Bucket) {
	h := hold(t, b, "a/b/k", []byte("held"))
	var wg sync.WaitGroup
	published := make([]bool, 8)
	for i := range published {
		wg.Go(func() {
			err := holder(t, b).Publish(t.Context(), h)
			published[i] = err == nil
			if err != nil && !errors.Is(err, objstore.ErrNotHeld) {
				t.Errorf("publisher %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if !slices.Contains(published, true) {
		t.Error("nobody published")
	}
	if got := get(t, b, "a/b/k", objstore.GetOptions{}); got != "held" {
		t.Errorf("published %q", got)
	}
	noneHeld(t, b)
}
