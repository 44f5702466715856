package jobfile

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSetKeepsComments(t *testing.T) {
	const arn = "arn:aws:iam::111122223333:role/AmazonSecurityLake-Provider-nfw-us-east-1"
	for name, c := range map[string]struct {
		text  string
		edits []Edit
		want  string
	}{
		"a value on a line with a comment": {
			"# job\nname: nfw # name\nlake:\n  location: s3://old/ # the bucket\n  region: us-east-1\n",
			[]Edit{{Key: "lake.location", Value: "s3://new/"}},
			"# job\nname: nfw # name\nlake:\n  location: s3://new/ # the bucket\n  region: us-east-1\n",
		},
		"a value in quotes": {
			"lake:\n  location: 's3://old/' # the bucket\n",
			[]Edit{{Key: "lake.location", Value: "s3://new/"}},
			"lake:\n  location: s3://new/ # the bucket\n",
		},
		"new keys of a group, after its last single value": {
			"lake:\n  # where\n  location: s3://a/\n  region: us-east-1 # here\n\n# other\nsource:\n  staging: x\n",
			[]Edit{{Key: "lake.role_arn", Value: arn}, {Key: "lake.external_id", Value: "${ID}", Raw: true}},
			"lake:\n  # where\n  location: s3://a/\n  region: us-east-1 # here\n  role_arn: " + arn + "\n  external_id: \"${ID}\"\n\n# other\nsource:\n  staging: x\n",
		},
		"new groups": {
			"name: nfw\nlake:\n  location: s3://a/\n  # the end",
			[]Edit{{Key: "lake.classes.http_activity.source_name", Value: "nfw-http"}, {Key: "lake.classes.http_activity.role_arn", Value: arn}, {Key: "catalog.table", Value: "t"}},
			"name: nfw\nlake:\n  location: s3://a/\n  classes:\n    http_activity:\n      source_name: nfw-http\n      role_arn: " + arn + "\n  # the end\ncatalog:\n  table: t\n",
		},
		"a flow mapping": {
			"name: nfw # n\nlake: {location: \"s3://a/\", source_name: nfw, region: us-east-1} # one line\n",
			[]Edit{{Key: "lake.role_arn", Value: arn}, {Key: "lake.location", Value: "s3://b/"}, {Key: "lake.classes.http_activity.source_name", Value: "nfw-http"}, {Key: "lake.classes.http_activity.external_id", Value: "a$b"}},
			"name: nfw # n\nlake: {location: \"s3://b/\", source_name: nfw, region: us-east-1, role_arn: \"" + arn + "\", classes: {http_activity: {source_name: nfw-http, external_id: \"a$$b\"}}} # one line\n",
		},
		"Windows line ends and letters of several bytes": {
			"name: nfw # ä\r\nlake:\r\n  location: s3://ä/\r\n",
			[]Edit{{Key: "lake.location", Value: "s3://new/"}, {Key: "lake.role_arn", Value: "r1"}},
			"name: nfw # ä\r\nlake:\r\n  location: s3://new/\r\n  role_arn: r1\r\n",
		},
		"a text that YAML would read as a number": {
			"lake:\n  location: a\n", []Edit{{Key: "lake.account_id", Value: "111122223333"}}, "lake:\n  location: a\n  account_id: \"111122223333\"\n",
		},
	} {
		got, err := Set([]byte(c.text), c.edits)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(c.want, string(got)); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	for _, text := range []string{
		"lake:\n  location: |\n    s3://a/\n",
		"lake:\n  location: [a]\n",
		"lake:\n  location: \"s3://\n    a/\"\n",
		"lake:\n  location:\n",
		"lake: {}\n",
		"",
		"{{{",
	} {
		if got, err := Set([]byte(text), []Edit{{Key: "lake.location", Value: "s3://b/"}}); !errors.Is(err, ErrEdit) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestWritten(t *testing.T) {
	s := &Spec{Text: []byte("lake:\n  external_id: \"${ID}\"\n  region: us-east-1 # x\n")}
	if got := s.Written("lake.external_id"); got != "${ID}" {
		t.Error(got)
	}
	if got := s.Written("lake.region"); got != "us-east-1" {
		t.Error(got)
	}
	if got := s.Written("lake.role_arn"); got != "" {
		t.Error(got)
	}
}
