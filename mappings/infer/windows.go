package infer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/mappings"
)

// The providers whose events are known by their id.
const (
	securityLog = "Microsoft-Windows-Security-Auditing"
	sysmonLog   = "Microsoft-Windows-Sysmon"
)

// eventKind are the Windows events that one SELECT maps.
type eventKind struct {
	file     string
	class    string
	provider string
	ids      []string
	activity string // activity_id; %s is the id
	status   string // status_id, or ""
	roles    map[string]role
}

// eventKinds are the kinds that infer knows. Others are base_event.
func eventKinds() []eventKind {
	subject := map[string]role{"SubjectUserName": roleActor, "SubjectUserSid": roleActorID, "SubjectDomainName": roleActorDomain, "Computer": roleHost, "ProcessID": roleNone, "ThreadID": roleNone}
	with := func(more map[string]role) map[string]role {
		for k, v := range subject {
			if _, ok := more[k]; !ok {
				more[k] = v
			}
		}
		return more
	}
	logon := with(map[string]role{"TargetUserName": roleUser, "TargetUserSid": roleUserID, "TargetDomainName": roleDomain, "IpAddress": roleSrcIP, "IpPort": roleSrcPort, "WorkstationName": roleSrcHost,
		"Workstation": roleSrcHost, "TargetLogonId": roleSession, "LogonProcessName": roleNone, "ProcessName": roleNone, "ProcessId": roleNone, "xmlns": roleNone, "ServiceName": roleNone, "TargetServerName": roleNone})
	account := with(map[string]role{"TargetUserName": roleUser, "TargetSid": roleUserID, "TargetDomainName": roleDomain, "SamAccountName": roleNone, "xmlns": roleNone})
	return []eventKind{
		{"authentication", "authentication", securityLog, []string{"4624", "4625", "4634", "4647", "4648", "4768", "4769", "4771", "4776"}, "CASE WHEN %s IN ('4634', '4647') THEN 2 ELSE 1 END",
			"CASE WHEN %s = '4625' THEN 2 WHEN %[1]s IN ('4624', '4634', '4647') THEN 1 ELSE 0 END", logon},
		{"process_created", "process_activity", securityLog, []string{"4688"}, "1", "", with(map[string]role{"NewProcessId": rolePID, "NewProcessName": roleImage, "CommandLine": roleCommand, "ProcessId": rolePPID,
			"ParentProcessName": roleParent, "TargetUserName": roleNone, "TargetUserSid": roleNone, "xmlns": roleNone})},
		{"process_ended", "process_activity", securityLog, []string{"4689"}, "2", "", with(map[string]role{"ProcessId": rolePID, "ProcessName": roleImage, "xmlns": roleNone})},
		{"account_change", "account_change", securityLog, []string{"4720", "4722", "4723", "4724", "4725", "4726", "4738", "4740"},
			"CASE %s WHEN '4720' THEN 1 WHEN '4722' THEN 2 WHEN '4723' THEN 3 WHEN '4724' THEN 4 WHEN '4725' THEN 5 WHEN '4726' THEN 6 WHEN '4740' THEN 9 ELSE 99 END", "", account},
		{"process_activity", "process_activity", sysmonLog, []string{"1", "5"}, "CASE %s WHEN '1' THEN 1 ELSE 2 END", "", sysmonRoles(map[string]role{"ParentProcessId": rolePPID, "ParentImage": roleParent})},
		{"network_activity", "network_activity", sysmonLog, []string{"3"}, "1", "", sysmonRoles(map[string]role{"SourceIp": roleSrcIP, "SourcePort": roleSrcPort, "SourceHostname": roleSrcHost, "DestinationIp": roleDstIP,
			"DestinationPort": roleDstPort, "DestinationHostname": roleDstHost, "Protocol": roleProtocol})},
		{"dns_activity", "dns_activity", sysmonLog, []string{"22"}, "1", "", sysmonRoles(map[string]role{"QueryName": roleQuery, "QueryStatus": roleNone})},
		{"file_activity", "file_activity", sysmonLog, []string{"2", "11", "15", "23", "26"}, "CASE WHEN %s IN ('11', '15') THEN 1 WHEN %[1]s IN ('23', '26') THEN 4 ELSE 3 END", "",
			sysmonRoles(map[string]role{"TargetFilename": roleFilePath})},
	}
}

func sysmonRoles(more map[string]role) map[string]role {
	for k, v := range map[string]role{"ProcessId": rolePID, "Image": roleImage, "CommandLine": roleCommand, "ProcessGuid": roleProcUID, "User": roleActor, "Computer": roleHost, "RuleName": roleNone, "ProcessID": roleNone,
		"xmlns": roleNone, "Description": roleNone, "IntegrityLevel": roleNone} {
		if _, ok := more[k]; !ok {
			more[k] = v
		}
	}
	return more
}

// isWindowsLog tells whether the records are JSON of Windows events with the names of their providers.
func isWindowsLog(lines [][]byte) bool {
	n := countLines(lines, func(l []byte) bool {
		return (bytes.Contains(l, []byte(securityLog)) || bytes.Contains(l, []byte(sysmonLog))) && (bytes.Contains(l, []byte("EventID")) || bytes.Contains(l, []byte("event_id")) || bytes.Contains(l, []byte("EventId")))
	})
	return n > 0 && 2*n >= len(lines)
}

// windowsLog has the records of a sample by their kind.
type windowsLog struct {
	kinds    []eventKind
	of       map[string]*profiler      // by eventKind.file
	ids      map[string]map[string]int // that were seen
	provider map[string]int            // dotted paths of the fields that name the provider
}

