package registration

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Commands are the same steps as commands of the AWS CLI, for a POSIX shell. They do not look at what exists already.
func (p *Plan) Commands() string {
	var b strings.Builder
	for _, u := range p.Unlisted {
		fmt.Fprintf(&b, "# %s\n", u)
	}
	for i := range p.Sources {
		s := &p.Sources[i]
		fmt.Fprintf(&b, "# Source %s: %s. The answer names its provider role and its location, for %s.role_arn and lake.location.\n", s.Name, strings.Join(s.Classes, ", "), s.Key)
		fmt.Fprintf(&b, "aws securitylake create-custom-log-source --region %s \\\n", p.Region)
		fmt.Fprintf(&b, "  --source-name %s --event-classes %s \\\n", s.Name, strings.Join(s.EventClasses, " "))
		fmt.Fprintf(&b, "  --configuration %s\n", p.configuration(s))
	}
	for i := range p.Sources {
		s := &p.Sources[i]
		if c := p.crawler(s, p.Lake, p.baseTable(s)); c != nil {
			fmt.Fprintf(&b, "# Crawler %s: one table for each class folder.\n", c.Name)
			fmt.Fprintf(&b, "aws glue update-crawler --region %s --name %s --database-name %s \\\n", p.Region, c.Name, c.Database)
			fmt.Fprintf(&b, "  --table-prefix %s --schedule '%s' \\\n", c.TablePrefix, c.Schedule)
			fmt.Fprintf(&b, "  --targets '%s' \\\n", compact(map[string]any{"S3Targets": []any{map[string]any{"Path": c.S3Paths[0]}}}))
			fmt.Fprintf(&b, "  --configuration '%s'\n", c.Configuration)
		}
	}
	if p.Runner == "" {
		b.WriteString("# Grants in Lake Formation are left out: neither catalog.role_arn nor --runner names the identity that needs them.\n")
		return b.String()
	}
	fmt.Fprintf(&b, "# Grants in Lake Formation for %s.\n", p.Runner)
	for _, g := range p.grants(p.Lake, p.Database, func(s *Source) []string { return []string{p.baseTable(s)} }) {
		fmt.Fprintf(&b, "aws lakeformation grant-permissions --region %s \\\n", p.Region)
		fmt.Fprintf(&b, "  --principal DataLakePrincipalIdentifier=%s \\\n", p.Runner)
		fmt.Fprintf(&b, "  --resource '%s' \\\n", compact(g.Resource.request(p.CatalogID)))
		fmt.Fprintf(&b, "  --permissions %s\n", strings.Join(g.Permissions, " "))
	}
	return b.String()
}

// baseTable is the table that Security Lake makes for a source, as the job has it.
func (p *Plan) baseTable(s *Source) string {
	if s.Key == "lake" {
		return p.Job.Catalog.Table
	}
	return s.Tables[0]
}

// configuration is the argument of create-custom-log-source. The external ID comes from its variable if the job file names one.
func (p *Plan) configuration(s *Source) string {
	id := s.ExternalID
	const mark = "EXTERNAL-ID-OF-THE-VARIABLE"
	if s.ExternalIDVariable != "" {
		id = mark
	}
	text := "'" + compact(map[string]any{
		"crawlerConfiguration": map[string]any{"roleArn": p.Options.CrawlerRole},
		"providerIdentity":     map[string]any{"externalId": id, "principal": p.Options.Principal},
	}) + "'"
	return strings.Replace(text, mark, `'"$`+s.ExternalIDVariable+`"'`, 1)
}

// request is the resource as the API of Lake Formation has it.
func (r Resource) request(catalogID string) map[string]any {
	with := func(m map[string]any) map[string]any {
		if catalogID != "" {
			m["CatalogId"] = catalogID
		}
		return m
	}
	switch {
	case r.LocationARN != "":
		return map[string]any{"DataLocation": with(map[string]any{"ResourceArn": r.LocationARN})}
	case r.Table != "":
		return map[string]any{"Table": with(map[string]any{"DatabaseName": r.Database, "Name": r.Table})}
	}
	return map[string]any{"Database": with(map[string]any{"Name": r.Database})}
}

// compact is JSON in one line. All values are names, ARNs and numbers.
func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // only texts and lists of them
	}
	return string(text)
}
