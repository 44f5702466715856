// Package begun keeps marks of the batches that runs have begun to process and not ended.
//
// A run writes a mark before it reads the objects of a batch, and removes it when the batch is committed or released, or when the run
// is asked to stop. A mark of an open batch therefore says that a run failed at the batch, or died. The next run processes such a
// batch after all others, in smaller batches. Marks only save work: no decision about rows depends on one.
package begun

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/silt-etl/silt/internal/objstore"
)

type mark struct {
	Run string `json:"run"`
}

func prefix(job string) string     { return job + "/begun/" }
func key(job, batch string) string { return prefix(job) + batch + ".json" }

// Put marks a batch.
func Put(ctx context.Context, state objstore.Bucket, job, batch, run string) error {
	text, err := json.Marshal(mark{run})
	if err != nil {
		return err
	}
	_, err = state.Put(ctx, key(job, batch), strings.NewReader(string(text)), objstore.PutOptions{})
	return err
}

// Remove removes the mark of a batch. A batch without a mark is not an error.
func Remove(ctx context.Context, state objstore.Bucket, job, batch string) error {
	return state.Delete(ctx, key(job, batch))
}

// List returns the marked batches of a job.
func List(ctx context.Context, state objstore.Bucket, job string) (map[string]bool, error) {
	marked := map[string]bool{}
	err := state.List(ctx, objstore.ListOptions{Prefix: prefix(job)}, func(o objstore.Object) error {
		if batch, ok := strings.CutSuffix(strings.TrimPrefix(o.Key, prefix(job)), ".json"); ok {
			marked[batch] = true
		}
		return nil
	})
	return marked, err
}