func newWindowsLog() *windowsLog {
	return &windowsLog{kinds: eventKinds(), of: map[string]*profiler{}, ids: map[string]map[string]int{}, provider: map[string]int{}}
}

// add takes a record.
func (w *windowsLog) add(raw []byte) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return
	}
	id, provider := "", ""
	var walk func(at any, path []string)
	walk = func(at any, path []string) {
		m, ok := at.(map[string]any)
		if !ok || len(path) > 5 {
			return
		}
		for k, x := range m {
			in := append(slices.Clone(path), k)
			switch x := x.(type) {
			case string:
				if x == securityLog || x == sysmonLog {
					provider = x
					w.provider[strings.Join(in, "\x00")]++
				}
				if isEventID(in) {
					id = x
				}
			case float64:
				if isEventID(in) {
					id = fmt.Sprintf("%.0f", x)
				}
			default:
				walk(x, in)
			}
		}
	}
	walk(v, nil)
	file := "base_event"
	for _, k := range w.kinds {
		if k.provider == provider && slices.Contains(k.ids, id) {
			file = k.file
		}
	}
	if w.of[file] == nil {
		w.of[file] = newProfiler()
		w.of[file].nothing = "-"
		w.ids[file] = map[string]int{}
	}
	w.ids[file][id]++
	w.of[file].record(raw)
}

// isEventID tells whether a path is that of an event's id, which some converters of XML put into an object.
func isEventID(path []string) bool {
	n := len(path) - 1
	return spell(path[n]) == "event_id" || n > 0 && spell(path[n-1]) == "event_id" && (path[n] == "#text" || path[n] == "Value" || path[n] == "text")
}

// selects writes a SELECT for each kind of event that the sample has. It gives false if no field names the event or its provider.
func (w *windowsLog) selects(in *inference, all []*column, res *Result) (placed map[string][]string, ok bool) {
	columns := map[string]*column{}
	var eventIDs, providers []*column
	for _, c := range all {
		key := strings.Join(c.path, "\x00")
		columns[key] = c
		if isEventID(c.path) && c.typ != "JSON" {
			eventIDs = append(eventIDs, c)
		}
		if w.provider[key] > 0 && c.typ == "VARCHAR" {
			providers = append(providers, c)
		}
	}
	if len(eventIDs) == 0 || len(providers) == 0 || len(w.of) == 0 || len(w.of) == 1 && w.of["base_event"] != nil {
		return nil, false
	}
	idSQL, providerSQL := firstFilled(eventIDs), firstFilled(providers)
	placed = map[string][]string{}
	var known []string
	var most int64
	res.Classes = nil
	write := func(k eventKind, where string) {
		p := w.of[k.file]
		sub := &inference{profiler: p, name: in.name, rules: in.rules, candidates: in.candidates, schema: in.schema, changed: in.changed, format: in.format}
		sub.shape.anywhere, sub.where, sub.kind = k.roles, where, &k
		sub.idSQL = idSQL
		cols := slices.DeleteFunc(leaves(sub.columns(sub.root)), func(c *column) bool {
			of := columns[strings.Join(c.path, "\x00")]
			if of != nil {
				c.typ, c.time = of.typ, of.time
			}
			return of == nil
		})
		class := sub.schema.Class(k.class)
		outs, without := sub.project(class, cols)
		for _, o := range outs {
			if o.col != nil && o.off == "" {
				placed[o.col.dotted()] = append(placed[o.col.dotted()], o.path)
			}
		}
		score := Score{Class: k.class, Score: float64(10*p.records) / float64(in.records)}
		for _, x := range sortedKeys(w.ids[k.file]) {
			score.Evidence = append(score.Evidence, fmt.Sprintf("event id %s: %d", x, w.ids[k.file][x]))
		}
		res.Classes = append(res.Classes, score)
		if p.records > most {
			most, res.Class = p.records, k.class
		}
		res.Files = append(res.Files, diag.File{Path: k.file + ".sql", Text: sub.selectSQL(class, outs, without)})
	}
	for _, k := range w.kinds {
		if w.of[k.file] == nil {
			continue
		}
		ids := make([]string, 0, len(k.ids))
		for _, x := range k.ids {
			ids = append(ids, mappings.Literal(x))
		}
		where := fmt.Sprintf("%s = %s AND %s IN (%s)", providerSQL, mappings.Literal(k.provider), idSQL, strings.Join(ids, ", "))
		known = append(known, "("+where+")")
		write(k, where)
	}
	if w.of["base_event"] != nil {
		write(eventKind{file: "base_event", class: "base_event", activity: "0", roles: map[string]role{"ProcessID": roleNone}}, "NOT coalesce("+strings.Join(known, " OR ")+", false)")
	} else {
		res.Notes = append(res.Notes, "all events of the sample are of known ids: records with others go to quarantine as NO_PROJECTION")
	}
	return placed, true
}

// firstFilled is the text of the first column that a record has: programs that write the same log name their fields differently.
func firstFilled(columns []*column) string {
	slices.SortStableFunc(columns, func(a, b *column) int { return cmp.Compare(b.seen, a.seen) })
	texts := make([]string, len(columns))
	for i, c := range columns {
		if texts[i] = mappings.FieldSQL(c.path); c.typ != "VARCHAR" {
			texts[i] = "CAST(" + texts[i] + " AS VARCHAR)"
		}
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return "coalesce(" + strings.Join(texts, ", ") + ")"
}

func sortedKeys(m map[string]int) []string {
	all := map[string]bool{}
	for k := range m {
		all[k] = true
	}
	return sortedNames(all)
}
