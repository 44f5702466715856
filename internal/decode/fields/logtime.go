package fields

// logTimeLen is how long the time is that b begins with, with its zone: "Oct  3 23:50:22", the year before or after the clock or in front
// ("2024 Oct 11"), the name of the day in front, a day before the month, or ISO 8601 with a T or a blank. Before it can be the
// asterisk or the dot with which Cisco says that its clock is not set. 0: it does not begin with a time that a blank, a colon or the
// end follows.
func logTimeLen(b []byte) int {
	i := 0
	if len(b) > 0 && (b[0] == '*' || b[0] == '.') {
		i = 1
	}
	n := i + timeLen(b[i:])
	if n == i {
		return 0
	}
	if n < len(b) && b[n] != ' ' && b[n] != '\t' && b[n] != ':' {
		return 0
	}
	return n
}

func timeLen(b []byte) int {
	if len(b) >= 19 && digits(b, 0, 4) && (b[4] == '-' || b[4] == '/') && digits(b, 5, 2) && b[7] == b[4] && digits(b, 8, 2) {
		switch n := clockLen(b, 11); {
		case n > 0 && b[10] == 'T': // its zone has no blank before it
			if n < len(b) && b[n] == ' ' {
				return n
			}
			return n + zoneLen(b, n)
		case n > 0 && b[10] == ' ':
			return n + zoneLen(b, n)
		case b[10] == 'T' && digits(b, 11, 2): // without seconds
			w, _ := word(b)
			return len(w)
		}
		return 0
	}
	i := dayNameLen(b)
	if year := isYear(b, i) && i+4 < len(b) && b[i+4] == ' '; year { // 2024 Oct 11 22:14:15
		return monthFirst(b, i+5, true)
	}
	if n := dayFirst(b, i); n > 0 {
		return n
	}
	return monthFirst(b, i, false)
}

// dayNameLen is how long the name of a day is, with the comma and the blank after it.
func dayNameLen(b []byte) int {
	if len(b) < 5 || !one3("Mon Tue Wed Thu Fri Sat Sun ", b) {
		return 0
	}
	n := 3
	if b[n] == ',' {
		n++
	}
	if b[n] != ' ' {
		return 0
	}
	for n < len(b) && b[n] == ' ' {
		n++
	}
	return n
}

// monthFirst reads "Oct 11 [2024] 22:14:15 [2024] [zone] [2024]" from i on; year says that one stands before it.
func monthFirst(b []byte, i int, year bool) int {
	if len(b) < i+14 || !one3("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ", b[i:]) || b[i+3] != ' ' {
		return 0
	}
	i += 4
	if b[i] == ' ' {
		i++
	}
	from := i
	for i < len(b) && i < from+2 && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == from || i == len(b) {
		return 0
	}
	if b[i] == ',' && i+1 < len(b) && b[i+1] == ' ' {
		i++
	}
	if !year && b[i] == ' ' && isYear(b, i+1) && i+5 < len(b) && b[i+5] == ' ' {
		i, year = i+5, true
	}
	if b[i] != ' ' {
		return 0
	}
	n := clockLen(b, i+1)
	if n == 0 {
		return 0
	}
	if !year && yearAt(b, n) {
		n, year = n+5, true
	}
	if zone := zoneLen(b, n); zone > 0 {
		if n += zone; !year && yearAt(b, n) {
			n += 5
		}
	}
	return n
}

// dayFirst reads "11 Oct 2024 22:14:15 [zone]" from i on.
func dayFirst(b []byte, i int) int {
	from := i
	for i < len(b) && i < from+2 && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == from || len(b) < i+17 || b[i] != ' ' || !one3("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ", b[i+1:]) || b[i+4] != ' ' || !isYear(b, i+5) || b[i+9] != ' ' {
		return 0
	}
	n := clockLen(b, i+10)
	if n == 0 {
		return 0
	}
	return n + zoneLen(b, n)
}

