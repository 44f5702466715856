package decode

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// TimeFormat reads times that are not ISO 8601.
type TimeFormat struct {
	unit   int64 // of an epoch, in microseconds, negative: its parts of one; 0: none
	layout []timePart
	zone   *time.Location // of times without an offset; nil: UTC
}

type timePart struct {
	verb byte // 0: text
	text string
}

// TimeFormats are the names that stand for a format.
func TimeFormats() []string {
	return []string{"epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "clf", "iso"}
}

// clfLayout is what Apache and its kin write: 10/Oct/2000:13:55:36 -0700.
const clfLayout = "%d/%b/%Y:%H:%M:%S %z"

// NewTimeFormat compiles a format of TimeFormats, or one of strptime: %Y %m %d %e %H %I %p %M %S %f %b %B %a %A %y %z %Z %%, where
// %f is a fraction of 1 to 9 digits, %e a day with or without a blank before it, and any name of a day is taken. zone is an IANA name for times
// without an offset; "": UTC. A format without a year is an error: it would have to come from a clock.
func NewTimeFormat(format, zone string) (*TimeFormat, error) {
	f := &TimeFormat{}
	if zone != "" {
		loc, err := time.LoadLocation(zone)
		if err != nil || zone == "Local" {
			return nil, fmt.Errorf("%q is not a time zone (example: Europe/Berlin)", zone)
		}
		if f.zone = loc; loc == time.UTC {
			f.zone = nil
		}
	}
	switch format {
	case "epoch_s":
		f.unit = 1e6
	case "epoch_ms":
		f.unit = 1000
	case "epoch_us":
		f.unit = 1
	case "epoch_ns":
		f.unit = -1000
	case "iso":
		return f, nil
	case "clf":
		format = clfLayout
	}
	if f.unit != 0 {
		return f, nil
	}
	seen := map[byte]bool{}
	for format != "" {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			i = len(format)
		}
		if i > 0 {
			f.layout = append(f.layout, timePart{text: format[:i]})
			format = format[i:]
			continue
		}
		if len(format) < 2 {
			return nil, errors.New("it ends with a single %")
		}
		verb := format[1]
		format = format[2:]
		if verb == '%' {
			f.layout = append(f.layout, timePart{text: "%"})
			continue
		}
		if strings.IndexByte("YmdeHIpMSfbBaAyzZ", verb) < 0 {
			return nil, fmt.Errorf("%%%c is not supported; use %%Y %%m %%d %%e %%H %%I %%p %%M %%S %%f %%b %%B %%a %%A %%y %%z %%Z", verb)
		}
		seen[verb] = true
		f.layout = append(f.layout, timePart{verb: verb})
	}
	switch {
	case !seen['Y'] && !seen['y']:
		return nil, errors.New("it has no year (%Y). Try: declare the field VARCHAR and add the year in the SELECT (example: strptime(key.yyyy || ' ' || at, '%Y %b %d %H:%M:%S'))")
	case !seen['d'] && !seen['e'], !seen['m'] && !seen['b'] && !seen['B']:
		return nil, errors.New("it has no day (%d) or no month (%m)")
	}
	return f, nil
}

// Reads tells whether a text is a time in this format.
func (f *TimeFormat) Reads(v []byte) bool {
	_, ok := f.parse(v)
	return ok
}

