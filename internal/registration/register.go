package registration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/location"
)

// Errors that an API returns.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("it exists already")
)

// Registered is a custom source as Security Lake has it.
type Registered struct {
	Name, Region                      string
	RoleARN                           string // of the provider
	Location                          string // s3://bucket/ext/<name>/
	CrawlerARN, DatabaseARN, TableARN string
}

// API are the requests of a registration. An implementation retries what can succeed later.
type API interface {
	// Sources lists the custom sources of the account, in all Regions.
	Sources(ctx context.Context) ([]Registered, error)
	// EventClasses are those of a source, or nil if Security Lake does not say them.
	EventClasses(ctx context.Context, source string) ([]string, error)
	CreateSource(ctx context.Context, s *Source, o Options) (Registered, error)
	// DeleteSource removes a source. ErrNotFound: it is gone.
	DeleteSource(ctx context.Context, name string) error
	Crawler(ctx context.Context, name string) (Crawler, error)
	UpdateCrawler(ctx context.Context, c *Crawler) error
	DeleteCrawler(ctx context.Context, name string) error
	HasTable(ctx context.Context, database, table string) (bool, error)
	// Granted are the permissions that a principal has on a resource.
	Granted(ctx context.Context, principal string, r Resource) ([]string, error)
	Grant(ctx context.Context, principal string, g Grant) error
}

// Status is what happened to one thing.
type Status string

// The values of Status.
const (
	OK      Status = "ok"      // it was as needed
	Changed Status = "changed" // it was created or changed, and read back
	Warning Status = "warn"    // a person should look at it
	Failed  Status = "FAIL"
)

// Step is one line of the result.
type Step struct {
	Status Status `json:"status"`
	What   string `json:"what"`
	Detail string `json:"detail"`
}

func (s Step) String() string { return fmt.Sprintf("%-8s%s: %s", s.Status, s.What, s.Detail) }

// Result is what a registration did.
type Result struct {
	Steps []Step `json:"steps"`
	Used  int    `json:"used"` // custom sources of the account afterwards
	Left  int    `json:"left"`
	Edits []jobfile.Edit
}

// OK says whether nothing failed.
func (r *Result) OK() bool {
	return !slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Status == Failed })
}

// registrar is one registration.
type registrar struct {
	*Plan
	api    API
	tell   func(Step)
	result Result
	have   []Registered
	found  []Registered // of Plan.Sources, by index
}

// Register creates the sources that do not exist, sets crawlers, grants permissions, and reads all of it back. tell gets each step when
// it is done. An error ends it at its step; to continue, call it again.
func (p *Plan) Register(ctx context.Context, api API, tell func(Step)) (*Result, error) {
	r := &registrar{Plan: p, api: api, tell: tell, found: make([]Registered, len(p.Sources))}
	err := r.sources(ctx)
	if err == nil {
		err = r.crawlers(ctx)
	}
	if err == nil {
		err = r.grantAll(ctx)
	}
	if err == nil {
		r.edits()
	}
	return &r.result, err
}

func (r *registrar) step(status Status, what, format string, args ...any) {
	s := Step{status, what, fmt.Sprintf(format, args...)}
	r.result.Steps = append(r.result.Steps, s)
	r.tell(s)
}

func (r *registrar) sources(ctx context.Context) (err error) {
	for _, u := range r.Unlisted {
		what, detail, _ := strings.Cut(u.String(), ": ")
		r.step(Failed, what, "%s", detail)
	}
	if r.have, err = r.api.Sources(ctx); err != nil {
		return err
	}
	missing := 0
	for i := range r.Sources {
		if r.lookup(i); r.found[i].Name == "" {
			missing++
		}
	}
	if left := MaxSources - len(r.have); missing > left {
		return fmt.Errorf("register %d sources: %d of the %d custom sources that Security Lake allows in an account are left. "+
			"Try: etl source deregister for jobs that have ended, or ask AWS to raise the quota", missing, left, MaxSources)
	}
	for i := range r.Sources {
		if err := r.source(ctx, i); err != nil {
			return err
		}
	}
	if missing > 0 { // what was created is read back
		if r.have, err = r.api.Sources(ctx); err != nil {
			return err
		}
	}
	for i := range r.Sources {
		created := r.found[i]
		r.found[i] = Registered{}
		r.lookup(i)
		switch now := r.found[i]; {
		case now.Name == "":
			return fmt.Errorf("read back source %s: Security Lake does not list it. Try: run the command again in a few minutes", r.Sources[i].Name)
		case now.RoleARN != created.RoleARN || now.Location != created.Location:
			return fmt.Errorf("read back source %s: its role or location is not the one of the answer. Try: run the command again", r.Sources[i].Name)
		}
	}
	r.result.Used, r.result.Left = len(r.have), MaxSources-len(r.have)
	r.step(OK, "account", "%d of %d custom sources are in use, %d are left", r.result.Used, MaxSources, r.result.Left)
	return nil
}

