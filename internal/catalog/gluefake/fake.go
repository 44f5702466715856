// Package gluefake is an AWS Glue Data Catalog in the test's own process, over HTTP in the real protocol (JSON 1.1). It is for
// what other stand-ins let through: it refuses a stale VersionId, batches over their limit, wrong numbers of partition values,
// names over their length and unsigned requests, pages its lists, replaces a whole table on UpdateTable, and fails on demand.
//
// It knows what internal/catalog/glue calls and a little more, nothing else of Glue: no crawlers, no expressions, no
// versions of a table but the last. A request it does not know is an error, never an empty answer.
package gluefake

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Fault is an error answer. Status 0 is what Glue uses: 400, or 500 for InternalServiceException.
type Fault struct {
	Code, Message string
	Status        int
}

func (f *Fault) Error() string { return f.Code + ": " + f.Message }

// Fake is a running server. Its methods may be called from many goroutines at once.
type Fake struct {
	// URL of the endpoint, for AWS_ENDPOINT_URL_GLUE.
	URL string

	mu        sync.Mutex
	databases map[string]*database
	calls     map[string]int
	page      int
	onCall    func(op string, n int) *Fault
	onItem    func(op string, values []string) *Fault
	denied    map[string]bool
	throttles map[string]int
	cuts      map[string]int // answers that are still to be cut, by operation
	unsent    int            // keys that the next BatchGetPartition leaves unprocessed
	clock     float64
}

// Start runs a fake until the test ends.
func Start(t testing.TB) *Fake {
	t.Helper()
	f := &Fake{
		databases: map[string]*database{},
		calls:     map[string]int{},
		page:      maxPage,
		denied:    map[string]bool{},
		throttles: map[string]int{},
		cuts:      map[string]int{},
		clock:     1.7e9,
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.URL = server.URL
	return f
}

// Env are the variables that lead the AWS SDKs and the CLI here.
func (f *Fake) Env() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL_GLUE":       f.URL,
		"AWS_ACCESS_KEY_ID":           "test",
		"AWS_SECRET_ACCESS_KEY":       "testtest",
		"AWS_REGION":                  "us-east-1",
		"AWS_DEFAULT_REGION":          "us-east-1",
		"AWS_EC2_METADATA_DISABLED":   "true",
		"AWS_CONFIG_FILE":             "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	}
}

// Calls counts the requests by operation, refused ones included.
func (f *Fake) Calls() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.calls)
}

// SetPageSize makes lists of partitions answer with at most n a page (1 to 1000).
func (f *Fake) SetPageSize(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.page = n
}

// OnCall asks fn before each request; n counts the operation's requests from 1. A Fault is answered instead. fn runs without
// any lock, so that it may call the fake itself, to lose a race for the caller.
func (f *Fake) OnCall(fn func(op string, n int) *Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onCall = fn
}

// OnItem asks fn before each partition of a batch is created or updated. A Fault becomes that item's error. fn must not
// call the fake.
func (f *Fake) OnItem(fn func(op string, values []string) *Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onItem = fn
}

// Deny answers these operations with AccessDeniedException from now on.
func (f *Fake) Deny(ops ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, op := range ops {
		f.denied[op] = true
	}
}

// Throttle answers the next n requests of an operation with ThrottlingException.
func (f *Fake) Throttle(op string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.throttles[op] = n
}

// CutAnswers ends the connection in the middle of the next n answers of an operation, which has been done.
func (f *Fake) CutAnswers(op string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cuts[op] = n
}

// cut says whether this answer is one to be cut.
func (f *Fake) cut(r *http.Request) bool {
	op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSGlue.")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cuts[op] == 0 {
		return false
	}
	f.cuts[op]--
	return true
}

// LeaveUnprocessed makes the next BatchGetPartition answer with its last n keys as UnprocessedKeys.
func (f *Fake) LeaveUnprocessed(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unsent = n
}

// Do runs an operation without HTTP, signature, hooks or counting: what another client would do. input is a request in JSON
// (text) or anything that marshals to one.
func (f *Fake) Do(op string, input any) (map[string]any, error) {
	text, isText := input.(string)
	if !isText {
		raw, err := json.Marshal(input)
		if err != nil {
			return nil, err
		}
		text = string(raw)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	answer, fault := f.run(op, []byte(text), true)
	if fault != nil {
		return nil, fault
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(raw, &out)
}

// CreateDatabase makes a database, as Security Lake does when it is switched on.
func (f *Fake) CreateDatabase(t testing.TB, name string) {
	t.Helper()
	if _, err := f.Do("CreateDatabase", map[string]any{"DatabaseInput": map[string]any{"Name": name}}); err != nil {
		t.Fatal(err)
	}
}

// ServeHTTP answers one API request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, fault := f.serve(r)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", "00000000-0000-0000-0000-000000000000")
	if fault == nil && f.cut(r) {
		_, _ = io.WriteString(w, `{"Table`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if fault == nil {
		_ = json.NewEncoder(w).Encode(answer) // the client sees a cut answer if it has gone
		return
	}
	status := fault.Status
	if status == 0 {
		status = http.StatusBadRequest
		if fault.Code == "InternalServiceException" {
			status = http.StatusInternalServerError
		}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": fault.Code, "Message": fault.Message})
}

func (f *Fake) serve(r *http.Request) (any, *Fault) {
	op, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AWSGlue.")
	if !ours || r.Method != http.MethodPost {
		return nil, &Fault{Code: "UnknownOperationException", Message: fmt.Sprintf("%s with target %q", r.Method, r.Header.Get("X-Amz-Target"))}
	}
	if got := r.Header.Get("Content-Type"); got != "application/x-amz-json-1.1" {
		return nil, &Fault{Code: "SerializationException", Message: fmt.Sprintf("content type %q", got)}
	}
	signature := r.Header.Get("Authorization")
	if !strings.HasPrefix(signature, "AWS4-HMAC-SHA256 ") || !strings.Contains(signature, "/glue/aws4_request") {
		return nil, &Fault{Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, &Fault{Code: "SerializationException", Message: err.Error()}
	}
	f.mu.Lock()
	f.calls[op]++
	n, hook, denied := f.calls[op], f.onCall, f.denied[op]
	throttled := f.throttles[op] > 0
	if throttled {
		f.throttles[op]--
	}
	f.mu.Unlock()
	switch {
	case denied:
		return nil, &Fault{Code: "AccessDeniedException", Message: "User: arn:aws:sts::111122223333:assumed-role/silt/run is not " +
			"authorized to perform: glue:" + op + " because no identity-based policy allows the glue:" + op + " action"}
	case throttled:
		return nil, &Fault{Code: "ThrottlingException", Message: "Rate exceeded"}
	}
	if hook != nil {
		if fault := hook(op, n); fault != nil {
			return nil, fault
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.run(op, body, false)
}
