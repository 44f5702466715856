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

// Start runs moto's server until the test ends.
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
	var log bytes.Buffer
	server := exec.Command(filepath.Join(Venv(t), "bin", "moto_server"), "-H", "127.0.0.1", "-p", port)
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may be gone already
		_ = server.Wait()         // says that it was killed
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/moto-api/data.json")
		if err == nil {
			response.Body.Close()
			return "http://" + address
		}
		if time.Now().After(deadline) {
			t.Fatalf("moto_server does not answer: %v\n%s", err, log.String())
		}
	}
}

// CreateDatabase makes a database of the Glue at url. A server that has just started answers 500 at times: it is asked again.
func CreateDatabase(t testing.TB, url, name string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(fmt.Appendf(nil, `{"DatabaseInput":{"Name":%q}}`, name)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-amz-json-1.1")
		request.Header.Set("X-Amz-Target", "AWSGlue.CreateDatabase")
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/glue/aws4_request, SignedHeaders=host, Signature=0")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		switch {
		case response.StatusCode == http.StatusOK || bytes.Contains(text, []byte("AlreadyExistsException")):
			return
		case response.StatusCode < 500 || time.Now().After(deadline):
			t.Fatalf("CreateDatabase: %s: %s, %v", response.Status, text, err)
		}
	}
}
