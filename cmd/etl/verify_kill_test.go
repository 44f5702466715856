//go:build verify

package main_test

import (
	"testing"

	"github.com/silt-etl/silt/internal/catalog/mototest"
)

// TestVerifyKilled is TestKilled with the catalog on moto.
func TestVerifyKilled(t *testing.T) {
	killJobs(t, func(t *testing.T) string {
		url := mototest.Start(t)
		mototest.CreateDatabase(t, url, killDatabase)
		return url
	})
}
