package main

import (
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
)

// jobKinds are the stores and catalogs that a job file can name.
func jobKinds() jobfile.Kinds { return jobfile.Kinds{Stores: storeKinds(), Catalogs: catalogKinds()} }

// storeKinds are the kinds of stores that a job can name. A new one is a line here and a package that runs objstoretest.
func storeKinds() objstore.Registry {
	return objstore.Registry{
		s3store.Kind(),
		dirstore.Kind(),
	}
}

// catalogKinds are the types of catalogs that a job can name. A new one is a line here and a package that runs catalogtest.
func catalogKinds() catalog.Registry {
	return catalog.Registry{
		glue.Kind(),
		local.Kind(),
	}
}
