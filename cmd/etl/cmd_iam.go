package main

import (
	"context"
	"maps"
	"slices"

	"github.com/silt-etl/silt/internal/iampolicy"
)

type iamCmd struct {
	Policy iamPolicyCmd `cmd:"" help:"Print the IAM policies that a job needs."`
}

// Help implements kong.HelpProvider.
func (*iamCmd) Help() string {
	return commandHelp{
		Does:  "etl iam policy prints what the identities of a job must be allowed in AWS, and nothing else.",
		Never: "It sends nothing, and changes nothing in AWS.",
		Examples: []string{
			"etl iam policy job.yaml",
			"etl iam policy job.yaml --role provider",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

type iamPolicyCmd struct {
	Job  string `arg:"" help:"Job file." example:"job.yaml"`
	Role string `help:"Print one policy: runner, staging, provider, deleter, catalog, crawler or reader. Default: all." enum:",runner,staging,provider,deleter,catalog,crawler,reader" default:""`
}

// Help implements kong.HelpProvider.
func (*iamPolicyCmd) Help() string {
	return commandHelp{
		Does: "etl iam policy prints a least-privilege policy for each identity of a job, as JSON. The runner is the identity of " +
			"the program: it has the parts of the job without a role of their own, and assumes the roles of the others. " +
			"provider writes to the lake, deleter deletes in it, catalog changes tables, crawler is the role of AWS's " +
			"crawler, and reader is for etl query and Athena. Each action is there because of a request that a command sends.",
		Never: "It sends nothing. It does not print trust policies, and not what etl source register needs.",
		Examples: []string{
			"etl iam policy job.yaml",
			"etl iam policy job.yaml --role deleter",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// Run implements etl iam policy.
func (c *iamPolicyCmd) Run(ctx context.Context, a *app) error {
	spec, err := a.loadSpec(c.Job)
	if err != nil {
		return err
	}
	places, err := jobPlaces(ctx, spec, false)
	if err != nil {
		return err
	}
	all, err := iampolicy.For(spec, places.targets)
	if err != nil {
		return err
	}
	if c.Role == "" {
		return printJSON(a.stdout, all)
	}
	one := map[string]iampolicy.Document{}
	for _, p := range all {
		if p.Role == c.Role && len(p.Document.Statement) > 0 {
			one[p.Identity] = p.Document
		}
	}
	switch identities := slices.Sorted(maps.Keys(one)); len(identities) {
	case 0:
		return usagef("%s has no identity of its own for %s. Try: etl iam policy %s --role runner", c.Job, c.Role, c.Job)
	case 1:
		return printJSON(a.stdout, one[identities[0]])
	}
	return printJSON(a.stdout, one)
}
