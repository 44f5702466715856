package sandbox

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMain lets the test binary be the process that enters a sandbox: it never leaves it.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SANDBOX_TEST_DIR"); dir != "" {
		if err := json.NewEncoder(os.Stdout).Encode(inside(dir)); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// outcome of what a process in a sandbox tried: "" if it could, else the error.
type outcome struct {
	State State
	Err   string
	Tried map[string]string
}

// inside enters a sandbox and tries what it allows and forbids. A thread that exists before tries some of it as well.
func inside(dir string) outcome {
	in := func(name string) string { return filepath.Join(dir, name) }
	port := func(name string) uint16 {
		n, err := strconv.ParseUint(os.Getenv(name), 10, 16)
		if err != nil {
			panic(err)
		}
		return uint16(n)
	}
	o := outcome{Tried: map[string]string{}}
	note := func(what string, err error) {
		switch {
		case err == nil:
			o.Tried[what] = ""
		case errors.Is(err, fs.ErrPermission):
			o.Tried[what] = "denied"
		default:
			o.Tried[what] = err.Error()
		}
	}
	entered, tried := make(chan bool), make(chan error)
	go func() {
		runtime.LockOSThread()
		<-entered
		_, err := os.ReadFile(in("secret"))
		tried <- err
	}()
	r := Rules{Read: append([]string{in("staging"), in("one-file"), in("not-there")}, system...), Write: []string{in("lake")}, Connect: []uint16{port("OPEN_PORT")}}
	state, err := Enter(Auto, r)
	if err != nil {
		o.Err = err.Error()
	}
	o.State = state
	close(entered)
	note("read a secret in an older thread", <-tried)

	read := func(name string) error { _, err := os.ReadFile(in(name)); return err }
	write := func(name string) error { return os.WriteFile(in(name), []byte("x"), 0o600) }
	connect := func(port uint16) error {
		c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(int(port)))
		if err == nil {
			c.Close()
		}
		return err
	}
	note("read staging", read("staging/a"))
	note("read one file", read("one-file"))
	note("read a secret", read("secret"))
	note("read a secret through a link", read("staging/link"))
	note("read a secret through ..", read("staging/../secret"))
	note("write staging", write("staging/b"))
	note("delete in staging", os.Remove(in("staging/a")))
	note("write the lake", write("lake/held/a"))
	note("move in the lake", os.Rename(in("lake/held/a"), in("lake/ext/a")))
	note("link in the lake", os.Link(in("lake/ext/a"), in("lake/held/b")))
	note("truncate in the lake", os.Truncate(in("lake/ext/a"), 0))
	note("move out of the lake", os.Rename(in("lake/ext/a"), in("out")))
	note("write elsewhere", write("new"))
	note("make a pipe in the lake", syscall.Mkfifo(in("lake/pipe"), 0o600))
	note("start a program", exec.Command("/bin/sh", "-c", "exit 0").Run())
	note("connect to a store", connect(port("OPEN_PORT")))
	note("connect elsewhere", connect(port("CLOSED_PORT")))
	return o
}

