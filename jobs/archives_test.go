package jobs_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/decode/archive/archivetest"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

type member = archivetest.Member

const archiveSelect = `-- class: authentication
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, who AS "user.name", 'h' AS "dst_endpoint.hostname",
  'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name" FROM raw WHERE kind = 'login'`

// storeWorld is a job whose mapping is in files, and whose staging, lake and state are folders or on S3.
type storeWorld struct {
	*world
	files map[string]string
	s3    *s3World // nil: everything is in folders
}

func newStoreWorld(t *testing.T, onS3 bool, files map[string]string) storeWorld {
	if !onS3 {
		return storeWorld{world: newWorld(t), files: files}
	}
	w := newS3World(t)
	return storeWorld{world: &w.world, files: files, s3: w} // the server keeps each bucket as a folder
}

func (w *storeWorld) put(key string, data []byte) {
	w.t.Helper()
	if w.s3 != nil {
		w.s3.put(key, data)
		return
	}
	w.world.put(key, data)
}

// runner runs the job with the mapping that the files are now.
func (w *storeWorld) runner(mapping string) *jobs.Runner {
	w.t.Helper()
	m, err := mappings.LoadFiles(mapping, w.files)
	if err != nil {
		w.t.Fatal(err)
	}
	open := w.world.runner
	if w.s3 != nil {
		open = w.s3.runner
	}
	r := open()
	r.Mapping = m
	return r
}

// archiveWorld is a job whose objects are archives of CSV.
type archiveWorld struct{ storeWorld }

func newArchiveWorld(t *testing.T, onS3 bool) *archiveWorld {
	w := &archiveWorld{newStoreWorld(t, onS3, map[string]string{"authentication.sql": archiveSelect,
		"raw.sql": "-- format: csv\n-- header: yes\nCREATE TABLE raw (ts TIMESTAMP, kind VARCHAR, who VARCHAR);"})}
	w.spec.Source.Include = nil
	w.spec.Limits.MaxQuarantineRatio, w.spec.Limits.MaxUnmatchedRatio, w.spec.Limits.MaxBrokenRatio = 1, 1, 1
	return w
}

func (w *archiveWorld) put(name string, data []byte) {
	w.t.Helper()
	w.storeWorld.put(hideKey+name, data)
}

func (w *archiveWorld) runner() *jobs.Runner {
	w.t.Helper()
	r := w.storeWorld.runner("archives")
	r.LookupEnv = func(string) (string, bool) { return "0123456789abcdef", true }
	return r
}

// rows are the quarantined ones, as place and reason.
func (w *archiveWorld) rows() (rows []string) {
	for _, r := range w.quarantined() {
		rows = append(rows, fmt.Sprintf("%s, %s: %s", strings.TrimPrefix(r.Object, hideKey), r.Place(), r.Reason))
	}
	slices.Sort(rows)
	return rows
}

// users are the names of the published events.
func (w *archiveWorld) users() (users []string) {
	for _, row := range w.published() {
		users = append(users, fmt.Sprint(row["user"].(map[string]any)["name"]))
	}
	slices.Sort(users)
	return users
}

func logins(names ...string) string {
	text := "ts,kind,who\n"
	for _, n := range names {
		kind, name, ok := strings.Cut(n, ":")
		if !ok {
			kind, name = "login", n
		}
		text += "2024-01-01T00:00:00Z," + kind + "," + name + "\n"
	}
	return text
}

