package fastmacro

import (
	"bytes"
	"regexp"
)

// TagValue is the macro tag_value: the value of a name in a text of names and values. It returns a part of scratch, which it fills, or nil.
func TagValue(scratch, text, name []byte) (value, filled []byte) {
	const before, behind = 1, 2 // bytes around a name
	out := scratch[:0]
	for i := 0; i < len(text); {
		if i == 0 || text[i] == ',' {
			if from, to := tagName(text, i); to > 0 {
				out = append(out, before)
				out = append(out, text[from:to]...)
				out = append(out, behind)
				i = to + 1 // behind the equals sign
				continue
			}
		}
		out = append(out, text[i])
		i++
	}
	at := -1
	if plain(name) {
		for from := 0; at < 0; {
			k := bytes.Index(out[from:], name)
			if k < 0 {
				return nil, out
			}
			if k += from; k > 0 && out[k-1] == before && k+len(name) < len(out) && out[k+len(name)] == behind {
				at = k + len(name) + 1
			}
			from = k + 1
		}
	} else {
		x, err := regexp.Compile("\x01" + string(name) + "\x02([^\x01]*)")
		if err != nil {
			return nil, out
		}
		m := x.FindSubmatchIndex(out)
		if len(m) < 4 || m[2] < 0 {
			return nil, out
		}
		return orNil(trim(out[m[2]:m[3]])), out
	}
	end := bytes.IndexByte(out[at:], before)
	if end < 0 {
		end = len(out) - at
	}
	return orNil(trim(out[at : at+end])), out
}

func orNil(t []byte) []byte {
	if len(t) == 0 {
		return nil
	}
	return t
}

// tagName finds the name that begins at i: at the start of the text or after a comma, with blanks before it. It returns where the name
// begins, and where its equals sign is. to is 0 if no name begins at i.
func tagName(text []byte, i int) (from, to int) {
	if i == 0 {
		if from, to = wordBefore(text, 0); to > 0 {
			return from, to
		}
	}
	if text[i] == ',' {
		return wordBefore(text, i+1)
	}
	return 0, 0
}

// wordBefore finds a word before an equals sign, behind blanks.
func wordBefore(text []byte, k int) (from, to int) {
	for k < len(text) && (text[k] == ' ' || '\t' <= text[k] && text[k] <= '\r' && text[k] != '\v') {
		k++
	}
	from = k
	for k < len(text) && wordByte(text[k]) {
		k++
	}
	if k == from || k == len(text) || text[k] != '=' {
		return 0, 0
	}
	return from, k
}

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// plain says whether a name means itself in a regular expression.
func plain(name []byte) bool {
	for _, c := range name {
		if !wordByte(c) {
			return false
		}
	}
	return len(name) > 0
}

// A Tactic of ATT&CK. Name is nil if the ID is unknown.
type Tactic struct{ UID, Name []byte }

// tactics are the names of the macro tactic_name.
var tactics = map[string][]byte{
	"TA0043": []byte("Reconnaissance"), "TA0042": []byte("Resource Development"), "TA0001": []byte("Initial Access"), "TA0002": []byte("Execution"),
	"TA0003": []byte("Persistence"), "TA0004": []byte("Privilege Escalation"), "TA0005": []byte("Defense Evasion"), "TA0006": []byte("Credential Access"),
	"TA0007": []byte("Discovery"), "TA0008": []byte("Lateral Movement"), "TA0009": []byte("Collection"), "TA0011": []byte("Command and Control"),
	"TA0010": []byte("Exfiltration"), "TA0040": []byte("Impact"),
}

// Tactics appends the tactics of IDs that are separated by blanks, as the macro tactics_of_ids reads them.
func Tactics(all []Tactic, ids []byte) []Tactic {
	for more := true; more; {
		var id []byte
		id, ids, more = bytes.Cut(ids, []byte{' '})
		name := tactics[string(id)]
		if name == nil {
			name = tactics[string(bytes.ToUpper(id))]
		}
		all = append(all, Tactic{id, name})
	}
	return all
}
