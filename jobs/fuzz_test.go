package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
)

const smallSpec = `name: nf
source: {staging: ./staging}
mapping: network-firewall
lake: {location: ./lake, source_name: network-firewall, region: us-east-1}
`

// FuzzSettings: the settings of every valid job can be handed on by a manifest, and give the same job again.
func FuzzSettings(f *testing.F) {
	files, err := filepath.Glob("specs/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	// jobfile's FuzzSpec has the seeds that are refused; here only accepted jobs count
	for _, more := range []string{"", "event_days: {max_age: 0.0015ms, max_future: 1d12h0.5s}\n", "state: ${HOME}\n", "limits: {threads: 3, memory: 1GiB}\n"} {
		f.Add([]byte(smallSpec + more))
	}
	kinds := jobfile.Kinds{Stores: objstore.Registry{s3store.Kind(), dirstore.Kind()}, Catalogs: catalog.Registry{glue.Kind(), local.Kind()}}
	env := func(name string) (string, bool) { return "from: {the: environment}", name == "HOME" }
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := jobfile.Parse("job.yaml", text, env, kinds)
		if err != nil {
			return
		}
		handedOn := *s
		for _, k := range settings(s) {
			if k.set == nil {
				continue
			}
			if err := k.set(&handedOn, k.text); err != nil {
				t.Errorf("%s of an accepted job cannot be handed on: %v", k.key, err)
			}
		}
		if !reflect.DeepEqual(*s, handedOn) {
			t.Errorf("the settings give another job: %s", fmt.Sprint(handedOn))
		}
	})
}
