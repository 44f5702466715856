package objstore

import (
	"context"
	"time"
)

// Storage classes of S3 that matter to a reader. Objects of the other classes, GLACIER_IR among them, are read at once.
const (
	ClassGlacier     = "GLACIER"      // S3 Glacier Flexible Retrieval
	ClassDeepArchive = "DEEP_ARCHIVE" // S3 Glacier Deep Archive
	// ClassIntelligentTiering objects may be archived, and no listing says so: a read shows it.
	ClassIntelligentTiering = "INTELLIGENT_TIERING"
)

// The tiers of RestoreOptions.
const (
	TierExpedited = "Expedited"
	TierStandard  = "Standard"
	TierBulk      = "Bulk"
)

// RestoreStatus is what a store says of the restore of an archived object.
type RestoreStatus struct {
	InProgress bool
	Expires    time.Time // when the restored copy is removed; zero while the restore is in progress
}

// Archived says that the store would refuse to read the object with ErrArchived: it is in an archive, and it is not restored. It is false
// for an object that a listing does not know to be archived.
func (o Object) Archived() bool {
	if o.Restore != nil && o.Restore.InProgress {
		return true
	}
	isArchive := o.StorageClass == ClassGlacier || o.StorageClass == ClassDeepArchive
	return isArchive && (o.Restore == nil || o.Restore.Expires.IsZero())
}

// Restoring says that a restore of the object is in progress.
func (o Object) Restoring() bool { return o.Restore != nil && o.Restore.InProgress }

// RestoreOptions say how an archived object is restored.
type RestoreOptions struct {
	Tier string // how fast, and at what price
	Days int    // how long the restored copy stays; 0 for objects of ClassIntelligentTiering, which stay
}

// RestoreAnswer is the answer to a request to restore an object.
type RestoreAnswer int

const (
	RestoreStarted    RestoreAnswer = iota // by this request
	RestoreInProgress                      // since an earlier request
	RestoreDone                            // the object can be read
)

// Restorer is implemented by stores that archive objects. Only S3 does.
type Restorer interface {
	// Restore asks for a copy of an archived object that can be read. It does not wait for it.
	Restore(ctx context.Context, key string, opts RestoreOptions) (RestoreAnswer, error)
}
