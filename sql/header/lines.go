package header

import "strings"

// word is a piece of a header and its byte offset.
type word struct {
	Text string
	At   int
}

// headerLines calls fn for each `-- key: value` line of the comments before the first line of SQL: where the line begins, its key in
// lower case, and its value, which may be empty. Other comments and blank lines are skipped.
func headerLines(text string, fn func(start int, key string, value word)) {
	at := 0
	for _, line := range strings.SplitAfter(text, "\n") {
		start := at
		at += len(line)
		trimmed := strings.TrimSpace(line)
		if trimmed == "" {
			continue
		}
		if !strings.HasPrefix(trimmed, "--") {
			return
		}
		key, _, ok := strings.Cut(strings.TrimLeft(trimmed[2:], "- "), ":")
		if !ok || strings.ContainsAny(key, " \t.") {
			continue
		}
		valueAt := start + strings.Index(line, ":") + 1
		fn(start, strings.ToLower(key), trimWord(strings.TrimRight(line[valueAt-start:], " \t\r\n"), valueAt))
	}
}

// headerEnd is where the first line of SQL begins, after the comments and blank lines of the header.
func headerEnd(text string) int {
	at := 0
	for _, line := range strings.SplitAfter(text, "\n") {
		if trimmed := strings.TrimSpace(line); trimmed != "" && !strings.HasPrefix(trimmed, "--") {
			return at
		}
		at += len(line)
	}
	return at
}

func trimWord(s string, at int) word {
	t := strings.TrimLeft(s, " \t")
	return word{strings.TrimSpace(t), at + len(s) - len(t)}
}

func splitWords(s string, at int) (words []word) {
	for _, part := range strings.Split(s, ",") {
		if w := trimWord(part, at); w.Text != "" {
			words = append(words, w)
		}
		at += len(part) + 1
	}
	return words
}

// splitNames cuts at commas that are not within double quotes.
func splitNames(s string, at int) (words []word) {
	from, quoted := 0, false
	for i := 0; i <= len(s); i++ {
		switch {
		case i < len(s) && s[i] == '"':
			quoted = !quoted
		case i == len(s) || s[i] == ',' && !quoted:
			if w := trimWord(s[from:i], at+from); w.Text != "" {
				words = append(words, w)
			}
			from = i + 1
		}
	}
	return words
}
