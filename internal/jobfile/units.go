package jobfile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var durationPart = regexp.MustCompile(`^(\d+(?:\.\d+)?)(d|h|ms|m|s)`)

// ParseDuration reads a duration of a job file (example: 48h, 3650d, 1d12h or 90m).
func ParseDuration(s string) (time.Duration, error) {
	rest := s
	var d time.Duration
	for rest != "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("%q is not a duration (example: 48h, 7d or 90m)", s)
		}
		x, _ := strconv.ParseFloat(m[1], 64)
		unit := map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second, "ms": time.Millisecond}[m[2]]
		if x*float64(unit) > float64(200*365*24*time.Hour) {
			return 0, fmt.Errorf("%q is longer than 200 years", s)
		}
		d += time.Duration(x * float64(unit))
		rest = rest[len(m[0]):]
	}
	if s == "" {
		return 0, errors.New("the duration is empty (example: 48h, 7d or 90m)")
	}
	return d, nil
}

var sizeText = regexp.MustCompile(`(?i)^(\d+(?:\.\d+)?) ?([kmgt]i?)?b?$`)

// ParseBytes reads a size of a job file (example: 4GiB, 512MB or 1048576).
func ParseBytes(s string) (int64, error) {
	m := sizeText.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not a size (example: 4GiB or 512MB)", s)
	}
	x, _ := strconv.ParseFloat(m[1], 64)
	unit := map[string]float64{"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}[strings.ToLower(m[2])]
	if x*unit > 1<<60 {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return int64(x * unit), nil
}
