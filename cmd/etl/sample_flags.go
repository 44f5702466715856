package main

import (
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/mappingtest"
	"github.com/silt-etl/silt/internal/staging"
)

// sampleFlags say what the records of a sample or of a test are run with in addition to the mapping.
type sampleFlags struct {
	Key        string `placeholder:"KEY" help:"Staging key that the records would have, for the captures of key_pattern. Default: the path of the sample below the job's staging; else none, and the captures are NULL. A test that has a key of its own keeps it." example:"AWSLogs/111122223333/a.gz"`
	KeyPattern string `placeholder:"PATTERN" help:"Pattern of staging keys. Default: the job's." example:"AWSLogs/{account_id}/"`
	EventDays  string `placeholder:"AGE[,FUTURE]" help:"Largest age of the day of a record, and how far it can be in the future. Other records go to quarantine. Default: event_days of the job, or of a job file that does not set it; tests accept all days." example:"3650d,1d"`
}

// captures are those of --key, or of the key that a sample below the job's staging has. nil: all are NULL. job can be nil.
func (f *sampleFlags) captures(job *jobfile.Spec, sample string) (staging.Captures, error) {
	pattern := f.KeyPattern
	if pattern == "" && job != nil {
		pattern = job.Source.KeyPattern
	}
	key := f.Key
	if key == "" && pattern != "" && job != nil {
		key = keyBelow(job.Source.Staging, sample)
	}
	switch {
	case key == "":
		return nil, nil
	case pattern == "":
		return nil, usagef("--key needs --key-pattern, or a job that has one")
	}
	parsed, err := staging.ParsePattern(pattern)
	if err != nil {
		return nil, usagef("--key-pattern: %w", err)
	}
	found := parsed.Captures(key)
	if found == nil && f.Key != "" {
		return nil, usagef("--key %s does not match %s", f.Key, pattern)
	}
	return found, nil
}

// keyBelow is the staging key of a file or an object below a staging location, "" for any other.
func keyBelow(at, sample string) string {
	root, err := location.Parse(at)
	if err != nil {
		return ""
	}
	file, err := location.Parse(sample)
	if err != nil || file.IsFolder() != root.IsFolder() {
		return ""
	}
	if !root.IsFolder() {
		prefix := strings.TrimSuffix(root.String(), "/") + "/"
		key, below := strings.CutPrefix(file.String(), prefix)
		if !below {
			return ""
		}
		return key
	}
	folder, err := filepath.Abs(root.Path())
	if err != nil {
		return ""
	}
	path, err := filepath.Abs(file.Path())
	if err != nil {
		return ""
	}
	key, err := filepath.Rel(folder, path)
	if err != nil || key == "." || key == ".." || strings.HasPrefix(key, ".."+string(filepath.Separator)) {
		return ""
	}
	return filepath.ToSlash(key)
}

// days are those of --event-days, else the given ones.
func (f *sampleFlags) days(unset jobfile.EventDays) (jobfile.EventDays, error) {
	if f.EventDays == "" {
		return unset, nil
	}
	age, future, both := strings.Cut(f.EventDays, ",")
	var err error
	if unset.MaxAge, err = jobfile.ParseDuration(age); err != nil {
		return unset, usagef("--event-days: %w", err)
	}
	if both {
		if unset.MaxFuture, err = jobfile.ParseDuration(future); err != nil {
			return unset, usagef("--event-days: %w", err)
		}
	}
	return unset, nil
}

// tests gives the tests without a key of their own the captures of --key.
func (f *sampleFlags) tests(files []*mappingtest.File) error {
	captures, err := f.captures(nil, "")
	if err != nil || captures == nil {
		return err
	}
	for _, file := range files {
		for _, c := range file.Cases {
			if c.Captures == nil {
				c.Captures = captures
			}
		}
	}
	return nil
}
