// Package glue is the catalog of the AWS Glue Data Catalog, the one Athena and Lake Formation read. It is the only place that
// uses Glue's SDK.
//
// What it keeps to:
//   - It changes a table only by the version it has read (VersionId). A lost race is read, merged and tried again, so that no
//     writer's columns are lost, a crawler's included. What others set on a table or partition stays.
//   - Partitions inherit from their table. A grown table has catalog.PendingParameter from the write that grew it until
//     all its partitions have its columns; whoever finds the parameter, for example after a crash, does that work. Added partitions are
//     checked against the table once more after they were added, so that growth in between misses none.
//   - Requests that Glue throttles, times out or fails are retried, completely or item by item, with growing pauses.
//
// The endpoint and the credentials are the SDK's own affair (AWS_ENDPOINT_URL_GLUE, AWS_PROFILE, ...).
package glue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	api "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/location"
)

// Config says which database, and as whom.
type Config struct {
	Database   string
	Region     string // of the database; empty: the SDK's (AWS_REGION, the profile)
	RoleARN    string // assumed for every request; empty: the SDK's own credentials
	ExternalID string // given when the role is assumed
	CatalogID  string // account of the catalog; empty: the caller's

	// RequestTries is how often a request that may succeed later is tried, races included. Default: 10.
	RequestTries int
	// Pause is the longest first pause between two tries; it doubles up to 10 s. Default: 100 ms.
	Pause time.Duration
}

// Kind describes Glue to the registry of catalogs.
func Kind() catalog.Kind {
	return catalog.Kind{Type: "glue", UsesAWS: true, WritePermissions: writePermissions,
		CheckLake: func(lake location.Location) error {
			if lake.Scheme() != "s3" {
				return errors.New("glue needs a lake on S3, because Glue tables cannot point at a folder")
			}
			return nil
		},
		Open: func(ctx context.Context, cfg catalog.Config) (catalog.Catalog, error) {
			c, err := Open(ctx, configOf(cfg))
			if err != nil {
				return nil, err
			}
			return c, nil
		},
		OpenViews: func(ctx context.Context, cfg catalog.Config) (catalog.ViewKeeper, error) {
			v, err := OpenViews(ctx, configOf(cfg))
			if err != nil {
				return nil, err
			}
			return v, nil
		}}
}

func configOf(cfg catalog.Config) Config {
	return Config{Database: cfg.Database, Region: cfg.Region, RoleARN: cfg.RoleARN, ExternalID: cfg.ExternalID, CatalogID: cfg.CatalogID}
}

func writePermissions(createsTable bool) string {
	needs := "glue:UpdateTable and glue:BatchCreatePartition (Lake Formation: ALTER and INSERT on the table, data location access)"
	if createsTable {
		needs = "glue:CreateTable (Lake Formation: CREATE_TABLE on the database), " + needs
	}
	return needs
}

// Catalog is one Glue database. It holds no state but its client.
type Catalog struct {
	client *api.Client
	cfg    Config
}

var (
	_ catalog.Catalog = (*Catalog)(nil)
	_ catalog.Editor  = (*Catalog)(nil)
)

const maxPause = 10 * time.Second

// Open makes the client. It sends nothing; wrong credentials show with the first request.
func Open(ctx context.Context, cfg Config) (*Catalog, error) {
	fail := func(err error, hint string) (*Catalog, error) {
		return nil, catalog.Fail("open", "glue:"+cfg.Database, "", err, hint)
	}
	if err := catalog.CheckName("database", cfg.Database); err != nil {
		return fail(err, "")
	}
	if cfg.ExternalID != "" && cfg.RoleARN == "" {
		return fail(fmt.Errorf("%w: an external ID without a role", catalog.ErrInvalid), "set role_arn too, or remove external_id")
	}
	if cfg.RequestTries <= 0 {
		cfg.RequestTries = 10
	}
	if cfg.Pause <= 0 {
		cfg.Pause = 100 * time.Millisecond
	}
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})} // it would write to stderr
	if cfg.Region != "" {
		options = append(options, config.WithRegion(cfg.Region))
	}
	sdk, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return fail(err, "check the AWS variables and profile")
	}
	if sdk.Region == "" {
		return fail(fmt.Errorf("%w: no AWS region", catalog.ErrInvalid), "set lake.region in the job, or AWS_REGION")
	}
	cfg.Region = sdk.Region
	if cfg.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(sdk), cfg.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "silt"
			if cfg.ExternalID != "" {
				o.ExternalID = aws.String(cfg.ExternalID)
			}
		})
		sdk.Credentials = aws.NewCredentialsCache(role)
	}
	client := api.NewFromConfig(sdk, func(o *api.Options) {
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = cfg.RequestTries
			r.MaxBackoff = maxPause
			r.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return cfg.pause(attempt), nil })
			// The number of tries bounds the load. The SDK's token bucket would give up early in a long night of throttling.
			r.RateLimiter = ratelimit.None
			r.Retryables = append(r.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{"OperationTimeoutException": {}}},
				retry.IsErrorRetryableFunc(isCut))
		})
	})
	return &Catalog{client: client, cfg: cfg}, nil
}

// isCut says that an answer could not be read: the connection ended in its middle. What the request did is not known, and each
// request of this package may be sent again.
func isCut(err error) aws.Ternary {
	if unread := (*smithy.DeserializationError)(nil); errors.As(err, &unread) {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// String is "glue:database@region".
func (c *Catalog) String() string { return "glue:" + c.cfg.Database + "@" + c.cfg.Region }

// pause before try number attempt+1, attempt from 0: random, between half and all of a doubling time, so that writers who met
// once do not meet again.
func (cfg Config) pause(attempt int) time.Duration {
	longest := min(cfg.Pause<<min(attempt, 16), maxPause)
	return longest/2 + rand.N(longest/2+1)
}

// again runs try until it says that it is done, RequestTries times at most, with pauses. The last error of a try that wanted
// another is kept in ErrBusy.
func (c *Catalog) again(ctx context.Context, try func() (done bool, err error)) error {
	var last error
	for attempt := range c.cfg.RequestTries {
		if attempt > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(c.cfg.pause(attempt - 1)):
			}
		}
		done, err := try()
		if done {
			return err
		}
		last = err
	}
	if last == nil {
		last = errors.New("other writers keep changing it")
	}
	return fmt.Errorf("%w, tried %d times: %w", catalog.ErrBusy, c.cfg.RequestTries, last)
}

// catalogID is nil for the caller's own account.
func (c *Catalog) catalogID() *string {
	if c.cfg.CatalogID == "" {
		return nil
	}
	return aws.String(c.cfg.CatalogID)
}
