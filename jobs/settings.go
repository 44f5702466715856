package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/classes"
	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/ledger/keptlookups"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/staging"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// ErrSettings is a plan or a commit of an earlier run that the job file, as it is now, cannot continue.
var ErrSettings = errors.New("the job file was changed")

// setting is a key of the job file that decides which rows a plan produces and where they go. A manifest keeps its text.
type setting struct {
	key, text string
	// set gives a job the text of an earlier plan. nil: the key names a place, and the rows of one plan must not go to two places.
	set func(s *jobfile.Spec, text string) error
}

func settings(s *jobfile.Spec) []setting {
	return []setting{
		{"source.staging", s.Source.Staging, nil},
		{"lake.location", s.Lake.Location, nil},
		{"lake.source_name", s.Lake.SourceName, nil},
		{"lake.region", s.Lake.Region, nil},
		{"lake.layout", s.Lake.Layout, nil},
		{"catalog.type", s.Catalog.Type, nil},
		{"catalog.database", s.Catalog.Database, nil},
		{"catalog.table", s.Catalog.Table, nil},
		{"catalog.table_prefix", s.Catalog.TablePrefix, nil},
		{"source.key_pattern", s.Source.KeyPattern, func(s *jobfile.Spec, text string) error {
			s.Source.KeyPattern = text
			if text == "" {
				return nil
			}
			_, err := staging.ParsePattern(text)
			return err
		}},
		{"source.year", strconv.Itoa(s.Source.Times.Year), func(s *jobfile.Spec, text string) (err error) {
			s.Source.Times.Year, err = strconv.Atoi(text)
			return err
		}},
		{"source.timezone", s.Source.Times.Zone, func(s *jobfile.Spec, text string) error { s.Source.Times.Zone = text; return nil }},
		{"source.zones", strings.Join(s.Source.Times.Zones, ","), func(s *jobfile.Spec, text string) error {
			s.Source.Times.Zones = nil
			if text != "" {
				s.Source.Times.Zones = strings.Split(text, ",")
			}
			return nil
		}},
		{"lake.account_id", s.Lake.AccountID, func(s *jobfile.Spec, text string) error { s.Lake.AccountID = text; return nil }},
		{"event_days.max_age", s.EventDays.MaxAge.String(), func(s *jobfile.Spec, text string) (err error) {
			s.EventDays.MaxAge, err = time.ParseDuration(text)
			return err
		}},
		{"event_days.max_future", s.EventDays.MaxFuture.String(), func(s *jobfile.Spec, text string) (err error) {
			s.EventDays.MaxFuture, err = time.ParseDuration(text)
			return err
		}},
	}
}

// plannedSettings are the settings as a manifest keeps them.
func plannedSettings(s *jobfile.Spec) map[string]string {
	out := map[string]string{}
	for _, k := range settings(s) {
		out[k.key] = k.text
	}
	return out
}

// CheckFormat compares source.format with the mapping's own format. The error is a diag.List.
func CheckFormat(s *jobfile.Spec, compiled *sqlgen.Compiled) error {
	if err := compiled.CheckFormat(s.Source.Format); err != nil {
		d := s.At("source.format")
		d.Message = "source.format: " + err.Error()
		return diag.List{d}
	}
	return nil
}

// Live says which folders of the job's source have rows. It needs Spec, Mapping, Compile, State and Lake, and writes nothing.
func (r *Runner) Live(ctx context.Context) (classes.Live, error) {
	x := r.newRun("check", "", true)
	var err error
	if x.config, err = x.currentConfig(ctx); err != nil {
		return classes.Live{}, err
	}
	if x.ledger, err = openLedger(r, "", nil); err != nil {
		return classes.Live{}, err
	}
	err = x.places.read(ctx)
	return x.places.live, err
}

// placement gives the classes of a run's mapping their places in the lake.
type placement struct {
	run    *run
	reader classes.Reader
	live   classes.Live // which folders of the job's source have rows
}

// assign gives each class of the current mapping its place.
func (p *placement) assign(ctx context.Context) error {
	x := p.run
	all := classes.Of(x.config.compiled)
	err := p.read(ctx)
	if err != nil && x.command != "adopt" { // adopt reports a damaged ledger itself
		return err
	}
	if err = classes.CheckNames(x.Spec, all); err != nil {
		return err
	}
	targets, err := classes.Assign(x.Spec, all, p.live)
	if err == nil {
		x.config.targets = targets
	}
	return err
}

