// Package registration registers the custom sources of a job in Amazon Security Lake.
//
// New decides from a job and its classes what is needed: sources, settings of crawlers, grants in Lake Formation. Register compares this
// with what AWS has, and creates or changes only what differs, so that it can be repeated and resumed. Commands, Terraform and
// CloudFormation print the same plan for people who do it themselves.
//
// The package does not know the AWS SDK: API is implemented in registration/sdk. It never deletes anything but in Deregister, and it
// writes no file: Result.Edits says what belongs into the job file.
package registration

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/location"
)

// MaxSources is the number of custom sources that Security Lake allows in an account
// (docs.aws.amazon.com/security-lake/latest/userguide/custom-sources.html).
const MaxSources = 50

// Options are what a job file does not say.
type Options struct {
	CrawlerRole string            // ARN of the role of the crawlers that Security Lake creates
	Principal   string            // account that writes the logs, or a service such as firehose.amazonaws.com
	ExternalID  string            // default: the one of the job file
	Runner      string            // ARN of the identity that gets grants in Lake Formation. Default: catalog.role_arn
	EventClass  map[string]string // names of the API that replace those of EventClass
}

// Plan is what a job needs.
type Plan struct {
	Job       *jobfile.Spec
	Options   Options
	Region    string
	CatalogID string
	Database  string
	Runner    string
	Lake      location.Location // the root of the lake as the job file has it
	Sources   []Source
	Unlisted  []Unlisted
}

// Source is one custom source.
type Source struct {
	Name         string
	Key          string   // the group of the job file: lake, or lake.classes.<class>
	Classes      []string // of OCSF
	EventClasses []string // the API's names of Classes
	Tables       []string // as the job has them
	ExternalID   string
	// ExternalIDVariable is the environment variable that the job file names for the external ID. "": the file has the text itself.
	ExternalIDVariable string
	ByClass            bool // the classes have folders and tables of their own, which the crawler must not combine
}

// Unlisted is an event class that Security Lake does not take.
type Unlisted struct {
	Class, Source string
}

// String says what is missing and what to try.
func (u Unlisted) String() string {
	return fmt.Sprintf("class %s: Security Lake's list of event classes does not have it, so it is not registered for source %s. "+
		"Try: --event-class %s=NAME with a name of the list, or map the records to a class of the list", u.Class, u.Source, u.Class)
}

// Errors of New, which name a key of the job file or an option.
var (
	ErrNotS3     = errors.New("lake.location is a folder, and Security Lake stores its files on S3. Try: lake.location: s3://bucket/")
	ErrNotGlue   = errors.New("catalog.type is not glue, and Security Lake's tables are in Glue. Try: catalog.type: glue")
	ErrPrincipal = errors.New("--principal is missing. Try: the 12 digits of the account that runs etl (example: --principal 111122223333)")
	ErrCrawler   = errors.New("--crawler-role is missing. Try: the ARN of a role that the crawler can assume; etl iam policy JOB --role crawler prints its policy")
	ErrExternal  = errors.New("the external ID is missing. Try: lake.external_id: ${SILT_EXTERNAL_ID} in the job file, or --external-id")
)

var (
	principal  = regexp.MustCompile(`^([0-9]{12}|[a-z0-9.-]*\.(amazonaws|amazon)\.com)$`)
	roleARN    = regexp.MustCompile(`^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`)
	externalID = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
	variable   = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)
)

