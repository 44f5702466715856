package objstoretest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// versityGWPackage is built from the module in tools/versitygw, which pins its version.
const versityGWPackage = "github.com/versity/versitygw/cmd/versitygw"

// Server is a versitygw of one test: a real S3 server over a folder.
type Server struct {
	Endpoint  string // http://127.0.0.1:port
	AccessKey string
	SecretKey string
	Region    string
	// Dir is the folder it serves: a bucket is a folder in it, an object a file. Files made there by hand are listed.
	Dir string

	binary string
}

// StartVersityGW builds versitygw once for the machine, starts it on a free port of the loopback and stops it when the test
// ends. The first build takes about a minute and needs the Go module cache or proxy; it is kept in the user's cache folder.
func StartVersityGW(t testing.TB) *Server {
	t.Helper()
	binary, err := buildVersityGW()
	if err != nil {
		t.Fatalf("build versitygw: %v", err)
	}
	s := &Server{AccessKey: "test", SecretKey: "testtest", Region: "us-east-1", Dir: t.TempDir(), binary: binary}
	iam := t.TempDir()
	for attempt := range 5 { // a port that was free may be taken by another test before versitygw has it
		var retry bool
		if retry, err = s.start(t, iam); err == nil {
			return s
		} else if !retry {
			break
		}
		t.Logf("versitygw, attempt %d: %v", attempt+1, err)
	}
	t.Fatalf("start versitygw: %v", err)
	return nil
}

func (s *Server) start(t testing.TB, iam string) (retry bool, err error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false, err
	}
	address := free.Addr().String()
	free.Close()
	ready := "/ready-" + rand.Text() // only our own process answers there, not a neighbour that took the port
	var output bytes.Buffer
	cmd := exec.Command(s.binary, "--port", address, "--region", s.Region, "--iam-dir", iam, "--health", ready, "--quiet",
		"posix", s.Dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = dieWithParent()
	started, exited := make(chan error, 1), make(chan struct{})
	go func() {
		// The kernel takes the end of the thread that started a process for the end of its parent: keep that thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		return false, err
	}
	stop := func() {
		cmd.Process.Kill()
		<-exited
	}
	client := &http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if resp, err := client.Get("http://" + address + ready); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				s.Endpoint = "http://" + address
				t.Cleanup(stop)
				return false, nil
			}
		}
		select {
		case <-exited:
			return true, fmt.Errorf("it ended: %s", bytes.TrimSpace(output.Bytes()))
		case <-time.After(10 * time.Millisecond):
		}
	}
	stop()
	return true, fmt.Errorf("it was not ready within 20s: %s", bytes.TrimSpace(output.Bytes()))
}

// MakeBucket makes a bucket that belongs to the server's own account.
func (s *Server) MakeBucket(t testing.TB, name string) {
	t.Helper()
	// A folder is a bucket; made so, no S3 client is needed here.
	if err := os.Mkdir(filepath.Join(s.Dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
}

// AddUser makes an account that may do nothing in the server's buckets, and returns the server as that account sees it.
func (s *Server) AddUser(t testing.TB, accessKey, secretKey string) *Server {
	t.Helper()
	cmd := exec.Command(s.binary, "admin", "--access", s.AccessKey, "--secret", s.SecretKey, "--region", s.Region,
		"--endpoint-url", s.Endpoint, "create-user", "--access", accessKey, "--secret", secretKey, "--role", "user")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("versitygw admin create-user: %v: %s", err, output)
	}
	other := *s
	other.AccessKey, other.SecretKey = accessKey, secretKey
	return &other
}

// Env is the environment in which the AWS SDKs use this server for S3, and read nothing of the person's own configuration.
// Append it to a subprocess's environment, or use Setenv. The AWS CLI wants AWS_PROFILE unset, not empty: leave that one out.
func (s *Server) Env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + s.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + s.SecretKey,
		"AWS_SESSION_TOKEN=",
		"AWS_PROFILE=",
		"AWS_REGION=" + s.Region,
		"AWS_DEFAULT_REGION=" + s.Region,
		"AWS_ENDPOINT_URL_S3=" + s.Endpoint,
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// Setenv sets Env for the rest of the test, in this process.
func (s *Server) Setenv(t testing.TB) {
	t.Helper()
	for _, pair := range s.Env() {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
}

// buildVersityGW returns the path of the server's binary. Its name holds a digest of what pins it, so another version is
// another file. Test processes that run at once wait for one of them to build it.
func buildVersityGW() (string, error) {
	module, err := findTools()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir() // no home folder, as in some containers
	}
	cache = filepath.Join(cache, "silt-test")
	binary := filepath.Join(cache, "versitygw-"+hex.EncodeToString(sum.Sum(nil)[:6]))
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(binary+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Minute) // go test gives up after ten
	defer cancel()
	tmp := binary + ".tmp"
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", tmp, versityGWPackage)
	build.Dir = module
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build in %s: %w: %s", module, err, bytes.TrimSpace(output))
	}
	return binary, os.Rename(tmp, binary)
}

// findTools looks for tools/versitygw in the folders above the test's, which go test runs in its package's folder.
func findTools() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		module := filepath.Join(dir, "tools", "versitygw")
		if _, err := os.Stat(filepath.Join(module, "go.mod")); err == nil {
			return module, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no folder tools/versitygw above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
