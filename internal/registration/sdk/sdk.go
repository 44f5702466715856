// Package sdk sends the requests of a registration with the AWS SDK: to Security Lake, to Glue's crawlers and to Lake Formation. It
// implements registration.API, and decides nothing. The SDK retries requests that are throttled or fail inside of AWS.
package sdk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/lakeformation"
	lftypes "github.com/aws/aws-sdk-go-v2/service/lakeformation/types"
	"github.com/aws/aws-sdk-go-v2/service/securitylake"
	sltypes "github.com/aws/aws-sdk-go-v2/service/securitylake/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/registration"
)

// Client sends requests to one Region with the program's own credentials.
type Client struct {
	region, catalogID string
	lake              *securitylake.Client
	glue              *glue.Client
	grants            *lakeformation.Client
}

// Open reads the configuration of the SDK. It sends nothing. catalogID is the account of the Glue catalog, "" for the caller's own.
func Open(ctx context.Context, region, catalogID string) (*Client, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithLogger(logging.Nop{}), config.WithRetryMaxAttempts(5))
	if err != nil {
		return nil, &diag.OpError{Op: "read the AWS configuration", Err: err, Try: "correct the profile or the AWS_* variables"}
	}
	return &Client{region: region, catalogID: catalogID, lake: securitylake.NewFromConfig(cfg), glue: glue.NewFromConfig(cfg),
		grants: lakeformation.NewFromConfig(cfg)}, nil
}

// Sources implements registration.API.
func (c *Client) Sources(ctx context.Context) (out []registration.Registered, err error) {
	seen := map[[2]string]bool{}
	pages := securitylake.NewListLogSourcesPaginator(c.lake, &securitylake.ListLogSourcesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, c.fail("list custom sources", "", "securitylake:ListLogSources", err)
		}
		for _, account := range page.Sources {
			for _, s := range account.Sources {
				custom, ok := s.(*sltypes.LogSourceResourceMemberCustomLogSource)
				if !ok {
					continue
				}
				r := registered(&custom.Value)
				r.Region = aws.ToString(account.Region)
				if key := [2]string{r.Region, r.Name}; !seen[key] { // a source is listed for each account that it collects from
					seen[key] = true
					out = append(out, r)
				}
			}
		}
	}
	return out, nil
}

func registered(s *sltypes.CustomLogSourceResource) registration.Registered {
	r := registration.Registered{Name: aws.ToString(s.SourceName)}
	if s.Provider != nil {
		r.RoleARN, r.Location = aws.ToString(s.Provider.RoleArn), aws.ToString(s.Provider.Location)
	}
	if s.Attributes != nil {
		r.CrawlerARN, r.DatabaseARN, r.TableARN = aws.ToString(s.Attributes.CrawlerArn), aws.ToString(s.Attributes.DatabaseArn), aws.ToString(s.Attributes.TableArn)
	}
	return r
}

// EventClasses implements registration.API.
func (c *Client) EventClasses(ctx context.Context, source string) ([]string, error) {
	pages := securitylake.NewGetDataLakeSourcesPaginator(c.lake, &securitylake.GetDataLakeSourcesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, c.fail("read event classes of source", source, "securitylake:GetDataLakeSources", err)
		}
		for _, s := range page.DataLakeSources {
			if aws.ToString(s.SourceName) == source && len(s.EventClasses) > 0 {
				return s.EventClasses, nil
			}
		}
	}
	return nil, nil
}

