package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/ledger/holder"
	"github.com/silt-etl/silt/internal/objstore"
)

// RunState is a run's state, in AWS Glue's words.
type RunState string

const (
	RunStarting  RunState = "STARTING"
	RunRunning   RunState = "RUNNING"
	RunStopping  RunState = "STOPPING"
	RunStopped   RunState = "STOPPED"
	RunSucceeded RunState = "SUCCEEDED"
	RunFailed    RunState = "FAILED"
	RunTimeout   RunState = "TIMEOUT"
	RunWaiting   RunState = "WAITING" // it ended because another run is already doing this work
	RunDamaged   RunState = "DAMAGED" // it is not recorded: one of its two records cannot be read
)

// Ended tells whether a run in this state does nothing more.
func (s RunState) Ended() bool {
	return s == RunStopped || s == RunSucceeded || s == RunFailed || s == RunTimeout || s == RunWaiting
}

// RunStart is written once, when a run begins. Times of runs are local clocks, for people.
type RunStart struct {
	V       int       `json:"v"`
	Run     string    `json:"run"` // ULID
	Job     string    `json:"job"`
	Trigger string    `json:"trigger"` // SCHEDULED, ON_DEMAND, CONDITIONAL, EVENT
	Command string    `json:"command"` // run, backfill, replay, ...
	Started time.Time `json:"started"`
	Host    string    `json:"host,omitempty"`
	Version string    `json:"version,omitempty"` // of etl
	// Holder is the run's process, so that a run that crashed is seen at once on the same machine.
	Holder holder.Holder `json:"holder,omitzero"`
}

// RunEnd is written once, when a run ends.
type RunEnd struct {
	V         int       `json:"v"`
	Run       string    `json:"run"`
	State     RunState  `json:"state"`
	Ended     time.Time `json:"ended"`
	ExitCode  int       `json:"exit_code"`
	Error     string    `json:"error,omitempty"` // one line
	Objects   int       `json:"objects"`
	SizeBytes int64     `json:"size"` // of the objects read
	Records   Counts    `json:"records"`
	Files     int       `json:"files"`
	Batches   []string  `json:"batches,omitempty"` // committed
	Log       string    `json:"log,omitempty"`     // the end of the run's log, lines of JSON
	// Summary is the command's own account of the run, kept as it is.
	Summary json.RawMessage `json:"summary,omitempty"`
}

// RunInfo is a run as its two records tell it. End is nil while there is none.
type RunInfo struct {
	RunStart
	State RunState `json:"state"`
	Note  string   `json:"note,omitempty"` // why the state is not the one recorded
	End   *RunEnd  `json:"end,omitempty"`
}

// maxRunRecord bounds what is read of a run's record, which has at most 256 KiB of log.
const maxRunRecord = 16 << 20

// NoEnd is the note of a run that is over without having said so: it crashed, or could not reach the state store.
const NoEnd = "no end recorded"

func (l *Ledger) runKey(run, what string) string {
	return l.job + "/runs/" + run + "/" + what + ".json"
}

// StartRun records that this Ledger's run began. A start and an end are an object each, both create-only: nothing is ever
// overwritten, so a run that was given up for dead cannot change what is recorded of another, and a crash leaves a start
// without an end, which Runs can tell.
func (l *Ledger) StartRun(ctx context.Context, s RunStart) error {
	s.V, s.Run, s.Job, s.Holder = Version, l.opts.Run, l.job, l.opts.Holder
	return l.putRun(ctx, "start", s)
}

// EndRun records how this Ledger's run ended.
func (l *Ledger) EndRun(ctx context.Context, e RunEnd) error {
	e.V, e.Run = Version, l.opts.Run
	if !e.State.Ended() {
		return fmt.Errorf("run %s cannot end as %s", e.Run, e.State)
	}
	return l.putRun(ctx, "end", e)
}

