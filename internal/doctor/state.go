package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
)

// tryState tests what the ledger relies on, below a prefix: create-only writes, conditional writes, and that a held file is
// published once only. It deletes what it wrote. tryIfUnsafe says what to try if held files are not safe.
func tryState(ctx context.Context, s ledger.Lake, prefix, tryIfUnsafe string) []Result {
	p := promises{s: s, tryIfUnsafe: tryIfUnsafe, key: prefix + "doctor/" + ulid.Make().String()}
	results := p.test(ctx)
	return append(results, p.clean(ctx)...)
}

// promises tests what a store must promise, and remembers what it wrote.
type promises struct {
	s           ledger.Lake
	key         string // of the test object; other test objects have keys that begin with it
	tryIfUnsafe string
	held        []objstore.Held
	keys        []string
}

func (p *promises) put(ctx context.Context, key, text string, o objstore.PutOptions) (objstore.Object, error) {
	p.keys = append(p.keys, key)
	return p.s.Put(ctx, key, strings.NewReader(text), o)
}

func (p *promises) read(ctx context.Context, key string) (string, error) {
	body, _, err := p.s.Get(ctx, key, objstore.GetOptions{})
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, 1<<10))
	return string(text), err
}

func (p *promises) hold(ctx context.Context, key string) (objstore.Held, error) {
	h, err := p.s.Hold(ctx, key, strings.NewReader("held"), 4)
	if err == nil {
		p.held = append(p.held, h)
		p.keys = append(p.keys, key)
	}
	return h, err
}

// test stops at the first broken promise, because the tests that follow rely on it.
func (p *promises) test(ctx context.Context) []Result {
	const what = "state"
	first, err := p.put(ctx, p.key, "1", objstore.PutOptions{IfAbsent: true})
	if err != nil {
		return []Result{fail(what, err, tryKMS(err))}
	}
	results := []Result{ok(what, "%s can be written", p.s)}
	for _, promise := range []func(context.Context, objstore.Object) Result{p.createOnly, p.ifMatch, p.publishCreateOnly, p.dropIsFinal, p.deleteIsFinal} {
		r := promise(ctx, first)
		results = append(results, r)
		if r.Status == Fail {
			break
		}
	}
	return results
}

// unsafe is the result for a store that breaks a promise: the ledger would not be safe in it.
func unsafe(what, detail string) Result {
	return Result{Fail, what, detail, "use another store for state; the ledger is not safe in this one"}
}

// createOnly: the second create of a key is refused.
func (p *promises) createOnly(ctx context.Context, _ objstore.Object) Result {
	const what = "create-only writes"
	_, err := p.put(ctx, p.key, "2", objstore.PutOptions{IfAbsent: true})
	text, readErr := p.read(ctx, p.key)
	switch {
	case err == nil || readErr == nil && text != "1":
		return unsafe(what, "the second create of a key succeeded")
	case !errors.Is(err, objstore.ErrExists):
		return fail(what, err, "")
	case readErr != nil:
		return fail(what, readErr, "")
	}
	return ok(what, "the second create of a key is refused")
}

// ifMatch: a write that replaces a certain version is refused if the object has another version.
func (p *promises) ifMatch(ctx context.Context, first objstore.Object) Result {
	const what = "conditional writes"
	if _, err := p.put(ctx, p.key, "3", objstore.PutOptions{IfMatch: first.ETag}); err != nil {
		return fail(what, err, "")
	}
	_, err := p.put(ctx, p.key, "4", objstore.PutOptions{IfMatch: first.ETag})
	text, readErr := p.read(ctx, p.key)
	switch {
	case err == nil || readErr == nil && text != "3":
		return unsafe(what, "a write that should replace an old version replaced the current one")
	case !errors.Is(err, objstore.ErrChanged):
		return fail(what, err, "")
	case readErr != nil:
		return fail(what, readErr, "")
	}
	return ok(what, "a write that should replace an old version is refused")
}

