package location_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/location"
)

// parts are what a caller can ask of a location.
type parts struct {
	Scheme, Bucket, Path, String string
	IsFolder                     bool
}

func partsOf(l location.Location) parts {
	return parts{l.Scheme(), l.Bucket(), l.Path(), l.String(), l.IsFolder()}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]parts{
		"s3://acme":            {Scheme: "s3", Bucket: "acme", String: "s3://acme"},
		"s3://acme/":           {Scheme: "s3", Bucket: "acme", String: "s3://acme"},
		"s3://acme/AWSLogs/":   {Scheme: "s3", Bucket: "acme", Path: "AWSLogs/", String: "s3://acme/AWSLogs"},
		"s3://acme/a b/x.json": {Scheme: "s3", Bucket: "acme", Path: "a b/x.json", String: "s3://acme/a b/x.json"},
		"s3://acme/a//":        {Scheme: "s3", Bucket: "acme", Path: "a//", String: "s3://acme/a/"},
		"gs://acme/x":          {Scheme: "gs", Bucket: "acme", Path: "x", String: "gs://acme/x"},
		"S3://acme":            {Scheme: "S3", Bucket: "acme", String: "S3://acme"},
		"lake":                 {Path: "lake", String: "lake", IsFolder: true},
		"./lake/":              {Path: "./lake/", String: "./lake/", IsFolder: true},
		"/srv/s3:/lake":        {Path: "/srv/s3:/lake", String: "/srv/s3:/lake", IsFolder: true},
		"s3:/acme":             {Path: "s3:/acme", String: "s3:/acme", IsFolder: true},
	} {
		l, err := location.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, partsOf(l)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		again, err := location.Parse(l.String())
		if err != nil || !again.Equal(l) {
			t.Errorf("%q: its text %q parses to %+v, %v", text, l.String(), partsOf(again), err)
		}
	}
}

// TestPasswords: a text with a user name or a password is refused, and the error does not repeat it.
func TestPasswords(t *testing.T) {
	for text, want := range map[string]error{"s3://user:secret@acme/x": location.ErrPassword, "s3://secret@acme": location.ErrPassword, "s3://user:sec/secret@acme": location.ErrPassword,
		"https://user:secret@host/x": location.ErrPassword, "/srv/s3://user:secret@acme": location.ErrScheme} {
		_, err := location.Parse(text)
		if !errors.Is(err, want) || strings.Contains(err.Error(), "sec") {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
	if _, err := location.Parse("s3://arn:aws:s3:us-east-1:111122223333:accesspoint/x"); err != nil {
		t.Error(err)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]error{"": location.ErrEmpty, "s3://": location.ErrNoBucket, "s3:///x": location.ErrNoBucket, "gs://": location.ErrNoBucket,
		"c://lake": location.ErrScheme, "a b://c": location.ErrScheme, "://x": location.ErrScheme, "/srv/s3://x": location.ErrScheme} {
		_, err := location.Parse(text)
		var parse *location.ParseError
		if !errors.Is(err, want) || !errors.As(err, &parse) {
			t.Errorf("%q: %v, want a *ParseError around %q", text, err, want)
			continue
		}
		if parse.Text != text {
			t.Errorf("%q: the error is about %q", text, parse.Text)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"s3://b/p", "s3://b/p/", true},
		{"s3://b", "s3://b/", true},
		{"s3://b/p", "s3://b/q", false},
		{"s3://b/p", "s3://c/p", false},
		{"s3://b/a//p", "s3://b/a/p", false}, // two keys of S3
		{"s3://b/a/../p", "s3://b/p", false},
		{"s3://b/p", "gs://b/p", false},
		{"lake", "./lake/", true},
		{"/srv/x/../lake", "/srv/lake", true},
		{"lake", "/lake", false},
		{"b/p", "s3://b/p", false},
	} {
		a, errA := location.Parse(c.a)
		b, errB := location.Parse(c.b)
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		if a.Equal(b) != c.want || b.Equal(a) != c.want {
			t.Errorf("%q equal to %q: want %t", c.a, c.b, c.want)
		}
	}
}

func TestJoin(t *testing.T) {
	for _, c := range []struct {
		at   string
		add  []string
		want string
	}{
		{"s3://b", []string{"catalog"}, "s3://b/catalog"},
		{"s3://b/p", []string{"catalog", "db"}, "s3://b/p/catalog/db"},
		{"s3://b/p/", []string{"x/y"}, "s3://b/p/x/y"},
		{"lake/", []string{".silt"}, "lake/.silt"},
		{"/srv/lake", []string{"a", "b"}, "/srv/lake/a/b"},
	} {
		l, err := location.Parse(c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Join(c.add...).String(); got != c.want {
			t.Errorf("%s joined with %v is %s, want %s", c.at, c.add, got, c.want)
		}
	}
	l, err := location.Parse("s3://b/p/x.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Root().String(); got != "s3://b" {
		t.Errorf("the root is %s", got)
	}
}
