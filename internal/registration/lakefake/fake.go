// Package lakefake is what a registration of custom sources meets in AWS, in the test's own process and over HTTP: Security Lake, the
// crawlers of Glue, and grants of Lake Formation. No emulator has Security Lake.
//
// Every request is checked against facts.json, which scripts/verify/api_facts.py makes from botocore's models: required members,
// members that do not exist, lengths, patterns, enums. What AWS documents beyond its models is checked in code: 20 characters of a source
// name, the list of event classes, 50 sources, permissions that a resource does not have. A request that it does not know is an error.
package lakefake

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// Account and bucket of the lake that the fake has.
const (
	Account = "111122223333"
	Bucket  = "aws-security-data-lake-us-east-1-example"
	Region  = "us-east-1"
)

//go:embed facts.json
var factsText []byte

// Facts is the text of facts.json.
func Facts() []byte { return slices.Clone(factsText) }

type facts struct {
	Source     string
	Operations map[string]struct {
		Method, URI, Input string
		Errors             []string
	}
	Shapes map[string]*shape
}

type shape struct {
	Type     string
	Required []string
	Members  map[string]struct{ Shape, Location, LocationName string }
	Member   string
	Key      string
	Value    string
	Min, Max *float64
	Pattern  string
	Enum     []string
	Union    bool
}

type object = map[string]any

// Fault is an error answer.
type Fault struct {
	Code, Message string
	Status        int
}

func fault(code, format string, args ...any) *Fault {
	status := map[string]int{"AccessDeniedException": 403, "ResourceNotFoundException": 404, "ConflictException": 409, "ThrottlingException": 429,
		"InternalServerException": 500}[code]
	if status == 0 {
		status = http.StatusBadRequest
	}
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...), Status: status}
}

// Fake is a running server. Its methods may be called from many goroutines at once.
type Fake struct {
	facts facts

	mu       sync.Mutex
	calls    []string
	onCall   func(op string, n int) *Fault
	page     int
	sources  []*source
	crawlers map[string]object
	tables   map[string]bool // database/table
	grants   map[string][]string
}

// New makes a fake that is a http.Handler.
func New() (*Fake, error) {
	f := &Fake{page: 100, crawlers: map[string]object{}, tables: map[string]bool{}, grants: map[string][]string{}}
	if err := json.Unmarshal(factsText, &f.facts); err != nil {
		return nil, err
	}
	for _, s := range f.facts.Shapes {
		if s.Pattern != "" {
			if _, err := regexp.Compile(s.Pattern); err != nil {
				return nil, fmt.Errorf("facts.json: %w", err)
			}
		}
	}
	return f, nil
}

// Start runs a fake until the test ends, and leads the SDK of the process to it.
func Start(t *testing.T) *Fake {
	t.Helper()
	f, err := New()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	for k, v := range Env(server.URL) {
		t.Setenv(k, v)
	}
	return f
}

// Env are the variables that lead the AWS SDKs and the CLI to a fake.
func Env(url string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL_SECURITYLAKE":  url,
		"AWS_ENDPOINT_URL_GLUE":          url,
		"AWS_ENDPOINT_URL_LAKEFORMATION": url,
		"AWS_ACCESS_KEY_ID":              "test",
		"AWS_SECRET_ACCESS_KEY":          "testtest",
		"AWS_REGION":                     Region,
		"AWS_DEFAULT_REGION":             Region,
		"AWS_EC2_METADATA_DISABLED":      "true",
		"AWS_CONFIG_FILE":                "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE":    "/dev/null",
	}
}

// Calls are the operations of all requests, in their order, as service.Operation.
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// ForgetCalls empties the list of Calls.
func (f *Fake) ForgetCalls() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = nil
}

// OnCall asks fn before each request; n counts the operation's requests from 1. A Fault is answered instead.
func (f *Fake) OnCall(fn func(op string, n int) *Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onCall = fn
}

// Deny is a fault that refuses a request.
func Deny(op string) *Fault {
	return fault("AccessDeniedException", "User: arn:aws:sts::%s:assumed-role/admin/x is not authorized to perform: %s", Account, op)
}

// SetPageSize makes ListLogSources answer with at most n sources a page.
func (f *Fake) SetPageSize(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.page = n
}

// AddTable makes a table, as a run does.
func (f *Fake) AddTable(database, table string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tables[database+"/"+table] = true
}

// SetCrawlerState changes the state of a crawler, such as RUNNING.
func (f *Fake) SetCrawlerState(name, state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crawlers[name]["State"] = state
}

