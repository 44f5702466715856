package jobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// hideWorld is a job whose mapping discards and redacts. Its values that nobody may see are planted.
type hideWorld struct {
	storeWorld
	planted []string
	log     bytes.Buffer
	env     map[string]string
	random  *rand.Rand
	copies  bool // the temp folder may have copies of objects
}

const hideSelect = `-- class: authentication
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, account."name" AS "user.name", account.mail AS "user.email_addr", strptime(stamp, '%Y') AS "start_time", 'h' AS "dst_endpoint.hostname",
  'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name", card AS "user.uid", to_json(account)::VARCHAR AS "unmapped.account", upper(zone) AS "unmapped.zone"
FROM raw WHERE kind = 'login'`

const hideRaw = `-- discard: token, account.secret
-- redact: account.mail AS hash, card AS mask, "session".id AS hash, session.cookies AS mask
CREATE TABLE raw (ts TIMESTAMP, kind VARCHAR, token VARCHAR, card VARCHAR, stamp VARCHAR, zone VARCHAR, account STRUCT("name" VARCHAR, mail VARCHAR, secret VARCHAR), session JSON);`

func newHideWorld(t *testing.T) *hideWorld { return newHideWorldOn(t, false) }

func newHideWorldOn(t *testing.T, s3 bool) *hideWorld {
	w := &hideWorld{storeWorld: newStoreWorld(t, s3, map[string]string{"raw.sql": hideRaw, "authentication.sql": hideSelect}),
		env: map[string]string{"SILT_REDACT_KEY": "0123456789abcdef-new"}, random: rand.New(rand.NewPCG(1, 2))}
	w.spec.Source.Include = nil
	w.spec.Limits.TempDir = filepath.Join(w.dir, "temp")
	if err := os.MkdirAll(w.spec.Limits.TempDir, 0o700); err != nil {
		t.Fatal(err)
	}
	return w
}

// plant makes a value that must not be found anywhere.
func (w *hideWorld) plant() string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
	b := []byte("S3")
	for range 14 {
		b = append(b, letters[w.random.IntN(len(letters))])
	}
	w.planted = append(w.planted, string(b))
	return string(b)
}

func (w *hideWorld) runner() *jobs.Runner {
	w.t.Helper()
	r := w.storeWorld.runner("hide")
	r.LogTo = io.MultiWriter(r.LogTo, &w.log)
	r.LookupEnv = func(name string) (string, bool) { text, ok := w.env[name]; return text, ok }
	r.OpenEngine = func(o engine.Options) (attempt.Engine, error) {
		db, err := engine.Open(o)
		return searchedEngine{db, w}, err
	}
	return r
}

// searchedEngine looks for planted values in the temp folder before DuckDB removes its files. Until the run ends, the folder has copies of
// the objects of S3, as docs/security.md says.
type searchedEngine struct {
	attempt.Engine
	w *hideWorld
}

func (e searchedEngine) Close() error {
	e.w.copies = e.w.s3 != nil
	e.w.search("temp")
	e.w.copies = false
	return e.Engine.Close()
}

func (w *hideWorld) run() (*report.Summary, error) {
	w.t.Helper()
	sum, err := w.runner().Run(context.Background(), jobs.RunOptions{Trigger: "ON_DEMAND"})
	w.searchAll(sum, err)
	return sum, err
}

func (w *hideWorld) replay() *report.Summary {
	w.t.Helper()
	sum, err := w.runner().Replay(context.Background(), jobs.ReplayOptions{Trigger: "ON_DEMAND"})
	w.searchAll(sum, err)
	if err != nil {
		w.t.Fatal(err)
	}
	return sum
}

// searchAll looks for planted values in what a command left and said.
func (w *hideWorld) searchAll(sum *report.Summary, err error) {
	w.t.Helper()
	var said bytes.Buffer
	fmt.Fprintln(&said, err)
	sum.WriteText(&said)
	text, _ := json.Marshal(sum)
	said.Write(text)
	said.Write(w.log.Bytes())
	w.look("what was said", said.Bytes())
	for _, dir := range []string{"lake", "state", "temp"} {
		if n := w.search(dir); n == 0 && dir == "state" {
			w.t.Fatal("the state has no files")
		}
	}
}

