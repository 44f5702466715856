package sandbox

import (
	"bufio"
	"cmp"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Job is what a job says about files and stores.
type Job struct {
	Read    []string // staging, mappings
	Write   []string // lake, state, temp
	UsesAWS bool
}

// system are the files that the C library, Go and DuckDB read in every process: libraries, time zones, name resolution, certificates,
// and what the machine is like. The kernel keeps a process in a sandbox from the memory and the environment of others in /proc.
var system = []string{
	"/proc", "/sys/fs/cgroup", "/sys/devices/system", "/sys/kernel/mm/transparent_hugepage",
	"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/nix/store", "/etc/ld.so.cache", "/etc/ld.so.preload",
	"/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo", "/etc/localtime",
	"/etc/resolv.conf", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf",
	"/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/passwd", "/etc/group", "/var/run/nscd",
	"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/static/ssl", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
	"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom",
}

// For works out what a run of a job needs. environ is the environment, as os.Environ gives it, and home the user's folder.
func For(j Job, environ []string, home string) Rules {
	env := map[string]string{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	r := Rules{Read: append([]string{}, system...), Write: append([]string{}, j.Write...)}
	r.Read = append(r.Read, j.Read...)
	r.addFiles(env["ZONEINFO"])
	if exe, err := os.Executable(); err == nil {
		r.addFiles(exe)
	}
	if j.UsesAWS {
		r.addAWS(env, home)
	}
	return r
}

// addFiles allows to read files, where their names are known.
func (r *Rules) addFiles(names ...string) {
	for _, n := range names {
		if n != "" {
			r.Read = append(r.Read, n)
		}
	}
}

// addAWS allows what the AWS SDK reads and connects to. The SDK keeps tokens of a login in folders of its own.
func (r *Rules) addAWS(env map[string]string, home string) {
	r.addFiles(env["AWS_CA_BUNDLE"], env["AWS_WEB_IDENTITY_TOKEN_FILE"], env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"], env["SSL_CERT_FILE"])
	r.addFiles(filepath.SplitList(env["SSL_CERT_DIR"])...)
	// EKS mounts the tokens of web identities as links, whose target changes when a token is renewed.
	for _, token := range []string{env["AWS_WEB_IDENTITY_TOKEN_FILE"], env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]} {
		if token != "" {
			r.addFiles(filepath.Dir(token))
		}
	}
	r.Connect = append(r.Connect, 443, 80, 53) // HTTPS; the metadata of EC2 and the credentials of ECS; DNS over TCP
	for name, value := range env {
		switch upper := strings.ToUpper(name); {
		case strings.HasPrefix(name, "AWS_ENDPOINT_URL"), name == "AWS_EC2_METADATA_SERVICE_ENDPOINT", name == "AWS_CONTAINER_CREDENTIALS_FULL_URI":
			r.addPort(value)
		case upper == "HTTP_PROXY", upper == "HTTPS_PROXY":
			r.addProxy(value)
		}
	}
	caches := []string{env["AWS_LOGIN_CACHE_DIRECTORY"]}
	if home != "" {
		aws := filepath.Join(home, ".aws")
		r.addFiles(aws)
		caches = append(caches, filepath.Join(aws, "sso", "cache"), filepath.Join(aws, "login", "cache"))
	}
	for _, dir := range caches {
		if _, err := os.Stat(dir); err == nil {
			r.Write = append(r.Write, dir)
		}
	}
	r.addProfiles(env, home)
}

// addProfiles allows what the AWS SDK's own files name: endpoints, certificates and token files. A profile in use that starts a
// program for its credentials is a reason to have no sandbox.
func (r *Rules) addProfiles(env map[string]string, home string) {
	profiles := map[string]map[string]string{}
	for _, path := range []string{cmp.Or(env["AWS_CONFIG_FILE"], filepath.Join(home, ".aws", "config")),
		cmp.Or(env["AWS_SHARED_CREDENTIALS_FILE"], filepath.Join(home, ".aws", "credentials"))} {
		r.addFiles(path)
		readProfiles(path, profiles)
	}
	for _, p := range profiles {
		for key, value := range p {
			switch {
			case key == "ca_bundle", key == "web_identity_token_file":
				r.addFiles(value)
			case strings.HasPrefix(value, "http://"), strings.HasPrefix(value, "https://"):
				r.addPort(value)
			}
		}
	}
	named := cmp.Or(env["AWS_PROFILE"], env["AWS_DEFAULT_PROFILE"])
	if named == "" && env["AWS_ACCESS_KEY_ID"] != "" && env["AWS_SECRET_ACCESS_KEY"] != "" {
		return // these come first
	}
	seen := map[string]bool{}
	for name := cmp.Or(named, "default"); name != "" && !seen[name]; name = profiles[name]["source_profile"] {
		seen[name] = true
		if profiles[name]["credential_process"] != "" {
			r.Programs = "the AWS profile " + strconv.Quote(name) + " has a credential_process, which starts a program"
			return
		}
	}
}

// readProfiles reads the sections of a file in AWS's format into profiles. A file that cannot be read has none. Keys of nested
// sections are kept too: their values are looked at in the same way.
func readProfiles(path string, profiles map[string]map[string]string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	section := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section, _, _ = strings.Cut(strings.TrimPrefix(line, "["), "]")
			section = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(section), "profile "))
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if profiles[section] == nil {
			profiles[section] = map[string]string{}
		}
		key = strings.TrimSpace(key)
		if key == "endpoint_url" {
			key += " of line " + strconv.Itoa(len(profiles[section])) // a section "services" has one for each service
		}
		profiles[section][key] = strings.TrimSpace(value)
	}
}

// addPort allows to connect to the port of a URL.
func (r *Rules) addPort(text string) {
	u, err := url.Parse(text)
	if err != nil {
		return
	}
	defaults := map[string]uint64{"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
	port, err := strconv.ParseUint(cmp.Or(u.Port(), strconv.FormatUint(defaults[u.Scheme], 10)), 10, 16)
	if err == nil && port > 0 {
		r.Connect = append(r.Connect, uint16(port))
	}
}

// addProxy allows to connect to a proxy, which can be named without a scheme.
func (r *Rules) addProxy(text string) {
	if text != "" && !strings.Contains(text, "://") {
		text = "http://" + text
	}
	r.addPort(text)
}