// TestEnter: a process in a sandbox can do what the rules say, in all of its threads, and nothing else. Without Landlock, or with an
// old version of it, it can do everything that the version does not restrict, and says so.
func TestEnter(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"staging", "lake/held", "lake/ext"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"staging/a", "one-file", "secret"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte(f), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(dir, "staging", "link")); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "SANDBOX_TEST_DIR="+dir)
	for _, name := range []string{"OPEN_PORT", "CLOSED_PORT"} {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		env = append(env, name+"="+strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = env
	c.Stderr = os.Stderr
	text, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got outcome
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	state := stateFor(Auto, Rules{}, Version())
	denied := func(restricted bool) string {
		if restricted {
			return "denied"
		}
		return ""
	}
	want := outcome{State: state, Tried: map[string]string{
		"read staging": "", "read one file": "", "write the lake": "", "move in the lake": "", "link in the lake": "", "truncate in the lake": "", "connect to a store": "",
		"connect elsewhere": denied(state.Connect),
	}}
	for _, what := range []string{"read a secret in an older thread", "read a secret", "read a secret through a link", "read a secret through ..", "write staging",
		"delete in staging", "move out of the lake", "write elsewhere", "make a pipe in the lake", "start a program"} {
		want.Tried[what] = denied(state.Files)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with Landlock %d (-want +got):\n%s", Version(), diff)
	}
}

// TestState: what is restricted on each version of Landlock, and that Required accepts only a complete sandbox.
func TestState(t *testing.T) {
	program := Rules{Programs: "the profile starts a program"}
	for _, c := range []struct {
		mode           Mode
		rules          Rules
		abi            int
		files, connect bool
		says           string
	}{
		{Auto, Rules{}, 0, false, false, "Linux 5.19"},
		{Auto, Rules{}, 1, false, false, "Linux 5.19"},
		{Auto, Rules{}, 2, true, false, "Linux 6.7"},
		{Auto, Rules{}, 3, true, false, "Linux 6.7"},
		{Auto, Rules{}, 4, true, true, "on"},
		{Auto, Rules{}, 11, true, true, "on"},
		{Required, Rules{}, 7, true, true, "on"},
		{Auto, program, 7, false, false, "starts a program"},
		{Required, program, 7, false, false, "starts a program"},
		{Off, Rules{}, 7, false, false, "sandbox: off"},
	} {
		s := stateFor(c.mode, c.rules, c.abi)
		if s.Files != c.files || s.Connect != c.connect || !strings.Contains(s.String(), c.says) {
			t.Errorf("%s with Landlock %d: %+v, %s", c.mode, c.abi, s, s)
		}
	}
	if _, err := Enter(Required, program); !errors.Is(err, ErrIncomplete) {
		t.Errorf("required with programs: %v", err)
	}
}

func TestExisting(t *testing.T) {
	dir := t.TempDir()
	got, whole := Rules{Read: []string{"/r"}, Write: []string{dir, filepath.Join(dir, "a", "b")}, Connect: []uint16{443}}.Existing()
	if diff := cmp.Diff(Rules{Read: []string{"/r"}, Write: []string{dir, dir}, Connect: []uint16{443}}, got); diff != "" || whole {
		t.Errorf("whole %v (-want +got):\n%s", whole, diff)
	}
	if _, whole := (Rules{Write: []string{dir, "/"}}).Existing(); !whole {
		t.Error("two folders that exist are not whole")
	}
}

// TestFor: the rules of a job are what the job and the environment name.
func TestFor(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".aws", "sso", "cache"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	profiles := config("config", `[default]
region = us-east-1
ca_bundle = /certs/ours.pem
[profile jump]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/x
[profile base]
credential_process = /opt/vault --url https://vault:8200
[profile web]
web_identity_token_file = /run/token
services = own
# credential_process = commented
[services own]
s3 =
  endpoint_url = http://minio:9000
glue =
  endpoint_url = https://glue.internal:8443
`)
	for _, c := range []struct {
		name     string
		aws      bool
		env      []string
		connect  []uint16
		reads    []string
		writes   []string
		programs string
	}{
		{name: "folders only", connect: nil},
		{name: "plain AWS", aws: true, connect: []uint16{53, 80, 443}, reads: []string{home + "/.aws"}, writes: []string{home + "/.aws/sso/cache"}},
		{name: "endpoints", aws: true, env: []string{"AWS_ENDPOINT_URL=http://127.0.0.1:7070", "AWS_ENDPOINT_URL_S3=https://s3.example", "AWS_ENDPOINT_URL_GLUE=http://[::1]:5000/x"},
			connect: []uint16{53, 80, 443, 5000, 7070}},
		{name: "proxies", aws: true, env: []string{"HTTPS_PROXY=http://proxy:3128", "http_proxy=squid:8888", "NO_PROXY=x:99"}, connect: []uint16{53, 80, 443, 3128, 8888}},
		{name: "credentials of containers", aws: true, env: []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23:8081/v1", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/var/run/eks/token"},
			connect: []uint16{53, 80, 443, 8081}, reads: []string{"/var/run/eks/token", "/var/run/eks"}},
		{name: "web identity", aws: true, env: []string{"AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/eks/token"}, connect: []uint16{53, 80, 443}, reads: []string{"/var/run/secrets/eks"}},
		{name: "certificates", aws: true, env: []string{"AWS_CA_BUNDLE=/ca.pem", "SSL_CERT_DIR=/a:/b"}, connect: []uint16{53, 80, 443}, reads: []string{"/ca.pem", "/a", "/b"}},
		{name: "profiles", aws: true, env: []string{"AWS_CONFIG_FILE=" + profiles, "AWS_SHARED_CREDENTIALS_FILE=/c/creds"}, connect: []uint16{53, 80, 443, 8443, 9000},
			reads: []string{profiles, "/c/creds", "/certs/ours.pem", "/run/token"}},
		{name: "a program for credentials", aws: true, env: []string{"AWS_CONFIG_FILE=" + profiles, "AWS_PROFILE=jump"}, connect: []uint16{53, 80, 443, 8443, 9000}, programs: "credential_process"},
		{name: "a program that is not used", aws: true, env: []string{"AWS_CONFIG_FILE=" + profiles, "AWS_PROFILE=web"}, connect: []uint16{53, 80, 443, 8443, 9000}},
		{name: "keys in the environment come first", aws: true, env: []string{"AWS_CONFIG_FILE=" + config("c", "[default]\ncredential_process=/x\n"), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b"},
			connect: []uint16{53, 80, 443}},
		{name: "a program of the default profile", aws: true, env: []string{"AWS_CONFIG_FILE=" + config("c", "[default]\ncredential_process=/x\n")}, connect: []uint16{53, 80, 443}, programs: `"default"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := For(Job{Read: []string{"/staging"}, Write: []string{"/lake"}, UsesAWS: c.aws}, c.env, home)
			if diff := cmp.Diff(c.connect, sorted(r.Connect)); diff != "" {
				t.Errorf("ports (-want +got):\n%s", diff)
			}
			for _, p := range append(c.reads, "/staging", "/proc", "/etc/resolv.conf") {
				if !slices.Contains(r.Read, p) {
					t.Errorf("%s cannot be read", p)
				}
			}
			for _, p := range append(c.writes, "/lake") {
				if !slices.Contains(r.Write, p) {
					t.Errorf("%s cannot be written", p)
				}
			}
			for _, p := range []string{"/", "/etc", "/home", "/root", home, "/staging"} {
				if slices.Contains(r.Write, p) || p != "/staging" && slices.Contains(r.Read, p) {
					t.Errorf("%s is allowed", p)
				}
			}
			if !strings.Contains(r.Programs, c.programs) || c.programs == "" && r.Programs != "" {
				t.Errorf("programs: %q", r.Programs)
			}
		})
	}
}