// parse gives microseconds since 1970 in UTC.
func (f *TimeFormat) parse(v []byte) (int64, bool) {
	switch {
	case f.unit != 0:
		return f.epoch(v)
	case f.layout == nil:
		t, ok := parseTime(v)
		if ok && f.zone != nil && !hasOffset(v) {
			return f.local(t)
		}
		return t, ok
	}
	y, mo, d, h, mi, se := 0, 0, 0, 0, 0, 0
	us, off := int64(0), 0
	pm, twelve, absolute := false, false, false
	for _, p := range f.layout {
		if p.verb == 0 {
			if len(v) < len(p.text) || string(v[:len(p.text)]) != p.text {
				return 0, false
			}
			v = v[len(p.text):]
			continue
		}
		n := 0
		switch p.verb {
		case 'Y':
			y, n = number(v, 4, 4)
		case 'y':
			if y, n = number(v, 2, 2); y < 69 {
				y += 2000
			} else {
				y += 1900
			}
		case 'm':
			mo, n = number(v, 1, 2)
		case 'd', 'e':
			blank := 0
			if p.verb == 'e' && len(v) > 0 && v[0] == ' ' {
				blank = 1
			}
			if d, n = number(v[blank:], 1, 2); n > 0 {
				n += blank
			}
		case 'H':
			h, n = number(v, 1, 2)
		case 'I':
			h, n = number(v, 1, 2)
			twelve = true
			if h < 1 || h > 12 {
				return 0, false
			}
		case 'M':
			mi, n = number(v, 1, 2)
		case 'S':
			se, n = number(v, 1, 2)
		case 'f':
			_, n = number(v, 1, 9)
			for k := range max(n, 6) {
				if k >= 6 {
					break
				}
				us *= 10
				if k < n {
					us += int64(v[k] - '0')
				}
			}
		case 'p':
			if len(v) >= 2 && v[1]|0x20 == 'm' && (v[0]|0x20 == 'a' || v[0]|0x20 == 'p') {
				pm, n = v[0]|0x20 == 'p', 2
			}
		case 'b', 'B':
			mo, n = monthName(v)
		case 'a', 'A':
			n = wordLen(v)
		case 'z':
			n = 0
			for n < len(v) && (v[n] == '+' || v[n] == '-' || v[n] == ':' || v[n] == 'Z' || v[n] >= '0' && v[n] <= '9') {
				n++
			}
			var ok bool
			if off, ok = offset(v[:n]); !ok {
				return 0, false
			}
			absolute = n > 0
		case 'Z':
			n = wordLen(v)
			switch string(v[:n]) {
			case "UTC", "GMT", "Z":
				absolute = true
			default:
				return 0, false // other abbreviations are ambiguous
			}
		}
		if n == 0 {
			return 0, false
		}
		v = v[n:]
	}
	if twelve {
		if h %= 12; pm {
			h += 12
		}
	}
	if len(v) > 0 || y < 1 || mo < 1 || mo > 12 || d < 1 || d > monthDays(y, mo) || h > 23 || mi > 59 || se > 59 {
		return 0, false
	}
	t := days(y, mo, d)*dayUs + int64(h*3600+mi*60+se-off*60)*1e6 + us
	if t < minTime || t > maxTime {
		return 0, false
	}
	if f.zone != nil && !absolute {
		return f.local(t)
	}
	return t, true
}

// local moves a time that was read as UTC to the zone it is of.
func (f *TimeFormat) local(t int64) (int64, bool) {
	u := time.UnixMicro(t).UTC()
	at := time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), u.Nanosecond(), f.zone).UnixMicro()
	return at, at >= minTime && at <= maxTime
}

// hasOffset tells whether an ISO time has an offset.
func hasOffset(v []byte) bool {
	_, n := fraction(v[19:])
	return len(v) > 19+n
}

// epoch reads a number, with a fraction or without.
func (f *TimeFormat) epoch(v []byte) (int64, bool) {
	whole, part := v, []byte(nil)
	for i, c := range v {
		if c == '.' {
			whole, part = v[:i], v[i+1:]
			break
		}
	}
	x, ok := integer(whole)
	if !ok || len(part) == 0 && len(whole) < len(v) {
		return 0, false
	}
	for _, c := range part {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	if f.unit < 0 {
		x = floorDiv(x, -f.unit)
		return x, x >= minTime && x <= maxTime
	}
	if x > maxTime/f.unit || x < minTime/f.unit {
		return 0, false
	}
	us := x * f.unit
	add := int64(0)
	for scale, i := f.unit/10, 0; scale > 0 && i < len(part); scale, i = scale/10, i+1 {
		add += int64(part[i]-'0') * scale
	}
	if whole[0] == '-' {
		add = -add
	}
	return us + add, us+add >= minTime && us+add <= maxTime
}

func floorDiv(x, by int64) int64 {
	q := x / by
	if x%by < 0 {
		q--
	}
	return q
}

// number reads up to most digits; n is 0 if there are fewer than least.
func number(v []byte, least, most int) (x, n int) {
	for n < len(v) && n < most && v[n]-'0' <= 9 {
		x = x*10 + int(v[n]-'0')
		n++
	}
	if n < least {
		return 0, 0
	}
	return x, n
}

func wordLen(v []byte) (n int) {
	for n < len(v) && v[n]|0x20 >= 'a' && v[n]|0x20 <= 'z' {
		n++
	}
	return n
}

// monthName reads an English name of a month, in full or its first three letters.
func monthName(v []byte) (month, n int) {
	n = wordLen(v)
	for m := time.January; m <= time.December; m++ {
		name := m.String()
		if n == len(name) && strings.EqualFold(string(v[:n]), name) || n == 3 && strings.EqualFold(string(v[:3]), name[:3]) {
			return int(m), n
		}
	}
	return 0, 0
}