// lookup finds a source of the plan among those of the account.
func (r *registrar) lookup(i int) {
	for _, h := range r.have {
		if h.Name == r.Sources[i].Name && (h.Region == r.Region || h.Region == "") {
			r.found[i] = h
		}
	}
}

func (r *registrar) source(ctx context.Context, i int) (err error) {
	s := &r.Sources[i]
	what := "source " + s.Name
	names := strings.Join(s.EventClasses, ", ")
	if r.found[i].Name == "" {
		if _, err := r.api.Crawler(ctx, s.Name); err == nil {
			r.step(Warning, "crawler "+s.Name, "it exists already, and its source does not. AWS recommends to delete the crawler of a deleted source first "+
				"(aws glue delete-crawler --name %s)", s.Name)
		}
		if r.found[i], err = r.api.CreateSource(ctx, s, r.Options); err != nil {
			return err
		}
		if r.found[i].RoleARN == "" || r.found[i].Location == "" {
			return fmt.Errorf("create source %s: the answer has no provider role or location. Try: run the command again", s.Name)
		}
		r.step(Changed, what, "created with %s", names)
		return nil
	}
	have, err := r.api.EventClasses(ctx, s.Name)
	if err != nil {
		return err
	}
	slices.Sort(have)
	want := slices.Sorted(slices.Values(s.EventClasses))
	if len(have) > 0 && !slices.Equal(have, want) {
		r.step(Warning, what, "registered already, with %s instead of %s. The API cannot change the classes of a source. Try: etl source deregister, then register again. Its files stay",
			strings.Join(have, ", "), names)
		return nil
	}
	r.step(OK, what, "registered already (%s)", names)
	return nil
}

// root is where the lake begins: the location of a source without ext/<source>/.
func (r *registrar) root(i int) (location.Location, error) {
	name := r.Sources[i].Name
	text, ok := strings.CutSuffix(strings.TrimSuffix(r.found[i].Location, "/"), "/ext/"+name)
	if !ok {
		return location.Location{}, fmt.Errorf("source %s: its location %q does not end in ext/%s/. Try: write lake.location and the role %s into the job file yourself",
			name, r.found[i].Location, name, r.found[i].RoleARN)
	}
	return location.Parse(text + "/")
}

// lastPart is the name at the end of an ARN, or def if there is no ARN.
func lastPart(arn, def string) string {
	if i := strings.LastIndexByte(arn, '/'); i >= 0 && i+1 < len(arn) {
		return arn[i+1:]
	}
	return def
}

// table is the table that Security Lake made for a source.
func (r *registrar) table(i int) string {
	return lastPart(r.found[i].TableARN, lake.TableName(r.Region, r.Sources[i].Name))
}

func (r *registrar) database() string {
	for _, f := range r.found {
		if name := lastPart(f.DatabaseARN, ""); name != "" && name != "*" {
			return name
		}
	}
	return r.Database
}

func (r *registrar) crawlers(ctx context.Context) error {
	for i := range r.Sources {
		s := &r.Sources[i]
		root, err := r.root(i)
		if err != nil {
			return err
		}
		want := r.crawler(s, root, r.table(i))
		if want == nil {
			continue
		}
		want.Database = r.database()
		want.Name = lastPart(r.found[i].CrawlerARN, s.Name)
		what := "crawler " + want.Name
		have, err := r.api.Crawler(ctx, want.Name)
		if err != nil {
			return err
		}
		different := have.differs(want)
		if len(different) == 0 {
			r.step(OK, what, "makes a table for each class folder")
			continue
		}
		if err := r.api.UpdateCrawler(ctx, want); err != nil {
			return err
		}
		if have, err = r.api.Crawler(ctx, want.Name); err != nil {
			return err
		}
		if still := have.differs(want); len(still) > 0 {
			return fmt.Errorf("read back %s: %s did not change. Try: run the command again", what, strings.Join(still, ", "))
		}
		r.step(Changed, what, "makes a table for each class folder (set: %s)", strings.Join(different, ", "))
	}
	return nil
}

