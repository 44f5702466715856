package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// planted are the secrets of TestNoSecrets, by where they come from. No output and no stored file may contain one.
var planted = map[string]string{
	"AWS_SECRET_ACCESS_KEY": "planted0secret0key",
	"AWS_SESSION_TOKEN":     "planted0session0token",
	"an endpoint's URL":     "planted0endpoint0password",
	"a location's URL":      "planted0location0password",
	"an external ID":        "planted0external0id",
	"a variable":            "planted0variable",
	"the server's key":      "testtest",
}

// wantNoSecrets looks for the planted secrets in a text.
func wantNoSecrets(t *testing.T, where, text string) {
	t.Helper()
	for from, secret := range planted {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows the secret of %s:\n%s", where, from, text)
		}
	}
}

// wantNoSecretsIn looks for them in all files of a folder, except the job files that the test wrote there.
func wantNoSecretsIn(t *testing.T, dir string) {
	t.Helper()
	read := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".yaml") {
			return err
		}
		text, err := os.ReadFile(path)
		read++
		for from, secret := range planted {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s has the secret of %s", path, from)
			}
		}
		return err
	})
	if err != nil || read == 0 {
		t.Errorf("%s: %d files read, %v", dir, read, err)
	}
}

// TestNoSecrets runs every command that opens a store, once where everything works and once for each way in which a secret takes part
// in a failure, and looks for the secrets in outputs, logs, state, ledger and lake.
func TestNoSecrets(t *testing.T) {
	job := onS3(t)
	dir := filepath.Dir(job)
	endpoint := os.Getenv("AWS_ENDPOINT_URL_S3")
	withPassword := strings.Replace(endpoint, "http://", "http://user:"+planted["an endpoint's URL"]+"@", 1)
	denies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
	}))
	defer denies.Close()
	denied := strings.Replace(denies.URL, "http://", "http://user:"+planted["an endpoint's URL"]+"@", 1)
	text, err := os.ReadFile(job)
	if err != nil {
		t.Fatal(err)
	}
	days := []string{"--from", "2025-06-01", "--to", "2025-06-03"}
	commands := [][]string{
		{"check", job}, {"doctor", job}, {"run", job, "--dry-run"}, {"run", job}, {"run", job, "-o", "json"}, append([]string{"backfill", job, "--yes"}, days...),
		{"runs", "list", job}, {"runs", "list", job, "-o", "json"}, {"quarantine", "list", job}, {"quarantine", "show", job}, {"replay", job}, {"bookmark", "show", job},
		{"bookmark", "set", job, "--before", "2025-06-01", "--yes"}, {"retention", job}, {"query", job, "SELECT count(*) AS n FROM nfw"}, {"preview", "network-firewall", "s3://staging/logs/2.log"},
		{"docs", "network-firewall"}, {"sql", "network-firewall"}, {"infer", "s3://staging/logs/2.log"}, {"version"}, {"man"},
	}
	for _, world := range []struct {
		name, job string
		env       map[string]string
		works     bool
	}{
		{name: "everything works", env: map[string]string{"AWS_ENDPOINT_URL_S3": withPassword}, works: true},
		{name: "a wrong secret", env: map[string]string{"AWS_SECRET_ACCESS_KEY": planted["AWS_SECRET_ACCESS_KEY"]}},
		{name: "a session token", env: map[string]string{"AWS_SESSION_TOKEN": planted["AWS_SESSION_TOKEN"]}},
		{name: "an endpoint that denies", env: map[string]string{"AWS_ENDPOINT_URL_S3": denied}},
		{name: "a role that cannot be assumed", env: map[string]string{"AWS_ENDPOINT_URL_STS": denied},
			job: strings.Replace(string(text), `logs/"}`, `logs/", role_arn: "arn:aws:iam::111122223333:role/x", external_id: "`+planted["an external ID"]+`"}`, 1)},
		{name: "a location with a password", job: strings.Replace(string(text), "s3://staging/logs/", "https://user:"+planted["a location's URL"]+"@host/logs/", 1)},
		{name: "a bucket with a password", job: strings.Replace(string(text), "s3://staging/logs/", "s3://user:"+planted["a location's URL"]+"@staging/logs/", 1)},
		{name: "a variable in the wrong place", env: map[string]string{"PLANTED": planted["a variable"]},
			job: strings.NewReplacer("512MiB", "${PLANTED}", "us-east-1}", "${PLANTED}}", "type: local", "type: ${PLANTED}").Replace(string(text))},
	} {
		t.Run(world.name, func(t *testing.T) {
			for name, value := range world.env {
				t.Setenv(name, value)
			}
			content := string(text)
			if world.job != "" {
				content = world.job
			}
			if err := os.WriteFile(job, []byte(strings.Replace(content, "limits: {", "limits: {max_retries: 0, ", 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			failed := 0
			for _, args := range commands {
				out, errs, code := etl(t, args...)
				wantNoSecrets(t, "etl "+strings.Join(args, " "), out+errs)
				if code != 0 {
					failed++
				}
				if world.works && code != 0 {
					t.Errorf("etl %v: exit %d\n%s%s", args, code, out, errs)
				}
			}
			if !world.works && failed == 0 {
				t.Error("no command failed")
			}
			wantNoSecretsIn(t, dir)
		})
	}
}
