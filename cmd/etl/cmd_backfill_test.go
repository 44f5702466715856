package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBackfillOptions(t *testing.T) {
	env := func(vars ...string) func(string) (string, bool) {
		return func(name string) (string, bool) {
			for _, v := range vars {
				if k, val, _ := strings.Cut(v, "="); k == name {
					return val, true
				}
			}
			return "", false
		}
	}
	days := backfillCmd{From: "2023-01-01", To: "2024-06-30"}
	o, err := days.options(env("AWS_BATCH_JOB_ARRAY_SIZE=8", "AWS_BATCH_JOB_ARRAY_INDEX=7"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{8, 7, 2023, 2024}, []int{o.Shards, o.Shard, o.From.Year(), o.To.Year()}); diff != "" {
		t.Errorf("shards, shard, first and last year (-want +got):\n%s", diff)
	}
	if o, err = (&backfillCmd{From: "2023-01-01", To: "2023-01-01", Wait: time.Minute}).options(env()); err != nil || o.Wait != time.Minute {
		t.Errorf("--wait 1m: %+v, %v", o, err)
	}
	own := days
	own.Shards, own.Shard = 2, 1
	if o, err = own.options(env("AWS_BATCH_JOB_ARRAY_SIZE=8", "AWS_BATCH_JOB_ARRAY_INDEX=7")); err != nil || o.Shards != 2 || o.Shard != 1 {
		t.Errorf("flags win: %+v, %v", o, err)
	}
	own.Shard = 2
	for want, c := range map[string]backfillCmd{"counted from 0": own, "is before --from": {From: "2024-06-30", To: "2023-01-01"}, "is not a date": {From: "yesterday", To: "2023-01-01"},
		"is not a tier": {From: "2023-01-01", To: "2023-01-02", Restore: "standard", Days: 2}, "needs --days": {From: "2023-01-01", To: "2023-01-02", Restore: "Bulk"}, "--days is for --restore": {From: "2023-01-01", To: "2023-01-02", Days: 2},
		"cannot be used with --replace": {From: "2023-01-01", To: "2023-01-02", Restore: "Bulk", Days: 2, Replace: true}, "cannot be negative": {From: "2023-01-01", To: "2023-01-02", Wait: -1}} {
		if _, err := c.options(env()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := days.options(env("AWS_BATCH_JOB_ARRAY_SIZE=8")); err == nil {
		t.Error("a size without an index is accepted")
	}
}