// New decides what a job needs. order are its classes, and targets says where each goes.
func New(job *jobfile.Spec, order []lake.Class, targets map[string]lake.Target, o Options) (*Plan, error) {
	at, err := location.Parse(job.Lake.Location)
	if err != nil {
		return nil, err
	}
	if at.Scheme() != "s3" {
		return nil, ErrNotS3
	}
	if job.Catalog.Type != "glue" {
		return nil, ErrNotGlue
	}
	p := &Plan{Job: job, Options: o, Region: job.Lake.Region, CatalogID: job.Catalog.CatalogID, Database: job.Catalog.Database,
		Runner: cmp.Or(o.Runner, job.Catalog.RoleARN), Lake: at}
	for _, c := range order {
		if err := p.add(c, targets[c.Name]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add adds a class to its source.
func (p *Plan) add(c lake.Class, t lake.Target) error {
	key := "lake"
	if t.Source != p.Job.Lake.SourceName {
		key = "lake.classes." + c.Name
	}
	if len(t.Source) > lake.MaxSourceName {
		return fmt.Errorf("source %s of class %s has %d characters, and Security Lake allows %d. Try: %s.source_name with a shorter name",
			t.Source, c.Name, len(t.Source), lake.MaxSourceName, key)
	}
	name, listed := EventClass(c.Name)
	if other := p.Options.EventClass[c.Name]; other != "" {
		name, listed = other, true
	}
	if !listed {
		p.Unlisted = append(p.Unlisted, Unlisted{c.Name, t.Source})
		return nil
	}
	i := slices.IndexFunc(p.Sources, func(s Source) bool { return s.Name == t.Source })
	if i < 0 {
		i = len(p.Sources)
		s := Source{Name: t.Source, Key: key}
		p.externalID(&s, c.Name)
		p.Sources = append(p.Sources, s)
	}
	s := &p.Sources[i]
	s.Classes = append(s.Classes, c.Name)
	s.EventClasses = append(s.EventClasses, name)
	if !slices.Contains(s.Tables, t.Table) {
		s.Tables = append(s.Tables, t.Table)
	}
	s.ByClass = s.ByClass || t.Folder != lake.SourceFolder(t.Source)
	return nil
}

// externalID finds the external ID of a source: its own, that of the option, or that of the lake.
func (p *Plan) externalID(s *Source, class string) {
	key := "lake.external_id"
	if c := p.Job.Lake.Classes[class]; s.Key != "lake" && c != nil && c.ExternalID != "" {
		s.ExternalID, key = c.ExternalID, s.Key+".external_id"
	} else if p.Options.ExternalID != "" {
		s.ExternalID = p.Options.ExternalID
		return
	} else {
		s.ExternalID = p.Job.Lake.ExternalID
	}
	if m := variable.FindStringSubmatch(p.Job.Written(key)); m != nil {
		s.ExternalIDVariable = m[1]
	}
}

// Check says what a registration lacks. Printing a plan needs less.
func (p *Plan) Check() error {
	switch {
	case p.Options.CrawlerRole == "":
		return ErrCrawler
	case !roleARN.MatchString(p.Options.CrawlerRole):
		return fmt.Errorf("--crawler-role %q is not a role (example: arn:aws:iam::111122223333:role/SecurityLakeCrawler)", p.Options.CrawlerRole)
	case p.Options.Principal == "":
		return ErrPrincipal
	case !principal.MatchString(p.Options.Principal):
		return fmt.Errorf("--principal %q is not an account of 12 digits or a service (example: 111122223333)", p.Options.Principal)
	}
	for _, s := range p.Sources {
		if s.ExternalID == "" {
			return ErrExternal
		}
		if n := len(s.ExternalID); n < 2 || n > 1224 || !externalID.MatchString(s.ExternalID) {
			return fmt.Errorf("the external ID of source %s has characters that AWS does not allow, or not 2 to 1224 of them. Try: letters, digits and any of _ + = , . @ : / -", s.Name)
		}
	}
	for _, class := range slices.Sorted(maps.Keys(p.Options.EventClass)) {
		if !regexp.MustCompile(`^[A-Z_0-9]+$`).MatchString(p.Options.EventClass[class]) {
			return fmt.Errorf("--event-class %s=%s: a name has capital letters, digits and _ (example: FILE_SYSTEM_ACTIVITY)", class, p.Options.EventClass[class])
		}
	}
	return nil
}

// Crawler are the settings of a crawler that matter here.
type Crawler struct {
	Name          string
	State         string // READY, RUNNING, STOPPING
	Database      string
	S3Paths       []string
	CatalogTables []string // targets that are tables and not folders
	TablePrefix   string
	Schedule      string
	Configuration string // JSON
}

// monthly is the schedule that AWS's guide gives the crawler: the first day of each month at 0:00 UTC.
const monthly = "cron(0 0 1 * ? *)"

// crawler are the settings for a source whose classes have folders of their own: a table for each folder, named by prefix and folder,
// whose partitions have the columns of the table. nil: the source has one table, and the crawler stays as Security Lake made it.
func (p *Plan) crawler(s *Source, root location.Location, table string) *Crawler {
	if !s.ByClass {
		return nil
	}
	level := 4 // the bucket, ext, the source, the class
	if below := strings.Trim(root.Path(), "/"); below != "" {
		level += strings.Count(below, "/") + 1
	}
	prefix := p.Job.Catalog.TablePrefix
	if prefix == "" {
		prefix = table + "_"
	}
	return &Crawler{Name: s.Name, Database: p.Database, S3Paths: []string{folder(root, s.Name)}, TablePrefix: prefix, Schedule: monthly,
		Configuration: fmt.Sprintf(`{"Version":1.0,"CrawlerOutput":{"Partitions":{"AddOrUpdateBehavior":"InheritFromTable"}},`+
			`"Grouping":{"TableGroupingPolicy":"CombineCompatibleSchemas","TableLevelConfiguration":%d}}`, level)}
}

// folder is the location of a source, with a slash at its end.
func folder(root location.Location, source string) string {
	return root.Join("ext", source).String() + "/"
}

// differs names the settings of a crawler that are not as wanted.
func (c *Crawler) differs(want *Crawler) (out []string) {
	for _, x := range []struct {
		name string
		same bool
	}{
		{"data source", slices.Equal(slashed(c.S3Paths), slashed(want.S3Paths)) && len(c.CatalogTables) == 0},
		{"database", c.Database == want.Database},
		{"table prefix", c.TablePrefix == want.TablePrefix},
		{"schedule", c.Schedule == want.Schedule},
		{"configuration", sameJSON(c.Configuration, want.Configuration)},
	} {
		if !x.same {
			out = append(out, x.name)
		}
	}
	return out
}

func slashed(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = strings.TrimSuffix(p, "/") + "/"
	}
	return out
}

func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return a == b
	}
	one, err := json.Marshal(x)
	two, err2 := json.Marshal(y)
	return err == nil && err2 == nil && string(one) == string(two)
}