// CreateSource implements registration.API.
func (c *Client) CreateSource(ctx context.Context, s *registration.Source, o registration.Options) (registration.Registered, error) {
	out, err := c.lake.CreateCustomLogSource(ctx, &securitylake.CreateCustomLogSourceInput{
		SourceName:   aws.String(s.Name),
		EventClasses: s.EventClasses,
		Configuration: &sltypes.CustomLogSourceConfiguration{
			CrawlerConfiguration: &sltypes.CustomLogSourceCrawlerConfiguration{RoleArn: aws.String(o.CrawlerRole)},
			ProviderIdentity:     &sltypes.AwsIdentity{ExternalId: aws.String(s.ExternalID), Principal: aws.String(o.Principal)},
		},
	})
	if err != nil {
		return registration.Registered{}, c.fail("create source", s.Name, "securitylake:CreateCustomLogSource, glue:CreateCrawler, glue:CreateTable, "+
			"lakeformation:GrantPermissions, iam:CreateRole, iam:PutRolePolicy and iam:PassRole on the crawler's role", err)
	}
	if out.Source == nil {
		return registration.Registered{}, nil
	}
	r := registered(out.Source)
	r.Region = c.region
	return r, nil
}

// DeleteSource implements registration.API.
func (c *Client) DeleteSource(ctx context.Context, name string) error {
	_, err := c.lake.DeleteCustomLogSource(ctx, &securitylake.DeleteCustomLogSourceInput{SourceName: aws.String(name)})
	return c.fail("delete source", name, "securitylake:DeleteCustomLogSource", err)
}

// Crawler implements registration.API.
func (c *Client) Crawler(ctx context.Context, name string) (registration.Crawler, error) {
	out, err := c.glue.GetCrawler(ctx, &glue.GetCrawlerInput{Name: aws.String(name)})
	if err != nil {
		return registration.Crawler{}, c.fail("read crawler", name, "glue:GetCrawler", err)
	}
	have := out.Crawler
	r := registration.Crawler{Name: aws.ToString(have.Name), State: string(have.State), Database: aws.ToString(have.DatabaseName),
		TablePrefix: aws.ToString(have.TablePrefix), Configuration: aws.ToString(have.Configuration)}
	if have.Schedule != nil {
		r.Schedule = aws.ToString(have.Schedule.ScheduleExpression)
	}
	if have.Targets != nil {
		for _, t := range have.Targets.S3Targets {
			r.S3Paths = append(r.S3Paths, aws.ToString(t.Path))
		}
		for _, t := range have.Targets.CatalogTargets {
			r.CatalogTables = append(r.CatalogTables, t.Tables...)
		}
	}
	return r, nil
}

// crawlerPause and crawlerTries say how long a crawler that is running is waited for.
const (
	crawlerPause = 5 * time.Second
	crawlerTries = 12
)

