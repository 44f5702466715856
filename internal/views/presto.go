package views

import (
	"encoding/base64"
	"encoding/json"

	"github.com/silt-etl/silt/internal/catalog"
)

// athenaCatalog is the name under which Athena knows the Glue Data Catalog of the account. A Trino that reads the views needs a catalog
// of this name.
const athenaCatalog = "awsdatacatalog"

// definition is the JSON that Athena and Trino keep in a view.
type definition struct {
	OriginalSQL  string             `json:"originalSql"`
	Catalog      string             `json:"catalog"`
	Schema       string             `json:"schema"`
	Columns      []definitionColumn `json:"columns"`
	Comment      string             `json:"comment"`
	RunAsInvoker bool               `json:"runAsInvoker"`
}

type definitionColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Entry is the view over tables as a database of Glue keeps it.
func (v *View) Entry(database string, tables []Table) (catalog.View, error) {
	sql, err := v.SQL(Athena, tables)
	if err != nil {
		return catalog.View{}, err
	}
	d := definition{OriginalSQL: sql, Catalog: athenaCatalog, Schema: database, Comment: v.Answers}
	out := catalog.View{Name: v.Name, ExpandedText: "/* Presto View */"}
	for _, c := range v.Columns {
		d.Columns = append(d.Columns, definitionColumn{c.Name, c.Type.String()})
		out.Columns = append(out.Columns, catalog.Column{Name: c.Name, Type: c.Type.Hive()})
	}
	text, err := json.Marshal(d)
	if err != nil {
		return catalog.View{}, err
	}
	out.OriginalText = "/* Presto View: " + base64.StdEncoding.EncodeToString(text) + " */"
	return out, nil
}
