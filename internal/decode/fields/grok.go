package fields

import (
	"fmt"
	"sort"
	"strings"
)

// grok holds what %{NAME} stands for, as RE2. They are our own, and strict where a loose one would take a part of what follows.
func grok() map[string]string {
	const (
		octet = `(?:25[0-5]|2[0-4]\d|1?\d?\d)`
		ipv4  = octet + `(?:\.` + octet + `){3}`
		ipv6  = `(?:[0-9A-Fa-f]{0,4}:){2,7}(?:` + ipv4 + `|[0-9A-Fa-f]{0,4})(?:%\w+)?`
		month = `(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)`
		clock = `\d{2}:\d{2}:\d{2}`
	)
	return map[string]string{
		"IP": `(?:` + ipv4 + `|` + ipv6 + `)`, "IPV4": ipv4, "IPV6": ipv6,
		"HOSTNAME": `[0-9A-Za-z_](?:[0-9A-Za-z_.-]*[0-9A-Za-z_])?\.?`,
		"INT":      `[+-]?\d+`, "NUMBER": `[+-]?(?:\d+(?:\.\d*)?|\.\d+)`,
		"WORD": `\w+`, "NOTSPACE": `\S+`, "DATA": `.*?`, "GREEDYDATA": `.*`, "SPACE": `\s*`,
		"QUOTEDSTRING":      `(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')`,
		"TIMESTAMP_ISO8601": `\d{4}-\d{2}-\d{2}[Tt ]` + clock + `(?:\.\d+)?(?:[Zz]|[+-]\d{2}:?\d{2})?`,
		"SYSLOGTIMESTAMP":   month + ` {1,2}\d{1,2} ` + clock,
		"HTTPDATE":          `\d{2}/` + month + `/\d{4}:` + clock + ` [+-]\d{4}`,
		"UUID":              `[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`,
		"MAC":               `(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}`,
		"USER":              `[0-9A-Za-z._@\\$-]+`,
		"PATH":              `(?:[A-Za-z]:|\\)?[/\\][^\s"]*`,
	}
}

// GrokNames are the names that %{NAME} may have.
func GrokNames() []string {
	var all []string
	for n := range grok() {
		all = append(all, n)
	}
	sort.Strings(all)
	return all
}

// UnknownPattern is a %{NAME} that is not defined, at byte At of the pattern.
type UnknownPattern struct {
	Name string
	At   int
}

func (e *UnknownPattern) Error() string { return fmt.Sprintf("%%{%s} is not a known pattern", e.Name) }

// Expand makes a pattern of RE2 of one that holds %{NAME} and %{NAME:group}. The error is an *UnknownPattern.
func Expand(pattern string) (string, error) {
	names := grok()
	var b strings.Builder
	for at := 0; ; {
		i := strings.Index(pattern[at:], "%{")
		if i < 0 {
			b.WriteString(pattern[at:])
			return b.String(), nil
		}
		i += at
		end := strings.IndexByte(pattern[i:], '}')
		if end < 0 {
			return "", &UnknownPattern{pattern[i+2:], i}
		}
		name, group, named := strings.Cut(pattern[i+2:i+end], ":")
		re, ok := names[name]
		if !ok {
			return "", &UnknownPattern{name, i}
		}
		b.WriteString(pattern[at:i])
		if named {
			b.WriteString("(?P<" + group + ">" + re + ")")
		} else {
			b.WriteString("(?:" + re + ")")
		}
		at = i + end + 1
	}
}