// read reads from the ledger which folders have rows.
func (p *placement) read(ctx context.Context) error {
	x := p.run
	if p.reader.Ledger == nil {
		p.reader = classes.Reader{Job: x.Spec, Ledger: x.ledger, Lake: x.Lake, Planned: p.plannedClasses}
	}
	st, err := x.ledger.Fold(ctx)
	if err == nil {
		p.live, err = p.reader.Live(ctx, st, classes.Of(x.config.compiled))
	}
	return err
}

// plannedClasses are the classes of the mapping that a manifest keeps.
func (p *placement) plannedClasses(ctx context.Context, m *ledger.Manifest) ([]lake.Class, error) {
	compiled, err := p.plannedMapping(ctx, m)
	if err != nil {
		return nil, err
	}
	return classes.Of(compiled), nil
}

// plannedMapping compiles the mapping that a manifest keeps.
func (p *placement) plannedMapping(ctx context.Context, m *ledger.Manifest) (*sqlgen.Compiled, error) {
	x := p.run
	if m.Mapping.Digest == x.Mapping.Digest {
		return x.config.compiled, nil
	}
	files := map[string]string{}
	for _, f := range m.Mapping.Files {
		files[f.Path] = f.Text
	}
	planned, err := mappings.LoadFiles(m.Mapping.Name, files)
	if err == nil {
		err = planned.FindLookups(ctx, PlannedLookups{State: x.State, Job: x.Spec.Name, Lookups: m.Lookups, TempDir: x.Spec.Limits.TempDir, Now: x.Mapping})
	}
	if err != nil {
		return nil, fmt.Errorf("the mapping that manifest %s was planned with: %w", m.ID, err)
	}
	planned.LimitLookups(x.Spec.Limits.MemoryBytes / 2)
	compiled, err := x.Compile(ctx, planned)
	if err != nil {
		return nil, fmt.Errorf("the mapping that manifest %s was planned with: %w", m.ID, err)
	}
	return compiled, nil
}

// batchConfig decides which rows come out of a batch and where they go: the job's settings, the compiled mapping and the tables.
// A plan fixes it, so that its result does not depend on when it is processed. Credentials and limits are always today's.
type batchConfig struct {
	spec     *jobfile.Spec
	compiled *sqlgen.Compiled
	targets  map[string]lake.Target // by class
	hashKey  redact.Key             // of the mapping's hashes, if it has any
	keyErr   error                  // why there is none
}

// hashes says whether the mapping needs a key.
func (c *batchConfig) hashes() bool { return redact.Hashes(c.compiled.Scan.Redact) }

// checkKey fails if the key is missing that the mapping needs. The error wraps redact.ErrNoKey.
func (c *batchConfig) checkKey() error {
	if c.hashes() {
		return c.keyErr
	}
	return nil
}

// redaction is what a manifest says about the mapping's discarded and redacted fields; nil: it has none.
func (c *batchConfig) redaction() *ledger.Redaction {
	if !c.hidesRecords() {
		return nil
	}
	out := &ledger.Redaction{}
	if c.hashes() && c.keyErr == nil {
		out.Key = c.hashKey.Fingerprint()
	}
	return out
}

// hashKeys are the keys of the job's environment.
func (r *Runner) hashKeys() (redact.Keys, error) {
	lookup := r.LookupEnv
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	return redact.ReadKeys(r.Spec.Redact.KeysEnv, lookup)
}

// currentConfig is the job as its file and its mapping are now, without targets (see placement).
func (r *Runner) currentConfig(ctx context.Context) (*batchConfig, error) {
	compiled, err := r.Compile(ctx, r.Mapping)
	if err != nil {
		return nil, err
	}
	if err = CheckFormat(r.Spec, compiled); err != nil {
		return nil, err
	}
	config := &batchConfig{spec: r.Spec, compiled: compiled, targets: map[string]lake.Target{}}
	if config.hashes() {
		var keys redact.Keys
		if keys, config.keyErr = r.hashKeys(); config.keyErr == nil {
			config.hashKey, config.keyErr = keys.Newest()
		}
	}
	return config, nil
}

