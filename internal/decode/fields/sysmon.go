package fields

import (
	"bytes"
	"math"
	"strings"
)

// sysmonKeys gives the keys of a kind of Sysmon event in the order of Sysmon's manifest, by the title of its text. It is the union of
// the schemas 4.0 to 4.91, which only add keys. A key with * is free: its value is chosen by whoever causes the event (a command line, a
// version resource, a registry value), and can contain line breaks. The result is "" for other titles.
// https://learn.microsoft.com/sysinternals/downloads/sysmon and sysmon -s
func sysmonKeys(title []byte) string {
	switch string(title) {
	case "Process Create":
		return "RuleName SequenceNumber UtcTime ProcessGuid ProcessId Image FileVersion* Description* Product* Company* OriginalFileName* " +
			"CommandLine* CurrentDirectory* User LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes ParentProcessGuid ParentProcessId " +
			"ParentImage ParentCommandLine* ParentUser"
	case "File creation time changed", "File created":
		return "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename* CreationUtcTime PreviousCreationUtcTime User"
	case "Network connection detected":
		return "RuleName UtcTime ProcessGuid ProcessId Image User Protocol Initiated SourceIsIpv6 SourceIp SourceHostname* SourcePort " +
			"SourcePortName DestinationIsIpv6 DestinationIp DestinationHostname* DestinationPort DestinationPortName"
	case "Sysmon service state changed":
		return "UtcTime State Version SchemaVersion"
	case "Process terminated":
		return "RuleName UtcTime ProcessGuid ProcessId Image User"
	case "Driver loaded":
		return "RuleName UtcTime ImageLoaded* Hashes Signed Signature* SignatureStatus"
	case "Image loaded":
		return "RuleName UtcTime ProcessGuid ProcessId Image ImageLoaded* FileVersion* Description* Product* Company* OriginalFileName* " +
			"Hashes Signed Signature* SignatureStatus User"
	case "CreateRemoteThread detected":
		return "RuleName UtcTime SourceProcessGuid SourceProcessId SourceImage TargetProcessGuid TargetProcessId TargetImage NewThreadId " +
			"StartAddress StartModule* StartFunction* SourceUser TargetUser"
	case "RawAccessRead detected":
		return "RuleName UtcTime ProcessGuid ProcessId Image Device User"
	case "Process accessed":
		return "RuleName UtcTime SourceProcessGuid SourceProcessId SourceThreadId SourceImage TargetProcessGuid TargetProcessId TargetImage " +
			"GrantedAccess CallTrace* SourceUser TargetUser"
	case "Registry object added or deleted", "Registry value set", "Registry object renamed":
		return "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject* Details* NewName* User"
	case "File stream created":
		return "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename* CreationUtcTime Hash Contents* User"
	case "Sysmon config state changed":
		return "UtcTime Configuration* ConfigurationFileHash"
	case "Pipe Created", "Pipe Connected":
		return "RuleName EventType UtcTime ProcessGuid ProcessId PipeName* Image User"
	case "WmiEventFilter activity detected":
		return "RuleName EventType UtcTime Operation User EventNamespace* Name* Query*"
	case "WmiEventConsumer activity detected":
		return "RuleName EventType UtcTime Operation User Name* Type Destination*"
	case "WmiEventConsumerToFilter activity detected":
		return "RuleName EventType UtcTime Operation User Consumer* Filter*"
	case "Dns query":
		return "RuleName UtcTime ProcessGuid ProcessId QueryName* QueryStatus QueryResults* Image User"
	case "File Delete", "File Delete archived", "File Delete logged", "File Block Executable", "File Block Shredding", "File Executable Detected":
		return "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename* Hashes IsExecutable Archived"
	case "Clipboard changed":
		return "RuleName UtcTime ProcessGuid ProcessId Image Session ClientInfo* Hashes Archived User"
	case "Process Tampering":
		return "RuleName UtcTime ProcessGuid ProcessId Image Type User"
	case "Error report":
		return "UtcTime ID Description*"
	}
	return ""
}

