package jobs_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// foreign is, of each shipped source, a record that its product could write and that no SELECT takes, and what names its kind; "": the
// mapping has an otherwise SELECT.
func foreign() map[string][2]string {
	return map[string][2]string{
		"network-firewall":   {`{"firewall_name":"edge","availability_zone":"us-east-1a","event_timestamp":"1748736001","event":{"timestamp":"2025-06-01T00:00:01.000000+0000","event_type":"novel","src_ip":"10.0.1.9"}}`, `event.event_type = "novel" (`},
		"appfabric":          {`{"class_uid":6999,"time":1748736000000,"metadata":{"product":{"name":"Okta","vendor_name":"Okta"}}}`, `class_uid = "6999" (`},
		"aws-alb":            {`h9 2025-06-01T00:00:01.186641Z app/web/50dc6c495c0c9188 192.0.2.1:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET http://www.example.com:80/ HTTP/9" "curl/7.46.0" - -`, `type = "h9" (`},
		"aws-waf":            {`{"timestamp":1748736001512,"httpRequest":{"clientIp":"192.0.2.7","uri":"/"}}`, `without webaclId`},
		"cef":                {`CEF:0|Acme|Novel|2|9|Asset seen|1|rt=1748736001000 src=10.7.0.3 dst=10.7.0.1 act=update`, `Acme|Novel|2`},
		"cisco-asa":          {`Jun 01 2025 00:00:01 fw1 : %ASA-6-302013: Novel connection`, `msgid = "302013" (`},
		"crowdstrike-falcon": {`{"metadata":{"customerIDString":"c","offset":1,"eventType":"NovelEvent","eventCreationTime":1748736001000,"version":"1.0"},"event":{"Name":"x"}}`, `metadata.eventType = "NovelEvent" (`},
		"entra-signin":       {`{"time":"2025-06-01T00:00:01Z","category":"NovelSignInLogs","operationName":"Sign-in activity","properties":{"id":"novel"}}`, `category = "NovelSignInLogs" (`},
		"fortinet":           {`date=2025-06-01 time=00:00:01 eventtime=1748736001123456789 type="novel" srcip=10.1.1.1 dstip=10.1.1.2 action="pass"`, `type = "novel" (`},
		"okta":               {`{"published":"2025-06-01T00:00:01Z","actor":{"id":"1","type":"User","alternateId":"a@example.com"},"novel":"x"}`, `without eventType`},
		"paloalto":           {`1,2025/06/01 00:00:02,011901004321,NOVEL,general,2561,2025/06/01 00:00:01,,general,,0,0,general,informational,"one, two"`, `type = "NOVEL" (`},
		"cloudtrail":         {`{"Records":[{"eventVersion":"1.11","eventTime":"2025-06-01T00:00:01Z","eventType":"AwsNovelEvent","eventID":"novel"}]}`, `records match no SELECT`}, // hidden: no kind is named
		"eks-audit":          {`{"kind":"Event","apiVersion":"audit.k8s.io/v9","stageTimestamp":"2025-06-01T00:00:01Z"}`, `records match no SELECT`},                                // hidden: no kind is named
		"security-hub":       {`{"class_uid":2007,"time":1748736001000,"finding_info":{"uid":"novel"}}`, `class_uid = "2007" (`},
		"guardduty":          {`{"id":"novel","severity":5,"updatedAt":"2025-06-01T00:00:01Z","title":"t"}`, `without type`},
		"route53-resolver":   {`{"version":"1.100000","account_id":"111122223333","query_timestamp":"2025-06-01T00:00:01Z","srcaddr":"10.0.1.21"}`, `without query_name`},
		"suricata":           {`{"timestamp":"2025-06-01T00:00:01.000000+0000","event_type":"novel","flow_id":7,"novel":"x"}`, ""}, // an otherwise SELECT takes it
		"zeek":               {`{"_path":"novel","ts":1748736001.5,"novel":"x"}`, ""},
		"vpc-flow":           {`2 111122223333 eni-1235b8ca111111111 - - - - - - - 1748736001 1748736060 - NOVEL`, `log_status = "NOVEL" (`},
		"windows-security":   {`{"EventId":4624,"LogName":"Novel","MachineName":"HOST","TimeCreated":"2025-06-01T00:00:01.438Z"}`, `Channel = "Novel" (`},
		"windows-sysmon":     {`{"EventId":99,"MachineName":"HOST","Description":"Novel:\r\nUtcTime: 2025-06-01 00:00:01.438"}`, `EventId = "99" (`},
	}
}

// TestForeignKinds: the first night of each shipped source with a quarter of records of a kind that its mapping does not know is
// published, with a warning that names the kind. With more than 30% of them it is refused, and the error says how many there are and
// shows one.
func TestForeignKinds(t *testing.T) {
	for _, s := range sources() {
		t.Run(s.name, func(t *testing.T) {
			m, err := mappings.Load(s.mapping())
			if err != nil {
				t.Fatal(err)
			}
			record, kind := foreign()[s.name][0], foreign()[s.name][1]
			w, r := s.place(t, m)
			key := s.night(t, w, record, 25)
			sum, err := r.Run(t.Context(), jobs.RunOptions{})
			if kind == "" {
				if err != nil || sum.Records.Published+sum.Records.Filtered != 100 {
					t.Errorf("with an otherwise SELECT: %+v, %v, %v", sum.Records, sum.Reasons, err)
				}
				return
			}
			if err != nil || sum.Records.Published+sum.Records.Filtered != 75 || sum.Reasons["NO_PROJECTION"] != 25 {
				t.Fatalf("25%%: %+v, %v, %v", sum.Records, sum.Reasons, err)
			}
			warning := ""
			for _, text := range sum.Warnings {
				if strings.Contains(text, "match no SELECT") {
					warning += text
				}
			}
			for _, want := range []string{"25 of 100 records match no SELECT of the mapping and went to quarantine", kind, key + ", record "} {
				if !strings.Contains(warning, want) {
					t.Errorf("%q is not in the warnings %q", want, sum.Warnings)
				}
			}
			w, r = s.place(t, m)
			key = s.night(t, w, record, 35)
			sum, err = r.Run(t.Context(), jobs.RunOptions{})
			wantError(t, "35%", err, jobs.ErrQuarantine, 3, "35 of 100 records match no SELECT of the mapping (35.00%), and limits.max_unmatched_ratio allows 30.00%",
				"NO_PROJECTION 35", kind, "Example: NO_PROJECTION, "+key+", record ")
			if sum.Records.Published != 0 {
				t.Errorf("35%%: %+v", sum.Records)
			}
		})
	}
}

// night stages an object of 100 records. Of these, n are foreign, and the others come from the samples.
func (s shipped) night(t *testing.T, w *world, foreign string, n int) (key string) {
	t.Helper()
	var good []string
	for _, name := range slices.Sorted(maps.Keys(s.keys)) {
		if s.nights != "" && name != s.nights {
			continue
		}
		data, err := os.ReadFile(filepath.Join(s.samples(), name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); line != "" {
				good = append(good, line)
			}
		}
		key = s.keys[name]
	}
	lines := make([]string, 0, 100)
	for i := range 100 {
		if i%20 < n/5 {
			lines = append(lines, foreign)
		} else {
			lines = append(lines, good[i%len(good)])
		}
	}
	if strings.HasSuffix(key, ".gz") {
		w.put(key, gz(lines...))
	} else {
		w.put(key, []byte(strings.Join(lines, "\n")))
	}
	return key
}
