package main

import (
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/ledger"
)

// TestWatermarkLine: a folder that no run has taken anything from says so, and shows no year 1.
func TestWatermarkLine(t *testing.T) {
	at := time.Date(2025, 6, 2, 1, 0, 0, 0, time.UTC)
	for want, m := range map[string]ledger.Mark{
		"a/  2025-06-02T01:00:00Z  a/2025/06/02/b.log":                            {Prefix: "a/", Modified: at, Key: "a/2025/06/02/b.log"},
		"a/  nothing taken yet":                                                   {Prefix: "a/"},
		"(all of staging)  nothing taken yet; released from 2025-06-02T01:00:00Z": {FreedFrom: at},
	} {
		if got := watermarkLine(m); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
