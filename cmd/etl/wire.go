package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/perfolder"
	"github.com/silt-etl/silt/jobs"
)

// loadSpec reads a job file.
func (a *app) loadSpec(path string) (*jobfile.Spec, error) {
	return jobfile.Load(path, a.env, jobKinds())
}

// stores are the stores and the catalog of a job.
type stores struct {
	staging objstore.Reader
	lake    jobs.LakeStore
	deleter jobs.LakeStore // nil if deletes need a role and the job names none
	state   objstore.Bucket
	catalog catalog.Catalog
}

func openStaging(ctx context.Context, s *jobfile.Spec) (objstore.Reader, error) {
	return storeKinds().Open(ctx, s.Source.Staging, stagingOptions(s))
}

func stagingOptions(s *jobfile.Spec) objstore.Options {
	links := objstore.LinksInside
	if s.Source.FollowLinks {
		links = objstore.LinksOut
	}
	return objstore.Options{Region: s.Source.Region, RoleARN: s.Source.RoleARN, ExternalID: s.Source.ExternalID, HideSilt: true, StatusTimes: true, Links: links}
}

// openLake opens the lake as its provider role, and the folders of sources that have a role of their own as that role.
func openLake(ctx context.Context, s *jobfile.Spec) (jobs.LakeStore, error) {
	return openPerSource(s, "", func(roleARN, externalID string) (jobs.LakeStore, error) {
		return openLakeAs(ctx, s, roleARN, externalID)
	})
}

// openBucketOf opens the whole bucket of a partition to read it, each source as its role.
func openBucketOf(ctx context.Context, s *jobfile.Spec, root location.Location) (objstore.Reader, error) {
	at, _, err := storeKinds().Find(s.Lake.Location)
	if err != nil {
		return nil, err
	}
	below := ""
	if at.Path() != "" && at.Bucket() == root.Bucket() {
		below = strings.Trim(at.Path(), "/") + "/"
	}
	return openPerSource(s, below, func(roleARN, externalID string) (jobs.LakeStore, error) {
		return openStore(ctx, root.String(), objstore.Options{Region: s.Lake.Region, RoleARN: roleARN, ExternalID: externalID})
	})
}

// openPerSource opens a store once for each role of the lake. below is where the lake begins in it.
func openPerSource(s *jobfile.Spec, below string, open func(roleARN, externalID string) (jobs.LakeStore, error)) (jobs.LakeStore, error) {
	rest, err := open(s.Lake.RoleARN, s.Lake.ExternalID)
	if err != nil {
		return nil, err
	}
	folders := map[string]perfolder.Handle{}
	for name, c := range s.Lake.Classes {
		if c.RoleARN == "" {
			continue
		}
		if folders[below+lake.SourceFolder(c.SourceName)], err = open(c.RoleARN, c.ExternalID); err != nil {
			return nil, fmt.Errorf("lake.classes.%s.role_arn: %w", name, err)
		}
	}
	return perfolder.New(rest, folders), nil
}

func openStore(ctx context.Context, at string, o objstore.Options) (jobs.LakeStore, error) {
	b, err := storeKinds().Open(ctx, at, o)
	if err != nil {
		return nil, err
	}
	l, ok := b.(jobs.LakeStore)
	if !ok {
		return nil, fmt.Errorf("%s cannot hold files", b)
	}
	return l, nil
}

func openLakeAs(ctx context.Context, s *jobfile.Spec, roleARN, externalID string) (jobs.LakeStore, error) {
	return openStore(ctx, s.Lake.Location, lakeOptions(s, roleARN, externalID))
}

func lakeOptions(s *jobfile.Spec, roleARN, externalID string) objstore.Options {
	return objstore.Options{Region: s.Lake.Region, RoleARN: roleARN, ExternalID: externalID, KMSKeyID: s.Lake.KMSKeyID,
		HoldCopies: s.Lake.Hold == "copy", Create: true, HideSilt: true}
}

// openLakeToDelete opens the lake as the role that deletes its files. It is nil if deletes need a role and the job names none.
func openLakeToDelete(ctx context.Context, s *jobfile.Spec, lake jobs.LakeStore) (jobs.LakeStore, error) {
	_, kind, err := storeKinds().Find(s.Lake.Location)
	switch {
	case err != nil:
		return nil, err
	case !kind.DeletesNeedRole:
		return lake, nil
	case s.Lake.DeleteRoleARN == "":
		return nil, nil
	}
	deleter, err := openLakeAs(ctx, s, s.Lake.DeleteRoleARN, "")
	if err != nil {
		return nil, fmt.Errorf("lake.delete_role_arn: %w", err)
	}
	return deleter, nil
}

func openState(ctx context.Context, s *jobfile.Spec) (objstore.Bucket, error) {
	return storeKinds().Open(ctx, s.State, stateOptions(s))
}

func stateOptions(s *jobfile.Spec) objstore.Options {
	return objstore.Options{Region: s.Lake.Region, KMSKeyID: s.StateKMSKeyID, Create: true}
}

func openCatalog(ctx context.Context, s *jobfile.Spec) (catalog.Catalog, error) {
	kind, err := catalogKinds().Find(s.Catalog.Type)
	if err != nil {
		return nil, err
	}
	lake, _, err := storeKinds().Find(s.Lake.Location)
	if err != nil {
		return nil, err
	}
	state, _, err := storeKinds().Find(s.State)
	if err != nil {
		return nil, err
	}
	c, err := kind.Open(ctx, catalog.Config{Database: s.Catalog.Database, Lake: lake, State: state, Region: s.Catalog.Region, RoleARN: s.Catalog.RoleARN,
		ExternalID: s.Catalog.ExternalID, CatalogID: s.Catalog.CatalogID})
	if errors.Is(err, catalog.ErrUnusable) {
		return nil, usagef("%s: %w", s.File, err)
	}
	return c, err
}

// openStores opens everything a run needs.
func openStores(ctx context.Context, s *jobfile.Spec) (st stores, err error) {
	if st.staging, err = openStaging(ctx, s); err != nil {
		return st, err
	}
	if st.lake, err = openLake(ctx, s); err != nil {
		return st, err
	}
	if st.deleter, err = openLakeToDelete(ctx, s, st.lake); err != nil {
		return st, err
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
