package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/open"
	"github.com/silt-etl/silt/jobs"
)

// loadSpec reads a job file.
func (a *app) loadSpec(path string) (*jobs.Spec, error) { return jobs.LoadSpec(path, a.env) }

// stores are what a job reads and writes.
type stores struct {
	staging objstore.Reader
	lake    jobs.LakeStore
	deleter jobs.LakeStore // nil: the lake is on S3 and the job names no role that may delete
	state   objstore.Bucket
	catalog catalog.Catalog
}

func openStaging(ctx context.Context, s *jobs.Spec) (objstore.Reader, error) {
	return open.Open(ctx, s.Source.Staging, open.Config{Region: s.Source.Region, RoleARN: s.Source.RoleARN, ExternalID: s.Source.ExternalID, HideSilt: true})
}

func openLake(ctx context.Context, s *jobs.Spec) (jobs.LakeStore, error) {
	return openLakeAs(ctx, s, s.Lake.RoleARN, s.Lake.ExternalID)
}

func openLakeAs(ctx context.Context, s *jobs.Spec, roleARN, externalID string) (jobs.LakeStore, error) {
	b, err := open.Open(ctx, s.Lake.Location, open.Config{Region: s.Lake.Region, RoleARN: roleARN, ExternalID: externalID, KMSKeyID: s.Lake.KMSKeyID, HoldCopies: s.Lake.Hold == "copy", Create: true, HideSilt: true})
	if err != nil {
		return nil, err
	}
	l, ok := b.(jobs.LakeStore)
	if !ok {
		return nil, fmt.Errorf("%s cannot hold files", b)
	}
	return l, nil
}

func openState(ctx context.Context, s *jobs.Spec) (objstore.Bucket, error) {
	return open.Open(ctx, s.State, open.Config{Region: s.Lake.Region, KMSKeyID: s.StateKMSKeyID, Create: true})
}

func openCatalog(ctx context.Context, s *jobs.Spec) (catalog.Catalog, error) {
	if s.Catalog.Type == "glue" {
		return glue.Open(ctx, glue.Config{Database: s.Catalog.Database, Region: s.Catalog.Region, RoleARN: s.Catalog.RoleARN,
			ExternalID: s.Catalog.ExternalID, CatalogID: s.Catalog.CatalogID})
	}
	dir := filepath.Join(s.Lake.Location, "catalog")
	if strings.HasPrefix(s.Lake.Location, "s3://") {
		if strings.HasPrefix(s.State, "s3://") {
			return nil, usagef("%s: catalog.type local needs a folder: with the lake on S3, let state be a folder, or use type glue", s.File)
		}
		dir = filepath.Join(s.State, "catalog")
	}
	return local.Open(dir, s.Catalog.Database)
}

// openStores opens everything a run needs.
func openStores(ctx context.Context, s *jobs.Spec) (st stores, err error) {
	if st.staging, err = openStaging(ctx, s); err != nil {
		return st, err
	}
	if st.lake, err = openLake(ctx, s); err != nil {
		return st, err
	}
	switch {
	case !strings.HasPrefix(s.Lake.Location, "s3://"):
		st.deleter = st.lake
	case s.Lake.DeleteRoleARN != "":
		if st.deleter, err = openLakeAs(ctx, s, s.Lake.DeleteRoleARN, ""); err != nil {
			return st, fmt.Errorf("lake.delete_role_arn: %w", err)
		}
	}
	if st.state, err = openState(ctx, s); err != nil {
		return st, err
	}
	st.catalog, err = openCatalog(ctx, s)
	return st, err
}

// printJSON prints one JSON value for programs.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
