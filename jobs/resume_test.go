package jobs_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

func TestTimeout(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow, alert))
	r := w.runner()
	w.spec.Limits.Timeout = 2 * time.Second
	r.Staging = racing{r.Staging.(objstore.Bucket), func(string) { time.Sleep(2500 * time.Millisecond) }}
	sum, err := r.Run(t.Context(), jobs.RunOptions{})
	if !errors.Is(err, jobs.ErrTimeout) || sum.State != "TIMEOUT" || exitCodeOf(err) != 1 || !strings.Contains(err.Error(), "2s") {
		t.Fatalf("%v, %s", err, sum.State)
	}
	w.spec.Limits.Timeout = time.Hour
	if sum, err = w.run(); err != nil || sum.Records.Published != 2 || sum.Resumed != 1 {
		t.Errorf("the run after it: %v, %+v", err, sum)
	}
}

// TestResumeKeepsTheMapping: a plan that a run left is finished with the mapping it was planned with, what is new with today's.
func TestResumeKeepsTheMapping(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := w.runner()
	r.Staging = racing{r.Staging.(objstore.Bucket), func(string) { cancel() }}
	if sum, err := r.Run(ctx, jobs.RunOptions{}); !errors.Is(err, jobs.ErrStopped) || sum.State != "STOPPED" || exitCodeOf(err) != 5 {
		t.Fatalf("%v, %s", err, sum.State)
	}
	w.put(key("b"), gz(netflow))
	r = w.runner()
	files := map[string]string{}
	for name, text := range r.Mapping.Files {
		files[name] = strings.Replace(text, "firewall_name AS app_name", "'corrected' AS app_name", 1)
	}
	m, err := mappings.LoadFiles("network-firewall", files)
	if err != nil {
		t.Fatal(err)
	}
	if m.Digest == r.Mapping.Digest {
		t.Fatal("the mapping was not changed")
	}
	r.Mapping, r.LogTo = m, io.Discard
	if sum, err := r.Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Resumed != 1 || sum.Records.Published != 2 {
		t.Fatalf("%v, %+v", err, sum)
	}
	names := map[any]int{}
	for _, row := range w.published() {
		names[row["app_name"]]++
	}
	if names["firewall"] != 1 || names["corrected"] != 1 || len(names) != 2 {
		t.Errorf("app_name: %v", names)
	}
}

// TestResumeWithOwnMacro: a plan whose mapping has a macro with the name of one that the library has by now is finished with its own.
func TestResumeWithOwnMacro(t *testing.T) {
	w := newWorld(t)
	w.put(key("a"), gz(netflow))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := w.runner()
	shipped := r.Mapping
	files := map[string]string{}
	for name, text := range shipped.Files {
		if name != mappings.LibraryFile {
			files[name] = strings.Replace(text, "firewall_name AS app_name", "known(firewall_name) AS app_name", 1)
		}
	}
	files["macros.sql"] += "CREATE MACRO known(t) AS 'own ' || t;\n"
	own, err := mappings.LoadFiles("network-firewall", files)
	if err != nil {
		t.Fatal(err)
	}
	r.Mapping = own
	r.Staging = racing{r.Staging.(objstore.Bucket), func(string) { cancel() }}
	if sum, err := r.Run(ctx, jobs.RunOptions{}); !errors.Is(err, jobs.ErrStopped) {
		t.Fatalf("%v, %s", err, sum.State)
	}
	if sum, err := w.run(); err != nil || sum.Resumed != 1 || sum.Records.Published != 1 {
		t.Fatalf("%v, %+v", err, sum)
	}
	for _, row := range w.published() {
		if row["app_name"] != "own firewall" {
			t.Errorf("app_name is %v", row["app_name"])
		}
	}
}
