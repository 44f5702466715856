//go:build verify

package lakefake_test

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/catalog/mototest"
	"github.com/silt-etl/silt/internal/registration/lakefake"
)

// TestVerifyFacts: facts.json says what the installed botocore says. If AWS has changed an API, write the file again with
// scripts/verify/api_facts.py.
func TestVerifyFacts(t *testing.T) {
	out, err := exec.Command(filepath.Join(mototest.Venv(t), "bin", "python"), "../../../scripts/verify/api_facts.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	var have, want map[string]any
	if err := errors.Join(json.Unmarshal(out, &want), json.Unmarshal(lakefake.Facts(), &have)); err != nil {
		t.Fatal(err)
	}
	delete(want, "source") // its version
	delete(have, "source")
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
}

// TestVerifyCommandLine: the AWS CLI gets the answers of the fake, and refusals as AWS words them.
func TestVerifyCommandLine(t *testing.T) {
	lakefake.Start(t)
	aws := func(args ...string) (string, error) {
		out, err := exec.Command(filepath.Join(mototest.Venv(t), "bin", "aws"), append(args, "--output", "text")...).CombinedOutput()
		return string(out), err
	}
	create := func(name, class string) (string, error) {
		return aws("securitylake", "create-custom-log-source", "--source-name", name, "--event-classes", class, "--configuration",
			`{"crawlerConfiguration":{"roleArn":"arn:aws:iam::111122223333:role/Crawler"},"providerIdentity":{"externalId":"an-id","principal":"444455556666"}}`,
			"--query", "source.provider.location")
	}
	if out, err := create("nfw", "NETWORK_ACTIVITY"); err != nil || out != "s3://"+lakefake.Bucket+"/ext/nfw/\n" {
		t.Fatalf("%s %v", out, err)
	}
	if out, err := create("a-name-that-is-too-long", "NETWORK_ACTIVITY"); err == nil {
		t.Error(out)
	}
	if out, err := create("other", "SCRIPT_ACTIVITY"); err == nil {
		t.Error(out)
	}
	if out, err := aws("securitylake", "list-log-sources", "--query", "sources[].sources[].customLogSource.sourceName"); err != nil || out != "nfw\n" {
		t.Errorf("%s %v", out, err)
	}
	if out, err := aws("glue", "get-crawler", "--name", "nfw", "--query", "Crawler.State"); err != nil || out != "READY\n" {
		t.Errorf("%s %v", out, err)
	}
}