// clockLen is where the clock ends that begins at i, with its fraction; 0: i is not a clock.
func clockLen(b []byte, i int) int {
	if digits(b, i, 1) && i+1 < len(b) && b[i+1] == ':' { // 9:05:00
		i--
	} else if !digits(b, i, 2) {
		return 0
	}
	if i+8 > len(b) || b[i+2] != ':' || !digits(b, i+3, 2) || b[i+5] != ':' || !digits(b, i+6, 2) {
		return 0
	}
	i += 8
	if i+1 < len(b) && (b[i] == '.' || b[i] == ',') && digits(b, i+1, 1) {
		for i++; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		}
	}
	return i
}

func isYear(b []byte, i int) bool {
	return digits(b, i, 4) && (b[i] == '1' && b[i+1] == '9' || b[i] == '2' && b[i+1] == '0')
}

// yearAt tells whether a year stands after the blank at n.
func yearAt(b []byte, n int) bool {
	return n < len(b) && b[n] == ' ' && isYear(b, n+1) && (n+5 == len(b) || b[n+5] == ' ' || b[n+5] == ':')
}

// one3 tells whether the first three bytes of b are one of the names in list, each of which has a blank after it.
func one3(list string, b []byte) bool {
	if len(b) < 3 {
		return false
	}
	for i := 0; i < len(list); i += 4 {
		if list[i] == b[0] && list[i+1] == b[1] && list[i+2] == b[2] {
			return true
		}
	}
	return false
}

// zoneLen is how long the zone is that b has at n, and the blank before it: an offset, or an abbreviation that the macro zone_offset
// reads, or reads if the job says what it means.
func zoneLen(b []byte, n int) int {
	if n >= len(b) {
		return 0
	}
	blank := 0
	if b[n] == ' ' {
		blank = 1
	}
	w, more := word(b[n+blank:])
	if k := offsetLen(w); k > 0 && (k == len(w) || k == len(w)-1 && w[k] == ':') {
		return blank + k
	}
	if len(w) > 0 && w[len(w)-1] == ':' {
		w, more = w[:len(w)-1], nil
	}
	switch string(w) {
	case "UTC", "GMT", "Z", "WET", "WEST", "CET", "CEST", "EET", "EEST", "MEST", "MSK", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "AKST", "AKDT", "HST",
		"BST", "IST", "JST", "KST", "HKT", "SGT", "SAST", "AEST", "AEDT", "ACST", "ACDT", "AWST", "NZST", "NZDT":
		return blank + len(w)
	case "UT", "MET", "WAT", "CAT", "IDT", "EAT", "PKT", "WIB", "ICT", "WITA", "WIT", "BRT", "ART", "NST", "NDT", "AST", "ADT":
		// These can be the names of hosts: one is a zone if a host follows.
		if next, _ := word(trimLeft(more)); blank == 1 && len(next) > 0 && next[len(next)-1] != ':' {
			return 1 + len(w)
		}
	}
	return 0
}

// offsetLen is how long the offset is that w begins with: +0200, -05:30, GMT+00:00, UTC+2.
func offsetLen(w []byte) int {
	i := 0
	for _, name := range [...]string{"UTC", "GMT", "UT"} {
		if len(w) > len(name) && string(w[:len(name)]) == name {
			i = len(name)
			break
		}
	}
	if i >= len(w) || w[i] != '+' && w[i] != '-' {
		return 0
	}
	named := i > 0
	i++
	from := i
	for i < len(w) && i < from+4 && w[i] >= '0' && w[i] <= '9' {
		i++
	}
	switch n := i - from; {
	case n == 4:
		return i
	case n == 2 && i+2 < len(w) && w[i] == ':' && digits(w, i+1, 2):
		return i + 3
	case n == 2, n == 1 && named:
		return i
	}
	return 0
}

// epochLen is how long the number is that b begins with, if it is seconds to nanoseconds since 1970 and a blank follows.
func epochLen(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	if n < 10 || n > 19 {
		return 0
	}
	if n+1 < len(b) && b[n] == '.' && digits(b, n+1, 1) {
		for n++; n < len(b) && b[n] >= '0' && b[n] <= '9'; n++ {
		}
	}
	if n == len(b) || b[n] != ' ' {
		return 0
	}
	return n
}
