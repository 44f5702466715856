package jobs

import (
	"io"
	"time"

	"github.com/rs/zerolog"
)

// NewLog returns a log that writes JSON lines to w, each with its time in milliseconds. A run adds its run_id to each of its lines.
func NewLog(w io.Writer) zerolog.Logger { return zerolog.New(w).Hook(lineTime{}) }

// lineTime adds the time to each line. zerolog's own timestamps have a format for the whole process.
type lineTime struct{}

// Run implements zerolog.Hook.
func (lineTime) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str(zerolog.TimestampFieldName, time.Now().Format("2006-01-02T15:04:05.000Z07:00"))
}