// Crawler is a crawler as GetCrawler answers it, or nil.
func (f *Fake) Crawler(name string) map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.crawlers[name]
}

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service, answer, bad := f.serve(r)
	kind := "application/json"
	if service == "glue" {
		kind = "application/x-amz-json-1.1"
	}
	w.Header().Set("Content-Type", kind)
	if bad == nil {
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	w.Header().Set("X-Amzn-Errortype", bad.Code)
	w.WriteHeader(bad.Status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": bad.Code, "message": bad.Message, "Message": bad.Message})
}

func (f *Fake) serve(r *http.Request) (service string, answer any, bad *Fault) {
	op, input, bad := f.route(r)
	if bad != nil {
		return "", nil, bad
	}
	service, _, _ = strings.Cut(op, ".")
	if sig := r.Header.Get("Authorization"); !strings.HasPrefix(sig, "AWS4-HMAC-SHA256 ") || !strings.Contains(sig, "/"+service+"/aws4_request") {
		return service, nil, fault("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	f.mu.Lock()
	f.calls = append(f.calls, op)
	n, hook := 0, f.onCall
	for _, c := range f.calls {
		if c == op {
			n++
		}
	}
	f.mu.Unlock()
	if hook != nil {
		if bad := hook(op, n); bad != nil {
			return service, nil, bad
		}
	}
	if bad := f.check(f.facts.Operations[op].Input, input, ""); bad != nil {
		if service == "securitylake" {
			bad.Code = "BadRequestException"
		}
		return service, nil, bad
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	answer, bad = f.run(op, input)
	return service, answer, bad
}

// route finds the operation of a request, and puts its members together from body, path and query.
func (f *Fake) route(r *http.Request) (op string, input object, bad *Fault) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", nil, fault("SerializationException", "%v", err)
	}
	input = object{}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		op = "glue." + strings.TrimPrefix(target, "AWSGlue.")
		if _, known := f.facts.Operations[op]; !known || !strings.HasPrefix(target, "AWSGlue.") {
			return "", nil, fault("UnknownOperationException", "lakefake does not know %s", target)
		}
	} else {
		for name, o := range f.facts.Operations {
			if !strings.HasPrefix(name, "glue.") && o.Method == r.Method && matches(o.URI, r.URL.Path, input) {
				op = name
			}
		}
		if op == "" {
			return "", nil, fault("UnknownOperationException", "lakefake does not know %s %s", r.Method, r.URL.Path)
		}
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &input); err != nil {
			return "", nil, fault("SerializationException", "%v", err)
		}
	}
	for name, m := range f.facts.Shapes[f.facts.Operations[op].Input].Members {
		if m.Location == "querystring" && r.URL.Query().Has(m.LocationName) {
			input[name] = r.URL.Query().Get(m.LocationName)
		}
	}
	return op, input, nil
}

// matches compares a path with one that has {names}, whose values become members.
func matches(uri, path string, members object) bool {
	want, have := strings.Split(uri, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	found := object{}
	for i := range want {
		if strings.HasPrefix(want[i], "{") {
			found[strings.Trim(want[i], "{}")] = have[i]
		} else if want[i] != have[i] {
			return false
		}
	}
	for k, v := range found {
		members[k] = v
	}
	return true
}

var errNotOf = errors.New("not of the type")

// check compares a value with its shape.
func (f *Fake) check(name string, v any, path string) *Fault {
	s := f.facts.Shapes[name]
	invalid := func(format string, args ...any) *Fault {
		return fault("ValidationException", "1 validation error detected: Value at '%s' failed to satisfy constraint: %s", strings.TrimPrefix(path, "."), fmt.Sprintf(format, args...))
	}
	if s == nil {
		return invalid("lakefake has no shape %s", name)
	}
	var err error
	switch s.Type {
	case "structure":
		return f.checkStructure(s, v, path, invalid)
	case "list":
		all, ok := v.([]any)
		if !ok {
			return invalid("Member must be a list")
		}
		err = within(s, float64(len(all)))
		for i, x := range all {
			if bad := f.check(s.Member, x, fmt.Sprintf("%s.%d.member", path, i+1)); bad != nil {
				return bad
			}
		}
	case "map":
		all, ok := v.(object)
		if !ok {
			return invalid("Member must be a map")
		}
		for k, x := range all {
			if bad := f.check(s.Value, x, path+"."+k); bad != nil {
				return bad
			}
		}
	case "string":
		text, ok := v.(string)
		if !ok {
			return invalid("Member must be a string")
		}
		if err = within(s, float64(utf8.RuneCountInString(text))); err == nil && s.Pattern != "" && !regexp.MustCompile("^(?:"+s.Pattern+")$").MatchString(text) {
			err = fmt.Errorf("Member must satisfy regular expression pattern: %s", s.Pattern)
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
			err = fmt.Errorf("Member must satisfy enum value set: %v", s.Enum)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			err = errNotOf
		}
	case "integer", "long", "double", "timestamp":
		n, ok := v.(float64)
		if !ok {
			return invalid("Member must be a number")
		}
		err = within(s, n)
	default:
		return invalid("lakefake has no type %s", s.Type)
	}
	if err != nil {
		return invalid("%v", err)
	}
	return nil
}

func (f *Fake) checkStructure(s *shape, v any, path string, invalid func(string, ...any) *Fault) *Fault {
	all, ok := v.(object)
	if !ok {
		return invalid("Member must be a structure")
	}
	for _, r := range s.Required {
		if _, given := all[r]; !given {
			path += "." + r
			return fault("ValidationException", "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", strings.TrimPrefix(path, "."))
		}
	}
	if s.Union && len(all) != 1 {
		return invalid("a union has exactly one member")
	}
	for k, x := range all {
		m, known := s.Members[k]
		if !known {
			return invalid("unknown member %s", k)
		}
		if bad := f.check(m.Shape, x, path+"."+k); bad != nil {
			return bad
		}
	}
	return nil
}

func within(s *shape, n float64) error {
	if s.Min != nil && n < *s.Min {
		return fmt.Errorf("Member must have length or value greater than or equal to %v", *s.Min)
	}
	if s.Max != nil && n > *s.Max {
		return fmt.Errorf("Member must have length or value less than or equal to %v", *s.Max)
	}
	return nil
}
