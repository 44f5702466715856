// Package objstoretest is the suite of tests that every object store must pass, and starts a real S3 server for it.
//
// Run is called by the tests of each implementation. StartVersityGW gives any package's tests an S3 endpoint on loopback.
// The package knows no implementation; it never skips a test.
package objstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/objstore"
)

// Run tests a store against the contract of package objstore. The comment of each test says what it isolates and why. open returns a new, empty store each time; it must
// implement objstore.Holder as well.
func Run(t *testing.T, open func(t *testing.T) objstore.Bucket) {
	t.Helper()
	for _, test := range []struct {
		name string
		fn   func(t *testing.T, b objstore.Bucket)
	}{
		{"PutGetHead", testPutGetHead},
		{"OddKeys", testOddKeys},
		{"ListOrder", testListOrder},
		{"ListPages", testListPages},
		{"ListStops", testListStops},
		{"Folders", testFolders},
		{"Level", testLevel},
		{"GetPinned", testGetPinned},
		{"GetRange", testGetRange},
		{"Missing", testMissing},
		{"Delete", testDelete},
		{"CreateOnly", testCreateOnly},
		{"CreateRace", testCreateRace},
		{"MatchRace", testMatchRace},
		{"MatchCounter", testMatchCounter},
		{"PutLarge", testPutLarge},
		{"PutBrokenReader", testPutBrokenReader},
		{"Canceled", testCanceled},
		{"HoldPublish", testHoldPublish},
		{"HoldDrop", testHoldDrop},
		{"HoldNothingRevived", testHoldNothingRevived},
		{"HoldLarge", testHoldLarge},
		{"HoldShort", testHoldShort},
		{"PublishTaken", testPublishTaken},
		{"PublishRace", testPublishRace},
		{"Now", testNow},
	} {
		t.Run(test.name, func(t *testing.T) { test.fn(t, open(t)) })
	}
}

// largeBody is largeBytes bytes that differ from place to place, so that a part at the wrong offset is noticed.
func largeBody() []byte {
	out := make([]byte, largeBytes)
	x := uint32(2463534242)
	for i := range out {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		out[i] = byte(x)
	}
	return out
}

func put(t *testing.T, b objstore.Bucket, key, body string) objstore.Object {
	t.Helper()
	obj, err := b.Put(t.Context(), key, strings.NewReader(body), objstore.PutOptions{})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return obj
}

// putAll writes many small objects, eight at a time.
func putAll(t *testing.T, b objstore.Bucket, keys []string) {
	t.Helper()
	var wg sync.WaitGroup
	work := make(chan string)
	for range 8 {
		wg.Go(func() {
			for key := range work {
				if _, err := b.Put(t.Context(), key, strings.NewReader(key), objstore.PutOptions{}); err != nil {
					t.Errorf("put %q: %v", key, err)
				}
			}
		})
	}
	for _, key := range keys {
		work <- key
	}
	close(work)
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

func get(t *testing.T, b objstore.Reader, key string, opts objstore.GetOptions) string {
	t.Helper()
	r, _, err := b.Get(t.Context(), key, opts)
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %q: %v", key, err)
	}
	return string(body)
}

func list(t *testing.T, b objstore.Reader, opts objstore.ListOptions) []string {
	t.Helper()
	keys := []string{}
	if err := b.List(t.Context(), opts, func(o objstore.Object) error {
		keys = append(keys, o.Key)
		return nil
	}); err != nil {
		t.Fatalf("list %+v: %v", opts, err)
	}
	return keys
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
		return
	}
	var e *diag.OpError
	if !errors.As(err, &e) || e.Op == "" || e.Object == "" {
		t.Errorf("%s: error %#v does not say operation and object", what, err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: error has more than one line: %q", what, err)
	}
}

