package glue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/silt-etl/silt/internal/catalog"
)

// Views are the views of one Glue database.
type Views struct{ catalog *Catalog }

var _ catalog.ViewKeeper = (*Views)(nil)

// OpenViews is Open for views.
func OpenViews(ctx context.Context, cfg Config) (*Views, error) {
	c, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Views{c}, nil
}

// String is "glue:database@region".
func (v *Views) String() string { return v.catalog.String() }

const virtualView = "VIRTUAL_VIEW"

// PutView creates or updates a view in the shape in which Athena keeps its own.
func (v *Views) PutView(ctx context.Context, want catalog.View, dryRun bool) (change catalog.ViewChange, err error) {
	const op = "put view"
	c := v.catalog
	if err := catalog.CheckName("view", want.Name); err != nil {
		return "", c.fail(op, want.Name, err)
	}
	if err := catalog.CheckColumns(want.Columns); err != nil {
		return "", c.fail(op, want.Name, err)
	}
	err = c.again(ctx, func() (bool, error) {
		have, err := c.get(ctx, want.Name)
		switch {
		case errors.Is(err, catalog.ErrNoTable):
			if err = c.missing(ctx, err); errors.Is(err, catalog.ErrNoDatabase) {
				return true, err
			}
			change, err = catalog.ViewCreated, nil
			if !dryRun {
				err = v.create(ctx, want)
			}
		case err == nil:
			change, err = v.replace(ctx, have, want, dryRun)
		}
		return err == nil || !lostRace(err), err
	})
	return change, c.fail(op, want.Name, err)
}

func (v *Views) create(ctx context.Context, want catalog.View) error {
	_, err := v.catalog.client.CreateTable(ctx, &api.CreateTableInput{CatalogId: v.catalog.catalogID(), DatabaseName: aws.String(v.catalog.cfg.Database),
		TableInput: input(asTable(types.Table{Name: aws.String(want.Name), Owner: aws.String("owner")}, want))})
	return wrap("CreateTable", err)
}

func (v *Views) replace(ctx context.Context, have types.Table, view catalog.View, dryRun bool) (catalog.ViewChange, error) {
	if aws.ToString(have.TableType) != virtualView || have.Parameters[catalog.ViewParameter] != view.Name {
		return "", fmt.Errorf("%w: it is not a view that etl created. Rename or delete it, or create the views in another database", catalog.ErrForeign)
	}
	want := asTable(have, view)
	if aws.ToString(have.ViewOriginalText) == view.OriginalText && aws.ToString(have.ViewExpandedText) == view.ExpandedText &&
		have.Description == nil && maps.Equal(have.Parameters, want.Parameters) &&
		slices.Equal(plain(columnsOf(have.StorageDescriptor)), view.Columns) {
		return catalog.ViewUnchanged, nil
	}
	if dryRun {
		return catalog.ViewUpdated, nil
	}
	return catalog.ViewUpdated, v.catalog.update(ctx, want, false)
}

// asTable gives a table the text and columns of a view. Parameters that others set stay.
func asTable(t types.Table, v catalog.View) types.Table {
	t.TableType = aws.String(virtualView)
	t.Description = nil // Trino reads it as the parameter comment, which must have another value
	t.ViewOriginalText, t.ViewExpandedText = aws.String(v.OriginalText), aws.String(v.ExpandedText)
	parameters := maps.Clone(t.Parameters)
	if parameters == nil {
		parameters = map[string]string{}
	}
	// Trino takes a table for a view of its own if these two have exactly these values.
	parameters["presto_view"], parameters["comment"] = "true", "Presto View"
	parameters[catalog.ViewParameter] = v.Name
	t.Parameters = parameters
	columns := make([]types.Column, len(v.Columns))
	for i, col := range v.Columns {
		columns[i] = types.Column{Name: aws.String(col.Name), Type: aws.String(col.Type)}
	}
	t.StorageDescriptor = &types.StorageDescriptor{Columns: columns, Location: aws.String(""),
		SerdeInfo: &types.SerDeInfo{Parameters: map[string]string{}}}
	return t
}
