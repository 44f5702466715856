package ocsf

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"sync"

	"github.com/silt-etl/silt/internal/ocsf/facts"
)

// DefaultVersion is the version of a mapping that names none: the one that Amazon Security Lake writes for its own sources.
const DefaultVersion = "1.1.0"

//go:embed facts/*.json.gz
var tables embed.FS

// versions is the one list of known OCSF versions, oldest first. Each version has a loader, which reads its table once and is only
// ever called. A new version also needs its export in gen/exportfiles.go.
var versions = []version{newVersion("1.0.0"), newVersion("1.1.0"), newVersion("1.2.0")}

type version struct {
	name string
	load func() (*Schema, error)
}

func newVersion(name string) version {
	return version{name, sync.OnceValues(func() (*Schema, error) { return read(name) })}
}

// Versions are the known OCSF versions, oldest first.
func Versions() []string {
	names := make([]string, len(versions))
	for i, v := range versions {
		names[i] = v.name
	}
	return names
}

// Load returns the schema of one of Versions. The first call for a version unpacks it (some ms), later ones share it.
func Load(name string) (*Schema, error) {
	for _, v := range versions {
		if v.name == name {
			return v.load()
		}
	}
	return nil, fmt.Errorf("unknown OCSF version %q: use one of %s", name, strings.Join(Versions(), ", "))
}

func read(version string) (*Schema, error) {
	b, err := tables.ReadFile("facts/" + version + ".json.gz")
	if err != nil {
		return nil, fmt.Errorf("OCSF %s: %w", version, err)
	}
	t, err := facts.Read(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("OCSF %s: %w", version, err)
	}
	s, err := newSchema(t)
	if err != nil {
		return nil, fmt.Errorf("OCSF %s: %w", version, err)
	}
	return s, nil
}