// UpdateCrawler implements registration.API. It waits up to a minute for a crawler that is running.
func (c *Client) UpdateCrawler(ctx context.Context, want *registration.Crawler) error {
	in := &glue.UpdateCrawlerInput{Name: aws.String(want.Name), DatabaseName: aws.String(want.Database), TablePrefix: aws.String(want.TablePrefix),
		Schedule: aws.String(want.Schedule), Configuration: aws.String(want.Configuration), Targets: &gluetypes.CrawlerTargets{}}
	for _, path := range want.S3Paths {
		in.Targets.S3Targets = append(in.Targets.S3Targets, gluetypes.S3Target{Path: aws.String(path)})
	}
	for try := 1; ; try++ {
		_, err := c.glue.UpdateCrawler(ctx, in)
		var running *gluetypes.CrawlerRunningException
		if !errors.As(err, &running) || try == crawlerTries {
			return c.fail("update crawler", want.Name, "glue:UpdateCrawler and iam:PassRole on the crawler's role", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(crawlerPause):
		}
	}
}

// DeleteCrawler implements registration.API.
func (c *Client) DeleteCrawler(ctx context.Context, name string) error {
	_, err := c.glue.DeleteCrawler(ctx, &glue.DeleteCrawlerInput{Name: aws.String(name)})
	return c.fail("delete crawler", name, "glue:DeleteCrawler", err)
}

// HasTable implements registration.API.
func (c *Client) HasTable(ctx context.Context, database, table string) (bool, error) {
	_, err := c.glue.GetTable(ctx, &glue.GetTableInput{CatalogId: optional(c.catalogID), DatabaseName: aws.String(database), Name: aws.String(table)})
	err = c.fail("read table", database+"."+table, "glue:GetTable", err)
	if errors.Is(err, registration.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Granted implements registration.API.
func (c *Client) Granted(ctx context.Context, principal string, r registration.Resource) (out []string, err error) {
	pages := lakeformation.NewListPermissionsPaginator(c.grants, &lakeformation.ListPermissionsInput{CatalogId: optional(c.catalogID),
		Principal: &lftypes.DataLakePrincipal{DataLakePrincipalIdentifier: aws.String(principal)}, Resource: c.resource(r)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, c.fail("list grants on", r.String(), "lakeformation:ListPermissions", err)
		}
		for _, p := range page.PrincipalResourcePermissions {
			for _, permission := range p.Permissions {
				out = append(out, string(permission))
			}
		}
	}
	return out, nil
}

// Grant implements registration.API.
func (c *Client) Grant(ctx context.Context, principal string, g registration.Grant) error {
	in := &lakeformation.GrantPermissionsInput{CatalogId: optional(c.catalogID), Resource: c.resource(g.Resource),
		Principal: &lftypes.DataLakePrincipal{DataLakePrincipalIdentifier: aws.String(principal)}}
	for _, p := range g.Permissions {
		in.Permissions = append(in.Permissions, lftypes.Permission(p))
	}
	_, err := c.grants.GrantPermissions(ctx, in)
	return c.fail("grant on", g.Resource.String(), "lakeformation:GrantPermissions to this identity, and make it an administrator of the data lake", err)
}

func (c *Client) resource(r registration.Resource) *lftypes.Resource {
	id := optional(c.catalogID)
	switch {
	case r.LocationARN != "":
		return &lftypes.Resource{DataLocation: &lftypes.DataLocationResource{CatalogId: id, ResourceArn: aws.String(r.LocationARN)}}
	case r.Table != "":
		return &lftypes.Resource{Table: &lftypes.TableResource{CatalogId: id, DatabaseName: aws.String(r.Database), Name: aws.String(r.Table)}}
	}
	return &lftypes.Resource{Database: &lftypes.DatabaseResource{CatalogId: id, Name: aws.String(r.Database)}}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}

// fail describes an error of the SDK on one line. allow are the actions that the request needs.
func (c *Client) fail(op, object, allow string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	out := &diag.OpError{Op: op, Object: object, Err: errors.New(oneLine(err.Error()))}
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		if strings.Contains(err.Error(), "get credentials:") { // the SDK has no type for it
			out.Err, out.Try = errors.New("AWS credentials were not found"), "set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run where a role is attached"
		} else {
			out.Temporary, out.Try = true, "check the network, and run the command again"
		}
		return out
	}
	text := fmt.Errorf("%s: %s", answer.ErrorCode(), oneLine(answer.ErrorMessage()))
	out.Err = text
	switch answer.ErrorCode() {
	case "EntityNotFoundException":
		out.Err = fmt.Errorf("%w: %w", registration.ErrNotFound, text)
	case "ResourceNotFoundException":
		out.Err = fmt.Errorf("%w: %w", registration.ErrNotFound, text)
		out.Try = "check that Security Lake is enabled in " + c.region
	case "ConflictException":
		out.Err, out.Try = fmt.Errorf("%w: %w", registration.ErrConflict, text), "run the command again"
	case "AccessDeniedException", "AccessDenied", "UnauthorizedException":
		out.Try = "allow " + allow
	case "ThrottlingException", "InternalServerException", "InternalServiceException", "OperationTimeoutException", "ConcurrentModificationException":
		out.Temporary, out.Try = true, "run the command again"
	case "CrawlerRunningException":
		out.Temporary, out.Try = true, "run the command again when the crawler has ended"
	}
	return out
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
