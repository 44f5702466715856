package ocsf

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/silt-etl/silt/internal/ocsf/facts"
)

// DefaultVersion is the version of a mapping that names none: the one that Amazon Security Lake writes for its own sources.
const DefaultVersion = "1.1.0"

//go:embed facts/*.json.gz
var tables embed.FS

// versions is the one list of known OCSF versions, oldest first: those that have a table. Each version has a loader, which reads its
// table once and is only ever called.
var versions = embedded()

type version struct {
	name string
	load func() (*Schema, error)
}

const tableSuffix = ".json.gz"

func embedded() (all []version) {
	entries, err := tables.ReadDir("facts")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	for _, e := range entries {
		all = append(all, newVersion(strings.TrimSuffix(e.Name(), tableSuffix)))
	}
	slices.SortFunc(all, func(a, b version) int { return CompareVersions(a.name, b.name) })
	return all
}

// CompareVersions is negative if a is older than b, positive if it is newer, and 0 if they are the same. Both are as 1.1.0.
func CompareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	return slices.CompareFunc(x, y, func(m, n string) int {
		i, errA := strconv.Atoi(m)
		j, errB := strconv.Atoi(n)
		if errA != nil || errB != nil {
			return strings.Compare(m, n)
		}
		return i - j
	})
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
	b, err := tables.ReadFile("facts/" + version + tableSuffix)
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