// plannedConfig is the job as it was when a manifest was planned. ErrSettings: a place was changed, so the files of one plan would go
// to two places, or its objects would not be found.
func (x *run) plannedConfig(ctx context.Context, m *ledger.Manifest) (*batchConfig, error) {
	if changed := changedPlaces(x.config, m); len(changed) > 0 {
		return nil, fmt.Errorf("%w since run %s planned work that is not finished: %s. Try: put the setting back, or plan the work again with etl run --replan", ErrSettings, m.Run, strings.Join(changed, ", "))
	}
	s := *x.Spec
	for _, k := range settings(x.Spec) {
		planned, kept := m.Settings[k.key]
		if !kept || k.set == nil || planned == k.text {
			continue
		}
		if err := k.set(&s, planned); err != nil {
			return nil, fmt.Errorf("manifest %s: %s: %w", m.ID, k.key, err)
		}
		x.log.Info().Str("manifest", m.ID).Str("setting", k.key).Str("planned", planned).Str("now", k.text).Msg("resuming with the setting it was planned with")
	}
	compiled, err := x.places.plannedMapping(ctx, m)
	if err != nil {
		return nil, err
	}
	config := &batchConfig{spec: &s, compiled: compiled}
	if config.hashes() { // a plan of an earlier version, which does not know about keys, has none
		keys, err := x.hashKeys()
		if err == nil && m.Redaction != nil && m.Redaction.Key != "" {
			config.hashKey, err = keys.Find(m.Redaction.Key)
		} else if err == nil {
			config.hashKey, err = keys.Newest()
		}
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", m.ID, err)
		}
	}
	if config.targets, err = classes.Planned(m, classes.Of(compiled)); err == nil && config.targets == nil {
		config.targets, err = classes.Assign(&s, classes.Of(compiled), x.places.live)
	}
	if err != nil {
		return nil, err
	}
	if m.Mapping.Digest != x.Mapping.Digest {
		x.log.Info().Str("manifest", m.ID).Msg("resuming with the mapping it was planned with")
	}
	return config, nil
}

// newManifest fixes a plan: the mapping's text, the settings that decide what is published, and the batches.
func newManifest(r *Runner, config *batchConfig, batches [][]staging.Found) *ledger.Manifest {
	m := &ledger.Manifest{ID: ulid.Make().String(), SchemaVersion: config.compiled.Version, Settings: plannedSettings(config.spec), Classes: classes.Record(config.spec, config.targets), Redaction: config.redaction(), Fills: config.compiled.Fills, Events: config.compiled.Scan.Format.Events,
		Mapping: ledger.Mapping{Name: r.Mapping.Name, Digest: r.Mapping.Digest}}
	for _, name := range slices.Sorted(maps.Keys(r.Mapping.Files)) {
		m.Mapping.Files = append(m.Mapping.Files, ledger.MappingFile{Path: name, Text: r.Mapping.Files[name]})
	}
	for _, l := range r.Mapping.Lookups {
		m.Lookups = append(m.Lookups, ledger.MappingLookup{Name: l.Name, File: l.File, SHA256: l.SHA256, Size: l.SizeBytes})
	}
	for _, b := range batches {
		m.Batches = append(m.Batches, newBatch(b))
	}
	return m
}

func newBatch(found []staging.Found) ledger.ManifestBatch {
	b := ledger.ManifestBatch{Batch: ulid.Make().String()}
	for _, f := range found {
		b.Objects = append(b.Objects, f.Object)
	}
	return b
}

// keepLookups keeps the files of the mapping's lookups in the state, before a manifest names them.
func keepLookups(ctx context.Context, r *Runner) error {
	for _, l := range r.Mapping.Lookups {
		open := func(ctx context.Context) (io.ReadCloser, error) { return l.Open(ctx) }
		if err := keptlookups.Put(ctx, r.State, r.Spec.Name, keptlookups.File{SHA256: l.SHA256, Open: open}); err != nil {
			return fmt.Errorf("keep the lookup %s (%s) in the state, for runs that resume the plan: %w. Try: run again; if the file is being written, wait until it is complete", l.Name, l.Place, err)
		}
	}
	return nil
}

// PlannedLookups are the lookups of a manifest, whose files the state keeps. It is a mappings.LookupPlace.
type PlannedLookups struct {
	State   objstore.Reader
	Job     string
	Lookups []ledger.MappingLookup
	TempDir string
	// Now is the mapping as it is now. Its tables are used if they are the same. It may be nil.
	Now *mappings.Mapping
}

// String implements mappings.LookupPlace.
func (p PlannedLookups) String() string { return "the manifest" }

// Find implements mappings.LookupPlace.
func (p PlannedLookups) Find(ctx context.Context, name string) (*mappings.LookupFile, error) {
	i := slices.IndexFunc(p.Lookups, func(l ledger.MappingLookup) bool { return l.Name == name })
	if i < 0 {
		return nil, nil
	}
	l := p.Lookups[i]
	f := &mappings.LookupFile{File: l.File, Place: "plan:" + l.File, SHA256: l.SHA256, SizeBytes: l.Size, Open: func(ctx context.Context) (mappings.Content, error) {
		f, err := keptlookups.Open(ctx, p.State, p.Job, l.SHA256, p.TempDir)
		if err != nil {
			return nil, fmt.Errorf("%w. Try: plan the work again with etl run --replan", err)
		}
		return f, nil
	}}
	if p.Now != nil {
		p.Now.ShareTable(name, f)
	}
	return f, nil
}