func (w *hideWorld) look(where string, data []byte) {
	w.t.Helper()
	for _, v := range append(w.planted, w.env["SILT_REDACT_KEY"], w.env["OLD_KEY"]) {
		if v != "" && bytes.Contains(data, []byte(v)) {
			w.t.Errorf("%s has the planted value %s", where, v)
		}
	}
}

// search looks into every file of a folder, also as it is unpacked.
func (w *hideWorld) search(dir string) (files int) {
	w.t.Helper()
	_ = filepath.WalkDir(filepath.Join(w.dir, dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // temporary files come and go
		}
		if w.copies && strings.HasPrefix(d.Name(), "object-") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		files++
		w.look(path, data)
		w.look(path+" unpacked", unpacked(w.t, data))
		return nil
	})
	return files
}

// unpacked is the text in a file: all values of Parquet, what gzip and zstd hold.
func unpacked(t *testing.T, data []byte) []byte {
	t.Helper()
	switch {
	case bytes.HasPrefix(data, []byte("PAR1")) && bytes.HasSuffix(data, []byte("PAR1")):
		pr, err := file.NewParquetReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		fr, err := pqarrow.NewFileReader(pr, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		table, err := fr.ReadTable(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer table.Release()
		var out []byte
		var dump func(d arrow.ArrayData)
		dump = func(d arrow.ArrayData) {
			for _, b := range d.Buffers() {
				if b != nil {
					out = append(out, b.Bytes()...)
				}
			}
			for _, c := range d.Children() {
				dump(c)
			}
		}
		for i := range int(table.NumCols()) {
			for _, c := range table.Column(i).Data().Chunks() {
				dump(c.Data())
			}
		}
		return out
	case bytes.HasPrefix(data, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return out
	case bytes.HasPrefix(data, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		out, err := z.DecodeAll(data, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	return nil
}

// record is a login with planted values wherever a rule holds.
func (w *hideWorld) record(i int, more string) string {
	s := w.plant
	return fmt.Sprintf(`{"ts":"2024-01-01T00:00:%02dZ","kind":"login","token":%q,"card":%q,"stamp":"2024","zone":"utc","account":{"name":"ada","mail":%q,"Secret":[%q,{"a":%q}],"mail":%q},"session":{"id":%q,"n":%d,"cookies":[{"v":%q}],"deep":{"x":1}},"Token":{"a":%q}%s}`,
		i%60, s(), s(), s(), s(), s(), s(), s(), i, s(), s(), more)
}

const hideKey = "111122223333/network-firewall/flow/us-east-1/fw/2024/01/01/00/"

// TestNothingPlantedIsFound: no byte of lake, state, temp folder and log has a value that the mapping discards or redacts, whatever
// happens to its record: it is published, filtered, broken in several ways, rejected by the mapping, refused with its batch, replayed.
func TestNothingPlantedIsFound(t *testing.T) {
	w := newHideWorld(t)
	var lines []string
	for i := range 200 {
		lines = append(lines, w.record(i, ""))
	}
	bad := []string{
		w.record(0, `,"kind":"login"`),
		strings.Replace(w.record(1, ""), `"kind":"login"`, `"kind":"other"`, 1), // no SELECT
		strings.Replace(w.record(2, ""), `"ts":"2024-01-01T00:00:02Z"`, `"ts":"`+w.plant()+`"`, 1),
		strings.Replace(w.record(3, ""), `"ts":"2024`, `"ts":"1824`, 1),
		`{"token":"` + w.plant(),
		w.plant() + ` {"token":1}`,
		`"` + w.plant() + `"`,
		`{"token":"` + w.plant() + "\xff\"}",
		`{"token":"` + w.plant() + `\u0000"}`,
		`{"token":"x" "` + w.plant() + `"}`,
		`{"` + w.plant() + `":"x" 1}`,
		`{"token":` + strings.Repeat("[", 300) + `"` + w.plant() + `"` + strings.Repeat("]", 300) + `}`,
	}
	w.put(hideKey+"a.log", plain(strings.Join(append(lines, bad...), "\n")+"\n"))
	if _, err := w.run(); !errors.Is(err, jobs.ErrQuarantine) { // refused: too many are bad
		t.Fatal(err)
	}
	w.spec.Limits.MaxQuarantineRatio = 0.5
	sum, err := w.run()
	if err != nil {
		t.Fatal(err)
	}
	if got := (fields{"published": sum.Records.Published, "quarantined": sum.Records.Quarantined, "token": sum.Redacted["token"], "mail": sum.Redacted["account.mail"]}); !cmp.Equal(got, fields{"published": int64(201), "quarantined": int64(11), "token": int64(204), "mail": int64(204)}) {
		t.Errorf("%v %v", got, sum.Reasons)
	}
	for _, row := range w.quarantined() {
		if !row.Hidden() || len(row.Context) > 0 || row.Offset < 0 {
			t.Errorf("record %d: %d bytes at %d, length %d: %s", row.Record, len(row.Raw), row.Offset, row.Length, row.Message)
		}
	}
	w.files["more.sql"] = strings.Replace(hideSelect, "'login'", "'other'", 1)
	if sum = w.replay(); sum.Records.Published != 1 || sum.Records.Quarantined != 10 {
		t.Errorf("replay: %+v, %v", sum.Records, sum.Reasons)
	}
	rows := w.published()
	if len(rows) != 202 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		text, _ := json.Marshal(row["unmapped"])
		if user, _ := row["user"].(map[string]any); user["name"] != "ada" || user["uid"] != "***" || len(fmt.Sprint(user["email_addr"])) != 64 || !strings.Contains(string(text), `"session.cookies"`) {
			t.Fatalf("%v %s", user, text)
		}
	}
}

// TestFormatsHide: the same for the other formats, with and without a header, and with records that do not fit.
func TestFormatsHide(t *testing.T) {
	const columns = `(ts TIMESTAMP, "user" VARCHAR, token VARCHAR, mail VARCHAR, extra VARCHAR)`
	const rules = "-- discard: token\n-- redact: mail AS hash\n"
	for name, c := range map[string]struct {
		head   string
		record func(token, mail string) string
		first  string
		bad    []string // %s is planted
	}{
		"csv": {"-- format: csv\n", func(a, b string) string { return `2024-01-01T00:00:00Z,ada,` + a + `,"` + b + `",x` }, "ts,user,token,mail,extra", []string{`2024-01-01T00:00:00Z,a,b,%s,c,%s`, `"open,%s`, `2024-01-01T00:00:00Z,"a"%s,b`}},
		"kv":  {"-- format: kv\n", func(a, b string) string { return `ts=2024-01-01T00:00:00Z user=ada token="` + a + ` z" mail=` + b }, "", []string{`%s`, `token=%s mail="%s`}},
		"cef": {"-- format: cef\n", func(a, b string) string {
			return `CEF:0|v|p|1|id|n|3|ts=2024-01-01T00:00:00Z user=ada token=` + a + ` z mail=` + b
		}, "", []string{`%s`, `CEF:0|%s|`}},
		"lines": {"-- format: lines\n-- pattern: (?P<ts>\\S+) (?P<user>\\S+) (?P<token>\\S+) (?P<mail>\\S+)( (?P<extra>.*))?\n", func(a, b string) string { return `2024-01-01T00:00:00Z ada ` + a + ` ` + b }, "", []string{`%s`}},
		"record": {"-- records: r\n", func(a, b string) string {
			return `{"token":"` + a + `","o":1,"r":[{"ts":"2024-01-01T00:00:00Z","user":"ada","mail":"` + b + `"}]}`
		}, "", []string{`{"q":"%s"}`, `{"r":[{"token":"%s"`, `{"token":"%s","r":[{"ts":"%s"}]}`}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHideWorld(t)
			w.spec.Limits.MaxQuarantineRatio = 1
			w.files = map[string]string{"raw.sql": c.head + rules + "CREATE TABLE raw " + columns + ";", "authentication.sql": `-- class: authentication
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, "user" AS "user.name", mail AS "user.email_addr", 'h' AS "dst_endpoint.hostname", 'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name" FROM raw`}
			var lines []string
			if c.first != "" {
				lines = append(lines, c.first)
			}
			for range 20 {
				lines = append(lines, c.record(w.plant(), w.plant()))
			}
			for _, b := range c.bad {
				for strings.Contains(b, "%s") {
					b = strings.Replace(b, "%s", w.plant(), 1)
				}
				lines = append(lines, b)
			}
			w.put(hideKey+"a.log", plain(strings.Join(lines, "\n")+"\n"))
			sum, err := w.run()
			if err != nil {
				t.Fatal(err)
			}
			if sum.Records.Published < 20 || sum.Records.Quarantined < int64(len(c.bad)) || sum.Redacted["token"] < 20 || sum.Redacted["mail"] < 20 {
				t.Errorf("%+v %v %v", sum.Records, sum.Redacted, sum.Reasons)
			}
			if sum = w.replay(); sum.Records.Quarantined+sum.Kept < int64(len(c.bad)) || len(sum.Warnings) > 0 {
				t.Errorf("replay: %+v, %v", sum.Records, sum.Warnings)
			}
		})
	}
}

// TestReplayNeedsStaging: a record without bytes is read from staging. It stays in quarantine if its object has changed, and if the mapping
// splits the object into other records.
func TestReplayNeedsStaging(t *testing.T) {
	w := newHideWorld(t)
	w.spec.Limits.MaxQuarantineRatio = 1
	other := func(i int) string { return strings.Replace(w.record(i, ""), `"kind":"login"`, `"kind":"other"`, 1) }
	w.put(hideKey+"a.log", plain(w.record(0, "")+"\n"+other(1)+"\n"+other(2)+"\n"))
	w.put(hideKey+"b.log", plain(other(3)+"\n"))
	w.put(hideKey+"c.log", plain(`{"r":[`+w.record(4, "")+`]}`))
	w.spec.Limits.MaxUnmatchedRatio = 1
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	w.files["more.sql"] = strings.Replace(hideSelect, "'login'", "'other'", 1)
	if err := os.Remove(filepath.Join(w.dir, "staging", hideKey+"b.log")); err != nil {
		t.Fatal(err)
	}
	right := w.files["raw.sql"]
	w.files["raw.sql"] = "-- records: r\n" + right
	if sum := w.replay(); sum.Records.Published != 0 || sum.Records.Quarantined != 2 || !strings.Contains(strings.Join(sum.Warnings, "\n"), "2 records stayed in quarantine") {
		t.Errorf("another format: %+v %v", sum.Records, sum.Warnings)
	}
	w.files["raw.sql"] = right
	if sum := w.replay(); sum.Records.Published != 2 || sum.Records.Quarantined != 1 || !strings.Contains(strings.Join(sum.Warnings, "\n"), "record 1 of "+hideKey+"b.log: the object is not in staging any more") {
		t.Errorf("without b: %+v %v", sum.Records, sum.Warnings)
	}
	if left := w.quarantined(); len(left) != 2 || !strings.HasSuffix(left[0].Object+left[1].Object, "c.log") && !strings.HasSuffix(left[0].Object+left[1].Object, "b.log") {
		t.Errorf("left: %+v", left)
	}
}

// TestOldQuarantineIsHidden: rows that were in quarantine with their bytes before the mapping discarded fields lose them when a replay writes
// them again.
func TestOldQuarantineIsHidden(t *testing.T) {
	w := newHideWorld(t)
	w.spec.Limits.MaxQuarantineRatio, w.spec.Limits.MaxUnmatchedRatio = 1, 1
	raw := w.files["raw.sql"]
	w.files["raw.sql"] = raw[strings.Index(raw, "CREATE"):]
	other := strings.Replace(w.record(1, ""), `"kind":"login"`, `"kind":"other"`, 1)
	w.put(hideKey+"a.log", plain(w.record(0, "")+"\n"+other+"\nbroken "+w.planted[0]+"\n"))
	planted := w.planted
	w.planted = nil
	if _, err := w.run(); err == nil {
		if rows := w.quarantined(); len(rows) != 2 || len(rows[0].Raw) == 0 {
			t.Fatalf("%+v", rows)
		}
	} else {
		t.Fatal(err)
	}
	w.files["raw.sql"] = raw
	w.files["more.sql"] = strings.Replace(hideSelect, "'login'", "'other'", 1)
	where, err := quarantine.ParseWhere([]string{"reason=NO_PROJECTION"})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := w.runner().Replay(t.Context(), jobs.ReplayOptions{Where: where})
	if err != nil || sum.Records.Published != 1 || sum.Kept != 1 {
		t.Fatalf("%+v, %v", sum.Records, err)
	}
	w.planted = planted[:1]
	w.search("state")
	if sum := w.replay(); sum.Records.Quarantined != 1 || len(sum.Warnings) > 0 { // it can be read again
		t.Errorf("%+v %v", sum.Records, sum.Warnings)
	}
}

// TestHashKeys: a plan keeps the fingerprint of its key, and is processed with that key. Without it, a run fails before it reads. --replan
// takes the newest key. The fingerprint is all that is stored.
func TestHashKeys(t *testing.T) {
	w := newHideWorld(t)
	const mail = "S3mail"
	w.put(hideKey+"a.log", plain(`{"ts":"2024-01-01T00:00:00Z","kind":"login","account":{"name":"ada","mail":"`+mail+`"}}`+"\n"))
	w.planted = append(w.planted, mail)
	newKey := w.env["SILT_REDACT_KEY"]
	w.env = map[string]string{}
	_, err := w.runner().Run(t.Context(), jobs.RunOptions{})
	wantError(t, "no key", err, redact.ErrNoKey, 1, "SILT_REDACT_KEY", "openssl rand")
	w.env["SILT_REDACT_KEY"] = "short"
	if _, err = w.runner().Run(t.Context(), jobs.RunOptions{}); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("a short key: %v", err)
	}
	w.env["SILT_REDACT_KEY"] = "0123456789abcdef-old"
	r := w.runner()
	r.OpenEngine = func(engine.Options) (attempt.Engine, error) { return nil, errors.New("no engine") }
	if _, err = r.Run(t.Context(), jobs.RunOptions{}); err == nil {
		t.Fatal("the plan is not open")
	}
	w.env = map[string]string{"SILT_REDACT_KEY": newKey}
	sum, err := w.runner().Run(t.Context(), jobs.RunOptions{})
	wantError(t, "the key of the plan is missing", err, redact.ErrNoKey, 1, "fingerprint", "--replan")
	if sum.Records.Read != 0 {
		t.Errorf("%+v", sum.Records)
	}
	hashOf := func() string {
		for _, row := range w.published() {
			return fmt.Sprint(row["user"].(map[string]any)["email_addr"])
		}
		return ""
	}
	hash := func(key string) string {
		r := redact.New([]redact.Rule{{Path: []string{"x"}, How: redact.Hash}})
		r.SetKey([]byte(key))
		out, _ := r.Text(nil, r.Root().Kid("x"), []byte(mail))
		return string(out)
	}
	w.spec.Redact = jobfile.Redact{KeysEnv: []string{"SILT_REDACT_KEY", "OLD_KEY"}}
	w.env["OLD_KEY"] = "0123456789abcdef-old"
	if _, err = w.run(); err != nil {
		t.Fatal(err)
	}
	if hashOf() != hash("0123456789abcdef-old") {
		t.Errorf("hash %s", hashOf())
	}
	if m := w.manifest(); m.Redaction == nil || len(m.Redaction.Key) != 16 {
		t.Errorf("manifest: %+v", m.Redaction)
	}
}

// TestReplanTakesTheNewestKey: --replan plans the work of a run that had an older key again, with the first key of redact.keys_env, even if
// the environment has both.
func TestReplanTakesTheNewestKey(t *testing.T) {
	w := newHideWorld(t)
	w.put(hideKey+"a.log", plain(w.record(0, "")+"\n"))
	w.env = map[string]string{"SILT_REDACT_KEY": "0123456789abcdef-old"}
	r := w.runner()
	r.OpenEngine = func(engine.Options) (attempt.Engine, error) { return nil, errors.New("no engine") }
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); err == nil {
		t.Fatal("the plan is not open")
	}
	w.spec.Redact = jobfile.Redact{KeysEnv: []string{"SILT_REDACT_KEY", "OLD_KEY"}}
	w.env = map[string]string{"SILT_REDACT_KEY": "0123456789abcdef-new", "OLD_KEY": "0123456789abcdef-old"}
	sum, err := w.runner().Run(t.Context(), jobs.RunOptions{Replan: true})
	w.searchAll(sum, err)
	if err != nil || sum.Records.Published != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	var used []string
	for _, name := range []string{"SILT_REDACT_KEY", "OLD_KEY"} {
		keys, err := redact.ReadKeys([]string{name}, func(name string) (string, bool) { text, ok := w.env[name]; return text, ok })
		if err != nil {
			t.Fatal(err)
		}
		hidden := redact.New([]redact.Rule{{Path: []string{"x"}, How: redact.Hash}})
		hidden.SetKey(keys[0].Secret())
		for _, mail := range w.planted {
			hash, _ := hidden.Text(nil, hidden.Root().Kid("x"), []byte(mail))
			if fmt.Sprint(w.published()[0]["user"].(map[string]any)["email_addr"]) == string(hash) {
				used = append(used, name)
			}
		}
	}
	if diff := cmp.Diff([]string{"SILT_REDACT_KEY"}, used); diff != "" {
		t.Errorf("keys that made the hash (-want +got):\n%s", diff)
	}
}

// manifest is one of the job.
func (w *hideWorld) manifest() (m ledger.Manifest) {
	w.t.Helper()
	names, _ := filepath.Glob(filepath.Join(w.dir, "state/test/manifests/*.json"))
	if len(names) == 0 {
		w.t.Fatal("no manifest")
	}
	text, err := os.ReadFile(names[0])
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// TestPageExample runs the example of docs/mappings.md: its mapping, its record, and what the page says of unmapped.
func TestPageExample(t *testing.T) {
	page, err := os.ReadFile("../docs/mappings.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Secrets and personal data\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for i, part := range strings.Split(section, "```") {
		if i%2 == 1 {
			_, text, _ := strings.Cut(part, "\n")
			blocks = append(blocks, text)
		}
	}
	if len(blocks) != 4 {
		t.Fatalf("the page has %d blocks", len(blocks))
	}
	w := newHideWorld(t)
	w.planted = []string{"eyJhbGciOi", "ada@example.com", "4111111111111111", "555-0100"}
	w.files = map[string]string{"raw.sql": blocks[0], "authentication.sql": blocks[1]}
	w.put(hideKey+"a.log", plain(blocks[2]))
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	rows := w.published()
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(blocks[3]), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rows[0]["unmapped"]); diff != "" || len(fmt.Sprint(rows[0]["user"].(map[string]any)["uid"])) != 64 {
		t.Errorf("user %v, unmapped (-want +got):\n%s", rows[0]["user"], diff)
	}
}
