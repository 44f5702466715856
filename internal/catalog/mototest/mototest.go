// Package mototest starts moto, an AWS Glue that somebody else wrote, for tests that `make verify` runs.
package mototest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Venv is the folder that `make verify` installs scripts/verify/requirements.txt into.
func Venv(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SILT_VENV")
	if dir == "" {
		t.Fatal("SILT_VENV is not set: run `make verify`, or name a venv with scripts/verify/requirements.txt installed")
	}
	return dir
}

// Start runs moto's server until the test ends. Its Glue is asked once, so that a server that cannot serve is reported here. A test's own
// AWS variables are not for it: boto3 inside of moto fails over an AWS_PROFILE that is set and empty.
func Start(t testing.TB) (url string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.CreateTemp(t.TempDir(), "moto-")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	server := exec.Command(filepath.Join(Venv(t), "bin", "moto_server"), "-H", "127.0.0.1", "-p", port)
	server.Stdout, server.Stderr = log, log
	server.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may be gone already
		_ = server.Wait()         // says that it was killed
	})
	url = "http://" + address
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		status, text, err := ask(t, url, "GetDatabases", "{}")
		if err == nil && status == http.StatusOK {
			return url
		}
		if time.Now().After(deadline) {
			lines, readErr := os.ReadFile(log.Name())
			t.Fatalf("moto_server does not answer well: %d %s, %v\n%s%v", status, text, err, lines[max(0, len(lines)-4000):], readErr)
		}
	}
}

// ask sends one request to the Glue at url.
func ask(t testing.TB, url, action, body string) (status int, text []byte, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSGlue."+action)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/glue/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	return response.StatusCode, text, err
}

// CreateDatabase makes a database of the Glue at url.
func CreateDatabase(t testing.TB, url, name string) {
	t.Helper()
	status, text, err := ask(t, url, "CreateDatabase", fmt.Sprintf(`{"DatabaseInput":{"Name":%q}}`, name))
	if err != nil || status != http.StatusOK && !bytes.Contains(text, []byte("AlreadyExistsException")) {
		t.Fatalf("CreateDatabase: %d %s, %v", status, text, err)
	}
}