// TestArchiveOfMembers: the records of members are published, rejected and replayed by object, member and number, and a member that cannot be
// read is in quarantine alone.
func TestArchiveOfMembers(t *testing.T) {
	for _, onS3 := range []bool{false, true} {
		t.Run(fmt.Sprint("s3 ", onS3), func(t *testing.T) {
			w := newArchiveWorld(t, onS3)
			members := []member{{"logs/", ""}, {"logs/a.csv", logins("ada", "other:bob")}, {"logs/b.csv", "2024-01-01T00:00:00Z,login,carol\n"}, {"secret", logins("dan")},
				{"logs/a.csv", logins("other:eve") + "\"open\n" + "2024-01-01T00:00:00Z,login,fay\n"}}
			w.put("1.zip", archivetest.Encrypt(archivetest.Zip(t, members...), "secret"))
			w.put("2.tar.gz", gzipText(string(archivetest.Tar(t, members[1], members[2], member{"../c.csv", string(gz("ts,kind,who", "2024-01-01T00:00:00Z,login,gus"))}))))
			sum, err := w.runner().Run(t.Context(), jobs.RunOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got := fields{"read": sum.Records.Read, "published": sum.Records.Published, "quarantined": sum.Records.Quarantined, "objects": sum.Objects.Quarantined, "encrypted": sum.Reasons["MEMBER_ENCRYPTED"], "header": sum.Reasons["CSV_HEADER"]}
			if diff := cmp.Diff(fields{"read": int64(8), "published": int64(4), "quarantined": int64(4), "objects": 0, "encrypted": int64(1), "header": int64(2)}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff([]string{"ada", "ada", "fay", "gus"}, w.users()); diff != "" {
				t.Errorf("published (-want +got):\n%s", diff)
			}
			want := []string{"1.zip, member logs/a.csv, record 1: NO_PROJECTION", "1.zip, member logs/a.csv, record 2: CSV_QUOTE", "1.zip, member logs/a.csv, record 2: NO_PROJECTION",
				"1.zip, member logs/b.csv: CSV_HEADER", "1.zip, member secret: MEMBER_ENCRYPTED", "2.tar.gz, member logs/a.csv, record 2: NO_PROJECTION", "2.tar.gz, member logs/b.csv: CSV_HEADER"}
			if diff := cmp.Diff(want, w.rows()); diff != "" {
				t.Errorf("quarantine (-want +got):\n%s", diff)
			}
			numbers := map[int64]bool{}
			for _, r := range w.quarantined() {
				if strings.HasSuffix(r.Object, ".zip") && r.Member == "logs/a.csv" {
					numbers[r.MemberNumber] = true
				}
			}
			if diff := cmp.Diff(map[int64]bool{2: true, 5: true}, numbers); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if sum, err := w.runner().Replay(t.Context(), jobs.ReplayOptions{}); err != nil || sum.Records.Published != 0 || !slices.Equal(w.rows(), want) {
				t.Errorf("a replay without a change: %v %v", err, w.rows())
			}
			where, err := quarantine.ParseWhere([]string{"reason=NO_PROJECTION"})
			if err != nil {
				t.Fatal(err)
			}
			w.files["more.sql"] = strings.Replace(archiveSelect, "'login'", "'other'", 1)
			if sum, err := w.runner().Replay(t.Context(), jobs.ReplayOptions{Where: where}); err != nil || sum.Records.Published != 3 || sum.Kept != 1 {
				t.Errorf("the records: %v %+v", err, sum)
			}
			w.files["raw.sql"] = strings.Replace(w.files["raw.sql"], "header: yes", "header: auto", 1)
			if sum, err := w.runner().Replay(t.Context(), jobs.ReplayOptions{}); err != nil || sum.Records.Published != 2 {
				t.Errorf("the members: %v %+v", err, sum)
			}
			if diff := cmp.Diff([]string{"ada", "ada", "bob", "bob", "carol", "carol", "eve", "fay", "gus"}, w.users()); diff != "" {
				t.Errorf("after the replays (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"1.zip, member logs/a.csv, record 2: CSV_QUOTE", "1.zip, member secret: MEMBER_ENCRYPTED"}, w.rows()); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
			if sum, err := w.runner().Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Records.Read != 0 {
				t.Errorf("the next run: %v %+v", err, sum)
			}
		})
	}
}

// TestHiddenMembers: a mapping that discards fields keeps nothing of the records of members, and finds them in staging again.
func TestHiddenMembers(t *testing.T) {
	w := newArchiveWorld(t, false)
	w.files["raw.sql"] = "-- discard: token\n" + strings.Replace(w.files["raw.sql"], "who VARCHAR", "who VARCHAR, token VARCHAR", 1)
	object := archivetest.Zip(t, member{"a", "ts,kind,who,token\n2024-01-01T00:00:00Z,other,ada,t\n"}, member{"b", "no\n1\n"}, member{"c", "ts,kind,who,token\n2024-01-01T00:00:00Z,login,bob,t\n2024-01-01T00:00:00Z,other,carol,t\n"})
	w.put("1.zip", object)
	w.put("2.zip", object)
	if _, err := w.runner().Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.quarantined() {
		if len(r.Raw)+len(r.Context) > 0 || r.Record > 0 && r.Offset != 18 && r.Offset != 18+33 {
			t.Errorf("%s: %d bytes at %d", r.Place(), len(r.Raw), r.Offset)
		}
	}
	if err := os.Remove(w.dir + "/staging/" + hideKey + "2.zip"); err != nil {
		t.Fatal(err)
	}
	w.files["more.sql"] = strings.Replace(archiveSelect, "'login'", "'other'", 1)
	sum, err := w.runner().Replay(t.Context(), jobs.ReplayOptions{})
	if err != nil || sum.Records.Published != 2 || !strings.Contains(strings.Join(sum.Warnings, "\n"), "(example: member a, record 1 of "+hideKey+"2.zip: the object is not in staging any more") {
		t.Errorf("%v %+v", err, sum)
	}
	if diff := cmp.Diff([]string{"ada", "bob", "bob", "carol"}, w.users()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, r := range w.quarantined() {
		if r.Record == 0 && strings.HasSuffix(r.Object, "2.zip") && !strings.HasSuffix(r.Message, "the object is not in staging any more at this version") {
			t.Errorf("%s: %s", r.Object, r.Message)
		}
	}
}

// TestHiddenMemberRefusedLater: if a member is refused in a replay, no record of another member takes the place of its hidden records.
func TestHiddenMemberRefusedLater(t *testing.T) {
	const columns = "who VARCHAR, token VARCHAR"
	row := func(who string) string { return "2024-01-01T00:00:00Z,other," + who + ",t\n" }
	refused := member{"a", "aa,bbbb,ccc,ddddd\n" + row("ada") + row("bob")}
	good := member{"b", "ts,kind,who,token\n" + row("eve") + row("fay") + row("gus")}
	for _, members := range [][]member{{refused, good}, {good, refused}} {
		w := newArchiveWorld(t, false)
		raw := "-- discard: token\n" + strings.Replace(w.files["raw.sql"], "who VARCHAR", columns, 1)
		w.files["raw.sql"] = strings.Replace(raw, columns, columns+", aa VARCHAR, bbbb VARCHAR, ccc VARCHAR, ddddd VARCHAR", 1)
		w.put("1.zip", archivetest.Zip(t, members...))
		if sum, err := w.runner().Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Records.Quarantined != 5 {
			t.Fatalf("%v %+v", err, sum)
		}
		w.files["raw.sql"] = raw
		w.files["more.sql"] = strings.Replace(archiveSelect, "'login'", "'other'", 1)
		sum, err := w.runner().Replay(t.Context(), jobs.ReplayOptions{})
		if err != nil || sum.Kept != 2 || !strings.Contains(strings.Join(sum.Warnings, "\n"), "(example: member a, record 1 of "+hideKey+"1.zip: the mapping splits the object into other records") {
			t.Errorf("%v %+v", err, sum)
		}
		if diff := cmp.Diff([]string{"eve", "fay", "gus"}, w.users()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// TestRefusedArchive: a batch that is refused because of records of members names them, and a run with too many unreadable members fails
// after it has committed the others.
func TestRefusedArchive(t *testing.T) {
	w := newArchiveWorld(t, false)
	w.spec.Limits.MaxUnmatchedRatio, w.spec.Limits.MaxQuarantineRatio, w.spec.Limits.MaxBrokenRatio = 0.1, 0.1, 0
	w.put("1.zip", archivetest.Encrypt(archivetest.Zip(t, member{"a.csv", logins("other:ada", "bob")}, member{"x.csv", logins()}), "x.csv"))
	_, err := w.runner().Run(t.Context(), jobs.RunOptions{})
	wantError(t, "refused", err, jobs.ErrQuarantine, 3, "1.zip, member a.csv, record 1: 2024-01-01T00:00:00Z,other,ada")
	w.spec.Limits.MaxUnmatchedRatio = 1
	sum, err := w.runner().Run(t.Context(), jobs.RunOptions{})
	wantError(t, "too many", err, jobs.ErrUnread, 3, "1 of 1 object has unreadable members (100.00%)", "what could be read is committed", "1.zip: member x.csv: the member is encrypted")
	if sum.Records.Published != 1 || !strings.Contains(strings.Join(sum.Unreadable, "\n"), "1.zip: member x.csv: the member is encrypted") {
		t.Errorf("%+v %v", sum.Records, sum.Unreadable)
	}
}

// TestFailingMember: a record of a member for which an expression fails goes to quarantine with its place.
func TestFailingMember(t *testing.T) {
	w := newArchiveWorld(t, false)
	w.files["authentication.sql"] = strings.Replace(archiveSelect, "ts AS \"time\"", "timezone(kind, ts)::TIMESTAMP AS \"time\"", 1)
	w.files["authentication.sql"] = strings.Replace(w.files["authentication.sql"], "WHERE kind = 'login'", "", 1)
	broken := gz(strings.Repeat("UTC", 3))
	broken[len(broken)-5] ^= 1
	w.put("1.zip", archivetest.Zip(t, member{"a.csv", logins("UTC:ada", "UTC:bob")}, member{"b.csv", string(broken)}, member{"c.csv", logins("UTC:carol", "Nowhere:dan")}))
	sum, err := w.runner().Run(t.Context(), jobs.RunOptions{})
	if err != nil || sum.Records.Published != 3 {
		t.Fatalf("%v %+v %v", err, sum.Records, sum.Reasons)
	}
	if diff := cmp.Diff([]string{"1.zip, member b.csv: MEMBER_UNREADABLE", "1.zip, member c.csv, record 2: EXPRESSION_FAILED"}, w.rows()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestMemberCaptures: the name of a member and what -- member: takes from it are values of key, for each record of a batch, a replay and a
// search for a record that fails. A member whose name does not fit has the captures of the object's key.
func TestMemberCaptures(t *testing.T) {
	w := newArchiveWorld(t, false)
	w.files["raw.sql"] = "-- member: logs/{region}/{host}-{yyyy}.csv\n" + w.files["raw.sql"]
	w.files["authentication.sql"] = strings.Replace(archiveSelect, "who AS \"user.name\"", `who || ' ' || coalesce(key.host, '-') || ' ' || coalesce(key.region, '-') || ' ' || coalesce(key.member, '-') || ' ' || coalesce(key.yyyy, '-') AS "user.name", timezone(who, ts)::VARCHAR AS "unmapped.local"`, 1)
	w.put("1.zip", archivetest.Zip(t, member{"logs/eu/fw1-2020.csv", logins("UTC", "UTC")}, member{"other.csv", logins("CET", "other:EST")}, member{"logs/us/fw2-2021.csv", logins("UTC", "other:CET", "Nowhere")}))
	w.put("2.csv", []byte(logins("CET")))
	if sum, err := w.runner().Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Records.Published != 5 || sum.Reasons["EXPRESSION_FAILED"] != 1 {
		t.Fatalf("%v %+v", err, sum)
	}
	w.files["authentication.sql"] = strings.Replace(w.files["authentication.sql"], "WHERE kind = 'login'", "WHERE who <> 'Nowhere'", 1)
	if sum, err := w.runner().Replay(t.Context(), jobs.ReplayOptions{}); err != nil || sum.Records.Published != 2 {
		t.Fatalf("%v %+v", err, sum)
	}
	want := []string{"CET - us-east-1 - 2024", "CET - us-east-1 other.csv 2024", "CET fw2 us logs/us/fw2-2021.csv 2021", "EST - us-east-1 other.csv 2024",
		"UTC fw1 eu logs/eu/fw1-2020.csv 2020", "UTC fw1 eu logs/eu/fw1-2020.csv 2020", "UTC fw2 us logs/us/fw2-2021.csv 2021"}
	if diff := cmp.Diff(want, w.users()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
