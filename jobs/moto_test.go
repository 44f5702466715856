//go:build verify

package jobs_test

import (
	"testing"

	"github.com/silt-etl/silt/internal/catalog/mototest"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
)

// TestMotoFaults is TestFaults with the catalog on moto: whichever operation goes wrong, the next run leaves every record once.
func TestMotoFaults(t *testing.T) {
	url := mototest.Start(t)
	newParts := newS3PartsAt(t, objstoretest.StartVersityGW(t), url, func(t testing.TB, name string) { mototest.CreateDatabase(t, url, name) })
	for how, every := range map[fault]int{faultBefore: 13, faultLost: 11, faultDead: 7, faultDeadAfter: 17} {
		t.Run(string(how), func(t *testing.T) {
			if n := sweep(t, how, soaking(every, 1), 4, newParts); n < 60 {
				t.Errorf("the sweep ended after %d operations", n)
			}
		})
	}
}