func (l *Ledger) putRun(ctx context.Context, what string, v any) error {
	if l.opts.Run == "" {
		return errors.New("the ledger is open for reading only, so it cannot record a run")
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return l.create(ctx, l.runKey(l.opts.Run, what), bytesBody(text), sumOf(text))
}

// Run returns one run, or objstore.ErrNotExist. A damaged record is not an error: see RunDamaged.
func (l *Ledger) Run(ctx context.Context, id string) (RunInfo, error) {
	if !isULID(id) {
		return RunInfo{}, fmt.Errorf("run ID %q is not a ULID", id)
	}
	infos, err := l.runInfos(ctx, []string{id})
	if err != nil {
		return RunInfo{}, err
	}
	return infos[0], nil
}

// Runs returns the last runs, newest first. limit 0: all.
func (l *Ledger) Runs(ctx context.Context, limit int) ([]RunInfo, error) {
	now, err := l.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the time of the store: %w", err)
	}
	// A listing is oldest first; run ids begin with their time, so the last days are listed first.
	windows := []time.Duration{3 * 24 * time.Hour, 60 * 24 * time.Hour, 0}
	if limit == 0 {
		windows = windows[2:]
	}
	prefix := l.job + "/runs/"
	var ids []string
	for _, w := range windows {
		o := objstore.ListOptions{Prefix: prefix}
		if w > 0 {
			var from ulid.ULID
			if err := from.SetTime(ulid.Timestamp(now.Add(-w))); err != nil {
				return nil, err
			}
			o.After = prefix + from.String()
		}
		ids = ids[:0]
		err := l.store.List(ctx, o, func(o objstore.Object) error {
			id, what, _ := strings.Cut(strings.TrimPrefix(o.Key, prefix), "/")
			if what == "start.json" && isULID(id) {
				ids = append(ids, id)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		if limit > 0 && len(ids) >= limit {
			break
		}
	}
	slices.Reverse(ids)
	if limit > 0 && len(ids) > limit {
		ids = ids[:limit]
	}
	return l.runInfos(ctx, ids)
}

func (l *Ledger) runInfos(ctx context.Context, ids []string) ([]RunInfo, error) {
	infos := make([]RunInfo, len(ids))
	young := make([]bool, len(ids))
	// Leases are read before ends: a run that ends in between is seen by its end.
	holders, err := l.Holders(ctx)
	if err != nil {
		return nil, err
	}
	now, err := l.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the time of the store: %w", err)
	}
	damaged := make([]string, len(ids))
	err = l.each(len(ids), func(i int) error {
		o, damage, err := l.readRun(ctx, ids[i], "start", &infos[i].RunStart)
		if err != nil {
			return err
		}
		if damage != "" {
			infos[i].RunStart = unknownStart(l.job, ids[i])
			damaged[i] = fmt.Sprintf("start.json is damaged (%s)", damage)
		}
		young[i] = now.Sub(o.LastModified) < longestExpiry && !infos[i].Holder.Ended(l.opts.Holder)
		var end RunEnd
		_, damage, err = l.readRun(ctx, ids[i], "end", &end)
		switch {
		case errors.Is(err, objstore.ErrNotExist):
			return nil
		case err != nil:
			return err
		case damage != "":
			damaged[i] = fmt.Sprintf("end.json is damaged (%s)", damage)
			return nil
		}
		infos[i].End = &end
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range infos {
		r := &infos[i]
		if damaged[i] != "" {
			r.Note = damaged[i] + ". Try: etl doctor --fix"
		}
		switch {
		case r.End != nil && damaged[i] == "":
			r.State = r.End.State
		case damaged[i] != "" && !holders[r.Run]:
			r.State = RunDamaged
		case holders[r.Run] || young[i]: // a young run has perhaps not taken its lease yet
			r.State = RunRunning
		default:
			r.State, r.Note = RunFailed, NoEnd
		}
	}
	return infos, nil
}

// readRun reads one of a run's two records. damage says why the object is not such a record.
func (l *Ledger) readRun(ctx context.Context, id, what string, into any) (o objstore.Object, damage string, err error) {
	key := l.runKey(id, what)
	in, o, err := l.store.Get(ctx, key, objstore.GetOptions{})
	if err != nil {
		return o, "", fmt.Errorf("read run: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxRunRecord))
	if err != nil {
		return o, "", fmt.Errorf("run record %s/%s: %w", l.store, key, err)
	}
	damage = damageOf(text, into) // for people only: fields of a later program are left out
	named := ""
	switch r := into.(type) {
	case *RunStart:
		named = r.Run
	case *RunEnd:
		named = r.Run
	}
	if damage == "" && named != id {
		damage = fmt.Sprintf("it names run %q", named)
	}
	return o, damage, nil
}