// publishCreateOnly: a held file does not replace an object.
func (p *promises) publishCreateOnly(ctx context.Context, _ objstore.Object) Result {
	const what = "create-only publishing"
	h, err := p.hold(ctx, p.key) // an object has this key
	if err != nil {
		return fail(what, err, tryKMS(err))
	}
	err = p.s.Publish(ctx, h)
	text, readErr := p.read(ctx, p.key)
	switch {
	case readErr == nil && text != "3":
		return warn(what, p.tryIfUnsafe, "a held file replaced an existing object; runs never do that, because each attempt has keys of its own")
	case err == nil, readErr != nil:
		return fail(what, errors.Join(errors.New("a held file was published over an existing object"), err, readErr), p.tryIfUnsafe)
	case !errors.Is(err, objstore.ErrExists):
		return fail(what, err, p.tryIfUnsafe)
	}
	return ok(what, "a held file does not replace an existing object")
}

// dropIsFinal: a dropped file cannot be published.
func (p *promises) dropIsFinal(ctx context.Context, _ objstore.Object) Result {
	const what = "dropped files"
	key := p.key + "-dropped"
	h, err := p.hold(ctx, key)
	if err != nil {
		return fail(what, err, "")
	}
	if err := p.s.Drop(ctx, h); err != nil {
		return fail(what, err, p.tryIfUnsafe)
	}
	err = p.s.Publish(ctx, h)
	if _, headErr := p.s.Head(ctx, key); headErr == nil {
		return Result{Fail, what, "a dropped file could be published", p.tryIfUnsafe}
	}
	if !errors.Is(err, objstore.ErrNotHeld) {
		return fail(what, fmt.Errorf("the store must refuse to publish a dropped file as %q, but %s", objstore.ErrNotHeld.Error(), answer(err)), p.tryIfUnsafe)
	}
	return ok(what, "a dropped file cannot be published")
}

// deleteIsFinal: publishing a file once more does not restore it after it was deleted.
func (p *promises) deleteIsFinal(ctx context.Context, _ objstore.Object) Result {
	const what = "deleted files"
	key := p.key + "-published"
	h, err := p.hold(ctx, key)
	if err != nil {
		return fail(what, err, "")
	}
	if err := p.s.Publish(ctx, h); err != nil {
		return fail(what, err, p.tryIfUnsafe)
	}
	text, err := p.read(ctx, key)
	if err != nil {
		return fail(what, err, "")
	}
	if text != "held" {
		return Result{Fail, what, fmt.Sprintf("a published file has the content %q", text), p.tryIfUnsafe}
	}
	if err := p.s.Delete(ctx, key); err != nil {
		return warn(what, "allow s3:DeleteObject on the state location: doctor deletes what it wrote there, and runs delete quarantine files of attempts that lost",
			"not tested, because deleting failed: %v", err)
	}
	err = p.s.Publish(ctx, h) // any answer is right, if the file stays deleted
	if _, headErr := p.s.Head(ctx, key); headErr == nil {
		return Result{Fail, what, "publishing again restored a deleted file", p.tryIfUnsafe}
	} else if !errors.Is(headErr, objstore.ErrNotExist) {
		return fail(what, headErr, "")
	}
	return ok(what, "publishing again does not restore a deleted file (%s)", answer(err))
}

// answer is what a store said to a publication.
func answer(err error) string {
	switch {
	case err == nil:
		return "the store reported success"
	case errors.Is(err, objstore.ErrNotHeld):
		return "the store refused it"
	}
	return "the store answered: " + err.Error()
}

// clean deletes what was written, and reports what it could not delete.
func (p *promises) clean(ctx context.Context) []Result {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	var left []string
	var lastErr error
	for _, h := range p.held {
		if err := p.s.Drop(ctx, h); err != nil {
			left, lastErr = append(left, "upload "+h.UploadID), err
		}
	}
	slices.Sort(p.keys)
	for _, k := range slices.Compact(p.keys) {
		if err := p.s.Delete(ctx, k); err != nil {
			left, lastErr = append(left, k), err
		}
	}
	if len(left) == 0 {
		return nil
	}
	return []Result{warn("cleaning up", "delete them by hand", "%s remain in %s: %v", strings.Join(left, ", "), p.s, lastErr)}
}