// inOrder says whether every field has a key of the manifest, each once and in its order.
func inOrder(keys string, fs []Field) bool {
	for _, f := range fs {
		for {
			if keys == "" {
				return false
			}
			var key string
			key, keys, _ = strings.Cut(keys, " ")
			if sameKey(strings.TrimSuffix(key, "*"), f.Key) {
				break
			}
		}
	}
	return true
}

// sameKey compares without regard to case: some schemas have ...Guid, others ...GUID.
func sameKey(key string, b []byte) bool {
	return len(key) == len(b) && strings.EqualFold(key, string(b))
}

// sysmonLine is a line of the text after its title.
type sysmonLine struct {
	key      []byte // nil if the line is not "Key: value"
	from, to int    // the line, without blanks around it
	end      int    // its end, with the blanks
	value    int    // where its value begins: one blank after the colon is not a part of it
	at       int    // index of the key in the manifest, or -1
	free     bool
	// scores of the best chains of keys that end here, and that begin here
	before, after int
}

// gapCost is what a line costs that stands in a value which is not free. A key counts 1, and no manifest has that many keys.
const gapCost = 1 << 10

// sysmon reads the lines after the title of a Sysmon event if they are not simply the keys of the manifest: a value has line breaks, and
// its lines can look like keys. Which lines are keys is decided for all of them together. A chain of keys is in the manifest's order; the
// best chain has the fewest lines in values that are not free, then the most keys. If several chains are equally good, the lines
// on which they differ are not keys: they stay in the value before them. If lines end with \r\n (crlf), a line after a lone \n is not a
// key either.
func sysmon(dst []Field, b []byte, manifest string, crlf bool) []Field {
	keys := strings.Fields(manifest)
	lines := sysmonLines(b, keys, crlf)
	certain, _ := bestChain(lines, len(keys))
	from, free := -1, false // of the value that is open
	for i, l := range lines {
		unknown := l.key != nil && l.at < 0 && !free // a key of a newer schema
		switch {
		case certain[i] || unknown:
			if free && lines[i-1].from == lines[i-1].to {
				dst[len(dst)-1].Value = b[from:lines[i-1].end] // empty lines at the end of the value
			}
			dst = append(dst, Field{Key: l.key, Value: notBlank(b[l.value:l.end])})
			from, free = l.value, l.free
		case l.from == l.to: // an empty line
		case from < 0:
			dst = append(dst, field(MessageKey, b[l.from:l.to]))
			from = l.from
		default:
			dst[len(dst)-1].Value = notBlank(b[from:l.end])
		}
	}
	return dst
}

// sysmonTitles are the titles of all manifests that differ.
func sysmonTitles() []string {
	return []string{
		"Process Create", "File created", "Network connection detected", "Sysmon service state changed", "Process terminated", "Driver loaded", "Image loaded",
		"CreateRemoteThread detected", "RawAccessRead detected", "Process accessed", "Registry value set", "File stream created", "Sysmon config state changed",
		"Pipe Created", "WmiEventFilter activity detected", "WmiEventConsumer activity detected", "WmiEventConsumerToFilter activity detected", "Dns query",
		"File Delete", "Clipboard changed", "Process Tampering", "Error report",
	}
}

// looksLikeSysmon says whether fields begin with the keys that nearly all events of Sysmon begin with, after a title or without one.
func looksLikeSysmon(fs []Field) bool {
	utc, guid := false, false
	for _, f := range fs[:min(len(fs), 6)] {
		utc = utc || string(f.Key) == "UtcTime"
		guid = guid || bytes.HasSuffix(f.Key, []byte("ProcessGuid")) || bytes.HasSuffix(f.Key, []byte("ProcessGUID"))
	}
	return utc && guid
}

