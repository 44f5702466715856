package capture

import (
	"reflect"
	"testing"
	"time"
)

func TestValues(t *testing.T) {
	at := time.Date(2019, 1, 1, 1, 10, 0, 5e6, time.FixedZone("", 3600))
	got := Source{Year: 2018, Zone: "Europe/Berlin", Zones: []string{"CST=-06:00", "IST=+05:30"}}.Values(at)
	want := map[string]string{"last_modified": "2019-01-01T00:10:00.005Z", "source_year": "2018", "source_timezone": "Europe/Berlin", "source_zones": "CST=-06:00,IST=+05:30"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for name := range got {
		if !IsAdded(name) {
			t.Errorf("%s is not among the added names", name)
		}
	}
	if got := (Source{}).Values(time.Time{}); len(got) > 0 {
		t.Errorf("of nothing: %v", got)
	}
}
