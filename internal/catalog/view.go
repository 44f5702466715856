package catalog

import "context"

// View is a view that readers of the catalog can query by name. Its text is opaque here.
type View struct {
	Name    string
	Columns []Column // with Glue's types
	// OriginalText and ExpandedText are what Athena and Trino read.
	OriginalText, ExpandedText string
}

// ViewChange says what PutView did, or would do.
type ViewChange string

const (
	ViewCreated   ViewChange = "created"
	ViewUpdated   ViewChange = "updated"
	ViewUnchanged ViewChange = "unchanged"
)

// ViewKeeper keeps the views of one database, where other engines find them (Kind.OpenViews).
type ViewKeeper interface {
	// String names the database for people.
	String() string
	// PutView creates a view, or updates one that PutView created. A table or view of somebody else is ErrForeign and stays as it is. A
	// dry run only reads.
	PutView(ctx context.Context, v View, dryRun bool) (ViewChange, error)
}

// ViewParameter is the parameter that marks the views that PutView created. Its value is the view's name.
const ViewParameter = "silt.view"