// Resource is what Lake Formation grants permissions on.
type Resource struct {
	Database, Table string // Table "": the database
	LocationARN     string // a folder of the lake
}

func (r Resource) String() string {
	switch {
	case r.LocationARN != "":
		return "location " + r.LocationARN
	case r.Table != "":
		return "table " + r.Table
	}
	return "database " + r.Database
}

// Grant is what the runner needs on a resource.
type Grant struct {
	Resource    Resource
	Permissions []string
}

// grants are those of the identity that reads and changes the catalog, for the requests that a run sends to Glue
// (docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html).
func (p *Plan) grants(root location.Location, database string, tables func(*Source) []string) (out []Grant) {
	out = append(out, Grant{Resource{Database: database}, []string{"CREATE_TABLE", "DESCRIBE"}})
	for i := range p.Sources {
		s := &p.Sources[i]
		for _, t := range tables(s) {
			out = append(out, Grant{Resource{Database: database, Table: t}, []string{"ALTER", "DESCRIBE", "INSERT", "SELECT"}})
		}
		out = append(out, Grant{Resource{LocationARN: locationARN(p.partition(), root, s.Name)}, []string{"DATA_LOCATION_ACCESS"}})
	}
	return out
}

// partition is aws, aws-cn or aws-us-gov, by the region.
func (p *Plan) partition() string {
	switch {
	case strings.HasPrefix(p.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(p.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func locationARN(partition string, root location.Location, source string) string {
	return "arn:" + partition + ":s3:::" + strings.TrimSuffix(strings.TrimPrefix(folder(root, source), "s3://"), "/")
}