// untitledSysmon reads a text of Sysmon whose title is missing or unknown with the manifest that fits best.
func untitledSysmon(dst []Field, b []byte, crlf bool) []Field {
	first, rest, _ := bytes.Cut(trimLeft(b), []byte("\n"))
	if _, value, ok := windowsKey(trim(first)); !ok || len(value) == 0 {
		dst = append(dst, field(TitleKey, trim(bytes.TrimSuffix(trim(first), []byte(":")))))
		b = rest
	}
	best, manifest := math.MinInt, ""
	for _, title := range sysmonTitles() {
		m := sysmonKeys([]byte(title))
		keys := strings.Fields(m)
		if _, score := bestChain(sysmonLines(b, keys, crlf), len(keys)); score > best {
			best, manifest = score, m
		}
	}
	return sysmon(dst, b, manifest, crlf)
}

func sysmonLines(b []byte, keys []string, crlf bool) []sysmonLine {
	var lines []sysmonLine
	lone := false // a lone \n stands before the line
	for i := 0; i < len(b); {
		end, next := len(b), len(b)
		if n := bytes.IndexByte(b[i:], '\n'); n >= 0 {
			end, next = i+n, i+n+1
		}
		l := sysmonLine{from: i, to: end, end: end, at: -1}
		if end > i && b[end-1] == '\r' {
			l.end--
		}
		for l.from < l.to && isBlank(b[l.from]) {
			l.from++
		}
		for l.from < l.to && isBlank(b[l.to-1]) {
			l.to--
		}
		if key, _, ok := windowsKey(b[l.from:l.to]); ok && !lone {
			l.key, l.value = key, l.end-len(valueOf(b[l.from:l.end]))
			for at, k := range keys {
				if sameKey(strings.TrimSuffix(k, "*"), key) {
					l.at, l.free = at, strings.HasSuffix(k, "*")
				}
			}
		}
		lines = append(lines, l)
		lone = crlf && (end == 0 || b[end-1] != '\r')
		i = next
	}
	return lines
}

// bestChain tells which lines are keys in every best chain, and the score of these chains.
func bestChain(lines []sysmonLine, keys int) (certain []bool, score int) {
	const none = math.MinInt / 2
	// of the lines passed, by key: the best score, and what it is without the cost of the lines since then
	free, fixed := make([]int, keys), make([]int, keys)
	reset := func() {
		for k := range keys {
			free[k], fixed[k] = none, none
		}
	}
	reset()
	for i := range lines {
		l := &lines[i]
		if l.at < 0 {
			continue
		}
		best := -gapCost * i // the lines before the first key
		for k := range l.at {
			best = max(best, free[k], fixed[k]-gapCost*(i-1))
		}
		l.before = best + 1
		if l.free {
			free[l.at] = max(free[l.at], l.before)
		} else {
			fixed[l.at] = max(fixed[l.at], l.before+gapCost*i)
		}
	}
	reset()
	all := none // score of the best chains
	for i := len(lines) - 1; i >= 0; i-- {
		l := &lines[i]
		if l.at < 0 {
			continue
		}
		best := 0 // the lines after the last key
		if !l.free {
			best = -gapCost * (len(lines) - 1 - i)
		}
		for k := l.at + 1; k < keys; k++ {
			if l.free {
				best = max(best, free[k])
			} else {
				best = max(best, fixed[k]+gapCost*(i+1))
			}
		}
		l.after = best + 1
		free[l.at] = max(free[l.at], l.after)
		fixed[l.at] = max(fixed[l.at], l.after-gapCost*i)
		all = max(all, l.before+l.after-1)
	}
	// the lines of best chains by their number in the chain: a key if it is the only one
	count, at := make([]int, keys+1), make([]int, keys+1)
	for i, l := range lines {
		if l.at >= 0 && l.before+l.after-1 == all {
			n := (l.before%gapCost + gapCost) % gapCost
			count[n]++
			at[n] = i
		}
	}
	certain = make([]bool, len(lines))
	for n, c := range count {
		if c == 1 {
			certain[at[n]] = true
		}
	}
	return certain, all
}