// testPutGetHead isolates one write and its reads: the plain case on which all others build.
func testPutGetHead(t *testing.T, b objstore.Bucket) {
	if b.String() == "" {
		t.Error("the store has no name")
	}
	for key, body := range map[string]string{"top": "one", "a/b/c.json": "{}", "empty": ""} {
		wrote := put(t, b, key, body)
		if wrote.Key != key || wrote.ETag == "" || wrote.SizeBytes != int64(len(body)) {
			t.Errorf("put %q returned %+v", key, wrote)
		}
		head, err := b.Head(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if head.Key != key || head.ETag != wrote.ETag || head.SizeBytes != int64(len(body)) || head.LastModified.IsZero() {
			t.Errorf("head %q = %+v after put %+v", key, head, wrote)
		}
		r, obj, err := b.Get(t.Context(), key, objstore.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || string(got) != body {
			t.Errorf("get %q = %q, %v; want %q", key, got, err, body)
		}
		if obj != head {
			t.Errorf("get %q says %+v, head says %+v", key, obj, head)
		}
		listed := []objstore.Object{}
		if err := b.List(t.Context(), objstore.ListOptions{Prefix: key}, func(o objstore.Object) error {
			listed = append(listed, o)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(listed) != 1 || listed[0].ETag != head.ETag || listed[0].SizeBytes != head.SizeBytes ||
			listed[0].LastModified.Unix() != head.LastModified.Unix() {
			t.Errorf("list %q = %+v, head says %+v", key, listed, head)
		}
	}
	put(t, b, "top", "two, longer")
	if got := get(t, b, "top", objstore.GetOptions{}); got != "two, longer" {
		t.Errorf("a second put left %q", got)
	}
}

// testOddKeys isolates keys with spaces, signs and other scripts, because staging keys are named by other programs.
func testOddKeys(t *testing.T, b objstore.Bucket) {
	keys := []string{
		"with space/a b.json", "ünïcode/☃/日本.json", "plus+plus", "per%20cent/100%", "hash#tag", "q?x=1&y=2",
		"ext/src/region=us-east-1/accountId=111122223333/eventDay=20240102/a.parquet",
		"quote'\"<&>", "semi;colon,comma:at@", "tilde~(paren)[bracket]{brace}", "dots..in.name", ".hidden/.file",
		"dollar$caret^back`tick|pipe", "star*", "-dash", "_x",
	}
	for _, key := range keys {
		put(t, b, key, "body of "+key)
	}
	sort.Strings(keys)
	if got := list(t, b, objstore.ListOptions{}); !slices.Equal(got, keys) {
		t.Errorf("list = %q\nwant   %q", got, keys)
	}
	for _, key := range keys {
		if got := get(t, b, key, objstore.GetOptions{}); got != "body of "+key {
			t.Errorf("get %q = %q", key, got)
		}
		if _, err := b.Head(t.Context(), key); err != nil {
			t.Error(err)
		}
		if got := list(t, b, objstore.ListOptions{Prefix: key}); !slices.Equal(got, []string{key}) {
			t.Errorf("list prefix %q = %q", key, got)
		}
		if err := b.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	if got := list(t, b, objstore.ListOptions{}); len(got) != 0 {
		t.Errorf("after deleting all: %q", got)
	}
}

// testListOrder isolates the order of a listing, because After resumes a listing only if keys come in byte order.
func testListOrder(t *testing.T, b objstore.Bucket) {
	// A folder's keys sort by the slash: "a-b" and "a.b" are around "a/", and "a0" is after it.
	keys := []string{"a-b/x", "a.b", "a/b", "a/b-c/d", "a/b0", "a/c/d/e", "a0/z", "b", "c!/k", "c/k", "é"}
	shuffled := slices.Clone(keys)
	slices.Reverse(shuffled)
	putAll(t, b, shuffled)
	sort.Strings(keys)
	if got := list(t, b, objstore.ListOptions{}); !slices.Equal(got, keys) {
		t.Errorf("list = %q\nwant   %q", got, keys)
	}
	for _, prefix := range append([]string{"", "a", "a/", "a/b", "a/b-", "a/c/d/", "a/c/d/e", "a/c/d/ef", "c", "zz", "é", "b/"}, keys...) {
		for _, after := range append([]string{"", "a", "a/", "a/bb", "a.", "a/b-c", "a/b-c/", "zzz", "a/c/d/e/f"}, keys...) {
			want := []string{}
			for _, key := range keys {
				if strings.HasPrefix(key, prefix) && key > after {
					want = append(want, key)
				}
			}
			got := list(t, b, objstore.ListOptions{Prefix: prefix, After: after})
			if !slices.Equal(got, want) {
				t.Errorf("list prefix %q after %q = %q, want %q", prefix, after, got, want)
			}
		}
	}
}

// testListPages isolates listings longer than one page of S3, because a lost page would lose objects.
func testListPages(t *testing.T, b objstore.Bucket) {
	var keys []string
	for i := range 1203 { // more than one page of S3, which is 1000 keys
		keys = append(keys, fmt.Sprintf("logs/day=%02d/%05d.json", i%3, i))
	}
	putAll(t, b, keys)
	sort.Strings(keys)
	if got := list(t, b, objstore.ListOptions{Prefix: "logs/"}); !slices.Equal(got, keys) {
		t.Errorf("listed %d keys of %d, or not in order", len(got), len(keys))
	}
	if got := list(t, b, objstore.ListOptions{Prefix: "logs/", After: keys[150]}); !slices.Equal(got, keys[151:]) {
		t.Errorf("listed %d keys after one, want %d", len(got), len(keys)-151)
	}
	folders, err := b.Folders(t.Context(), "logs/")
	if want := []string{"logs/day=00/", "logs/day=01/", "logs/day=02/"}; err != nil || !slices.Equal(folders, want) {
		t.Errorf("folders = %q, %v; want %q", folders, err, want)
	}
}

// testListStops isolates an error of the callback, which must end the listing and come back unchanged.
func testListStops(t *testing.T, b objstore.Bucket) {
	putAll(t, b, []string{"a", "b", "c", "d"})
	stop := errors.New("enough")
	var seen []string
	err := b.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error {
		seen = append(seen, o.Key)
		if len(seen) == 2 {
			return stop
		}
		return nil
	})
	if err != stop || !slices.Equal(seen, []string{"a", "b"}) {
		t.Errorf("list gave %q and error %v; want [a b] and fn's own error, not wrapped", seen, err)
	}
}

// testLevel isolates objects directly under a prefix, because a walk over folders would lose them otherwise.
func testLevel(t *testing.T, b objstore.Bucket) {
	putAll(t, b, []string{"x/1", "x/y/2", "x/y/z/3", "x/y-z/4", "x/5", "top"})
	for prefix, want := range map[string][2][]string{
		"":         {{"top"}, {"x/"}},
		"x/":       {{"x/1", "x/5"}, {"x/y-z/", "x/y/"}},
		"x/y/":     {{"x/y/2"}, {"x/y/z/"}},
		"nothing/": {nil, nil},
	} {
		var keys []string
		folders, err := b.Level(t.Context(), prefix, func(o objstore.Object) error {
			if o.ETag == "" {
				t.Errorf("%s has no ETag", o.Key)
			}
			keys = append(keys, o.Key)
			return nil
		})
		sort.Strings(keys)
		if err != nil || !slices.Equal(keys, want[0]) || !slices.Equal(folders, want[1]) {
			t.Errorf("level %q = %q, %q, %v; want %q", prefix, keys, folders, err, want)
		}
	}
	stop := errors.New("enough")
	if _, err := b.Level(t.Context(), "x/", func(objstore.Object) error { return stop }); err != stop {
		t.Errorf("level gave error %v, want fn's own", err)
	}
}

// testFolders isolates common prefixes, by which a listing leaves out days that it does not need.
func testFolders(t *testing.T, b objstore.Bucket) {
	putAll(t, b, []string{"x/1", "x/y/2", "x/y/z/3", "x/y-z/4", "x/e=1/5", "top", "w w/ü/6"})
	for prefix, want := range map[string][]string{
		"":      {"w w/", "x/"},
		"x/":    {"x/e=1/", "x/y-z/", "x/y/"},
		"x/y":   {"x/y-z/", "x/y/"},
		"x/y/":  {"x/y/z/"},
		"w w/":  {"w w/ü/"},
		"none/": nil,
		"x":     {"x/"},
		"top":   nil,
	} {
		got, err := b.Folders(t.Context(), prefix)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("folders of %q = %q, %v; want %q", prefix, got, err, want)
		}
	}
	if err := b.Delete(t.Context(), "x/e=1/5"); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Folders(t.Context(), "x/"); err != nil || !slices.Equal(got, []string{"x/y-z/", "x/y/"}) {
		t.Errorf("a folder without objects is still there: %q, %v", got, err)
	}
}

// testGetPinned isolates reads pinned to an ETag, because a batch must not contain two versions of an object.
func testGetPinned(t *testing.T, b objstore.Bucket) {
	first := put(t, b, "k", "version 1")
	if got := get(t, b, "k", objstore.GetOptions{ETag: first.ETag}); got != "version 1" {
		t.Errorf("pinned get = %q", got)
	}
	second := put(t, b, "k", "version 2")
	if first.ETag == second.ETag {
		t.Fatalf("two versions have one ETag %s", first.ETag)
	}
	_, _, err := b.Get(t.Context(), "k", objstore.GetOptions{ETag: first.ETag})
	wantErr(t, "get of an overwritten version", err, objstore.ErrChanged)
	_, _, err = b.Get(t.Context(), "k", objstore.GetOptions{ETag: first.ETag, Offset: 2, Length: 3})
	wantErr(t, "ranged get of an overwritten version", err, objstore.ErrChanged)
	if err := b.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.Get(t.Context(), "k", objstore.GetOptions{ETag: second.ETag})
	wantErr(t, "get of a deleted version", err, objstore.ErrNotExist)
}

// testGetRange isolates ranges, with which an interrupted read continues.
func testGetRange(t *testing.T, b objstore.Bucket) {
	body := "0123456789"
	put(t, b, "k", body)
	put(t, b, "empty", "")
	for _, r := range []struct {
		key            string
		offset, length int64
		want           string
	}{
		{"k", 0, 0, body}, {"k", 3, 0, "3456789"}, {"k", 0, 4, "0123"}, {"k", 3, 4, "3456"}, {"k", 9, 1, "9"},
		{"k", 8, 100, "89"}, {"k", 0, 100, body}, {"k", 10, 1, ""}, {"k", 50, 0, ""}, {"empty", 0, 4, ""}, {"empty", 0, 0, ""},
	} {
		reader, obj, err := b.Get(t.Context(), r.key, objstore.GetOptions{Offset: r.offset, Length: r.length})
		if err != nil {
			t.Errorf("get %+v: %v", r, err)
			continue
		}
		got, err := io.ReadAll(reader)
		if err := errors.Join(err, reader.Close()); err != nil || string(got) != r.want {
			t.Errorf("get %+v = %q, %v", r, got, err)
		}
		if r.key == "k" && obj.SizeBytes != int64(len(body)) {
			t.Errorf("get %+v says the object has %d bytes, want %d: the size is the object's, not the range's", r, obj.SizeBytes, len(body))
		}
	}
}

// testMissing isolates what does not exist, because callers decide on ErrNotExist and ErrNoStore.
func testMissing(t *testing.T, b objstore.Bucket) {
	_, err := b.Head(t.Context(), "no/such")
	wantErr(t, "head", err, objstore.ErrNotExist)
	_, _, err = b.Get(t.Context(), "no/such", objstore.GetOptions{})
	wantErr(t, "get", err, objstore.ErrNotExist)
	put(t, b, "a/b", "x")
	_, err = b.Head(t.Context(), "a")
	wantErr(t, "head of a folder", err, objstore.ErrNotExist)
	_, _, err = b.Get(t.Context(), "a", objstore.GetOptions{})
	wantErr(t, "get of a folder", err, objstore.ErrNotExist)
	if got := list(t, b, objstore.ListOptions{Prefix: "no/such"}); len(got) != 0 {
		t.Errorf("list of nothing = %q", got)
	}
}

// testDelete isolates deleting, which must be repeatable, because every step of a roll-forward can run twice.
func testDelete(t *testing.T, b objstore.Bucket) {
	put(t, b, "a/b/c", "x")
	put(t, b, "a/d", "y")
	for range 2 { // the second delete finds nothing, which is not an error
		if err := b.Delete(t.Context(), "a/b/c"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Delete(t.Context(), "never/was"); err != nil {
		t.Error(err)
	}
	if got := list(t, b, objstore.ListOptions{}); !slices.Equal(got, []string{"a/d"}) {
		t.Errorf("left: %q", got)
	}
}

// testNow isolates the clock of the store, by which leases expire.
func testNow(t *testing.T, b objstore.Bucket) {
	put(t, b, "k", "x")
	head, err := b.Head(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	now, err := b.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if age := now.Sub(head.LastModified).Seconds(); age < -1.5 || age > 60 {
		t.Errorf("the store's clock says %v, an object just written %v", now, head.LastModified)
	}
}

// testCanceled isolates a canceled context, which must leave nothing visible.
func testCanceled(t *testing.T, b objstore.Bucket) {
	put(t, b, "k", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := b.Get(ctx, "k", objstore.GetOptions{})
	wantErr(t, "get", err, context.Canceled)
	_, err = b.Put(ctx, "new", strings.NewReader("x"), objstore.PutOptions{})
	wantErr(t, "put", err, context.Canceled)
	err = b.List(ctx, objstore.ListOptions{}, func(objstore.Object) error { return nil })
	wantErr(t, "list", err, context.Canceled)
	_, err = b.(objstore.Holder).Hold(ctx, "held", bytes.NewReader([]byte("x")), 1)
	wantErr(t, "hold", err, context.Canceled)
	if got := list(t, b, objstore.ListOptions{}); !slices.Equal(got, []string{"k"}) {
		t.Errorf("after canceled writes: %q", got)
	}
}
