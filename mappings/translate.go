package mappings

import "github.com/silt-etl/silt/sql/sqlgen"

type translation struct{ files map[string]string }

func (m *Mapping) translate() (*translation, []sqlgen.Problem) { return nil, nil }