func (r *registrar) grantAll(ctx context.Context) error {
	if r.Runner == "" {
		r.step(Warning, "grants", "not made, because neither catalog.role_arn nor --runner names the identity that reads and changes the catalog")
		return nil
	}
	root, err := r.root(0)
	if err != nil {
		return err
	}
	tables := func(s *Source) []string {
		i := slices.IndexFunc(r.Sources, func(x Source) bool { return x.Name == s.Name })
		if s.ByClass {
			return append([]string{r.table(i)}, s.Tables...)
		}
		return []string{r.table(i)}
	}
	for _, g := range r.grants(root, r.database(), tables) {
		if err := r.grant(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (r *registrar) grant(ctx context.Context, g Grant) error {
	what := "grant on " + g.Resource.String()
	if g.Resource.Table != "" {
		exists, err := r.api.HasTable(ctx, g.Resource.Database, g.Resource.Table)
		if err != nil {
			return err
		}
		if !exists {
			r.step(OK, what, "the table does not exist yet; the run that creates it has all permissions on it")
			return nil
		}
	}
	missing := func() ([]string, error) {
		have, err := r.api.Granted(ctx, r.Runner, g.Resource)
		if slices.Contains(have, "ALL") {
			return nil, err
		}
		return slices.DeleteFunc(slices.Clone(g.Permissions), func(p string) bool { return slices.Contains(have, p) }), err
	}
	lacks, err := missing()
	if err != nil {
		return err
	}
	if len(lacks) == 0 {
		r.step(OK, what, "%s has %s", r.Runner, strings.Join(g.Permissions, ", "))
		return nil
	}
	if err := r.api.Grant(ctx, r.Runner, Grant{g.Resource, lacks}); err != nil {
		return err
	}
	still, err := missing()
	if err != nil {
		return err
	}
	if len(still) > 0 {
		return fmt.Errorf("read back %s: Lake Formation does not list %s for %s. Try: run the command again", what, strings.Join(still, ", "), r.Runner)
	}
	r.step(Changed, what, "%s now has %s", r.Runner, strings.Join(lacks, ", "))
	return nil
}

// edits are the values of the answers that the job file does not have.
func (r *registrar) edits() {
	for i := range r.Sources {
		s := &r.Sources[i]
		root, err := r.root(i)
		if err != nil {
			continue // crawlers has returned it
		}
		if i == 0 && !strings.EqualFold(strings.TrimSuffix(r.Job.Lake.Location, "/"), strings.TrimSuffix(root.String(), "/")) {
			r.edit("lake.location", r.Job.Lake.Location, root.String())
		}
		have := jobfile.Class{SourceName: r.Job.Lake.SourceName, RoleARN: r.Job.Lake.RoleARN, ExternalID: r.Job.Lake.ExternalID}
		if s.Key != "lake" {
			have = jobfile.Class{}
			if c := r.Job.Lake.Classes[s.Classes[0]]; c != nil {
				have = *c
			}
			r.edit(s.Key+".source_name", have.SourceName, s.Name)
		}
		r.edit(s.Key+".role_arn", have.RoleARN, r.found[i].RoleARN)
		if have.ExternalID == "" && s.ExternalIDVariable != "" {
			r.result.Edits = append(r.result.Edits, jobfile.Edit{Key: s.Key + ".external_id", Value: "${" + s.ExternalIDVariable + "}", Raw: true})
		} else {
			r.edit(s.Key+".external_id", have.ExternalID, s.ExternalID)
		}
		table := lake.TableName(r.Region, s.Name)
		switch made := r.table(i); {
		case s.Key == "lake" && !s.ByClass:
			r.edit("catalog.table", r.Job.Catalog.Table, made)
		case s.Key == "lake":
		default:
			r.edit(s.Key+".table", cmp.Or(have.Table, table), made)
		}
	}
	r.edit("catalog.database", r.Job.Catalog.Database, r.database())
}

func (r *registrar) edit(key, have, want string) {
	if have != want && want != "" {
		r.result.Edits = append(r.result.Edits, jobfile.Edit{Key: key, Value: want})
	}
}

// Deregister removes the sources of a job from Security Lake. Files, tables and crawlers stay; crawlers are deleted too with crawlers.
func (p *Plan) Deregister(ctx context.Context, api API, crawlers bool, tell func(Step)) (*Result, error) {
	r := &registrar{Plan: p, api: api, tell: tell, found: make([]Registered, len(p.Sources))}
	have, err := api.Sources(ctx)
	if err != nil {
		return &r.result, err
	}
	r.have = have
	for i := range p.Sources {
		name := p.Sources[i].Name
		if r.lookup(i); r.found[i].Name == "" {
			r.step(OK, "source "+name, "not registered")
		} else {
			if err := api.DeleteSource(ctx, name); err != nil && !errors.Is(err, ErrNotFound) {
				return &r.result, err
			}
			r.step(Changed, "source "+name, "deregistered. Its files and its table stay")
		}
		if err := r.dropCrawler(ctx, lastPart(r.found[i].CrawlerARN, name), crawlers); err != nil {
			return &r.result, err
		}
	}
	if have, err = api.Sources(ctx); err != nil {
		return &r.result, err
	}
	r.result.Used, r.result.Left = len(have), MaxSources-len(have)
	r.step(OK, "account", "%d of %d custom sources are in use, %d are left", r.result.Used, MaxSources, r.result.Left)
	return &r.result, nil
}

func (r *registrar) dropCrawler(ctx context.Context, name string, drop bool) error {
	_, err := r.api.Crawler(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case !drop:
		r.step(Warning, "crawler "+name, "it stays, and would be in the way of a new source with the same name. Try: --crawlers deletes it")
		return nil
	}
	if err := r.api.DeleteCrawler(ctx, name); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	r.step(Changed, "crawler "+name, "deleted")
	return nil
}
