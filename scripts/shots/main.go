// Command shots runs commands in a pseudo terminal and draws the screen as an SVG.
//
//	shots -o FILE.svg [-dir DIR] [-cols 112] [-frame REGEXP] COMMAND ...
//
// The picture shows each command after a prompt, with what it left on the screen. With -frame, it also shows the first screen of
// the first command that matches the expression, for example a progress bar that is half full. script(1) of util-linux provides
// the pseudo terminal. Exit codes of the commands are ignored, because a picture may show an error.
package main

import (
	"flag"
	"fmt"
	"html"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"unicode/utf8"
)

func main() {
	out := flag.String("o", "", "SVG file to write")
	dir := flag.String("dir", ".", "folder in which the commands run")
	cols := flag.Int("cols", 112, "width of the terminal in columns")
	frame := flag.String("frame", "", "also draw the first screen that matches this regular expression (example: write .* 50 %)")
	flag.Parse()
	if err := run(*out, *dir, *cols, *frame, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

func run(out, dir string, cols int, frame string, commands []string) error {
	if out == "" || len(commands) == 0 {
		return fmt.Errorf("-o or the command is missing. Try: shots -o FILE.svg COMMAND ...")
	}
	var lines []line
	for i, c := range commands {
		if i > 0 {
			lines = append(lines, line{})
		}
		for j, l := range strings.Split(c, "\n") {
			lines = append(lines, line{text: l, prompt: j == 0, typed: true})
		}
		var re *regexp.Regexp
		if i == 0 && frame != "" {
			var err error
			if re, err = regexp.Compile(frame); err != nil {
				return err
			}
		}
		first, last, err := record(dir, cols, c, re)
		if err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		if re != nil {
			if first == nil {
				return fmt.Errorf("%s: no screen matches %s. The last screen was\n%s", c, frame, strings.Join(last, "\n"))
			}
			lines = append(append(lines, plain(first)...), line{}, line{text: "and at the end", note: true})
		}
		lines = append(lines, plain(last)...)
	}
	return os.WriteFile(out, []byte(draw(lines)), 0o644)
}

// line is one line of a picture.
type line struct {
	text                string
	prompt, typed, note bool
}

func plain(screen []string) (lines []line) {
	for _, l := range screen {
		lines = append(lines, line{text: l})
	}
	return lines
}

// record runs a command and returns the first screen that matches, and the last one.
func record(dir string, cols int, command string, frame *regexp.Regexp) (first, last []string, err error) {
	c := exec.Command("script", "-qec", fmt.Sprintf("stty cols %d rows 100 -onlcr; %s", cols, command), "/dev/null")
	c.Dir = dir
	c.Env = append(os.Environ(), "SHELL=/bin/bash", "TERM=xterm", "COLUMNS=")
	pipe, err := c.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	var s screen
	buf := make([]byte, 64<<10)
	for {
		n, err := pipe.Read(buf)
		s.write(buf[:n])
		if frame != nil && first == nil {
			if all := s.lines(); frame.MatchString(strings.Join(all, "\n")) {
				first = all
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, err
		}
	}
	_ = c.Wait() // its exit code is that of the command, which is ignored
	return first, s.lines(), nil
}

// screen is a terminal with any number of rows. It knows the control sequences that progress bars and tables use.
type screen struct {
	rows     [][]rune
	row, col int
	rest     []byte // the beginning of an incomplete sequence
}

var sequence = regexp.MustCompile(`^\x1b\[([?0-9;]*)([A-Za-z])`)

func (s *screen) write(p []byte) {
	b := append(s.rest, p...)
	for len(b) > 0 {
		if b[0] == 0x1b {
			m := sequence.FindSubmatch(b)
			switch {
			case m != nil:
				s.control(string(m[1]), m[2][0])
				b = b[len(m[0]):]
				continue
			case len(b) < 16:
				s.rest = append([]byte(nil), b...)
				return
			}
		}
		if !utf8.FullRune(b) {
			s.rest = append([]byte(nil), b...)
			return
		}
		r, n := utf8.DecodeRune(b)
		b = b[n:]
		switch r {
		case '\n':
			s.row, s.col = s.row+1, 0
		case '\r':
			s.col = 0
		default:
			if r >= ' ' {
				s.put(r)
			}
		}
	}
	s.rest = nil
}

func (s *screen) put(r rune) {
	for len(s.rows) <= s.row {
		s.rows = append(s.rows, nil)
	}
	for len(s.rows[s.row]) <= s.col {
		s.rows[s.row] = append(s.rows[s.row], ' ')
	}
	s.rows[s.row][s.col] = r
	s.col++
}

func (s *screen) control(arg string, what byte) {
	n := 1
	if _, err := fmt.Sscanf(arg, "%d", &n); err != nil && what == 'J' || err != nil && what == 'K' {
		n = 0
	}
	switch what {
	case 'A':
		s.row = max(0, s.row-n)
	case 'B':
		s.row += n
	case 'C':
		s.col += n
	case 'D':
		s.col = max(0, s.col-n)
	case 'G':
		s.col = max(0, n-1)
	case 'K':
		if s.row < len(s.rows) {
			if n == 2 {
				s.rows[s.row] = nil
			} else {
				s.rows[s.row] = s.rows[s.row][:min(s.col, len(s.rows[s.row]))]
			}
		}
	case 'J':
		if s.row < len(s.rows) {
			s.rows[s.row] = s.rows[s.row][:min(s.col, len(s.rows[s.row]))]
			s.rows = s.rows[:s.row+1]
		}
	}
}

// lines returns the lines of the screen without blanks at their ends, and without blank lines at the end.
func (s *screen) lines() (all []string) {
	for _, r := range s.rows {
		all = append(all, strings.TrimRight(string(r), " "))
	}
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// Sizes in pixels.
const (
	charWidth  = 7.8
	lineHeight = 18
	fontSize   = 13
	margin     = 16
)

func draw(lines []line) string {
	width := 0
	for _, l := range lines {
		width = max(width, utf8.RuneCountInString(l.text)+2)
	}
	w, h := float64(width)*charWidth+2*margin, len(lines)*lineHeight+2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="%d">`+"\n", w, h, w, h, fontSize)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="#16181d"/>`+"\n")
	for i, l := range lines {
		y := margin + i*lineHeight + fontSize
		x, color, text := float64(margin), "#d7dae0", l.text
		switch {
		case l.prompt:
			fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#7fbf6a">$</text>`+"\n", margin, y)
			x, color = x+2*charWidth, "#ffffff"
		case l.typed:
			x, color = x+2*charWidth, "#ffffff"
		case l.note:
			color = "#868c98"
		}
		// Some programs draw blanks narrower or not at all, so each word has a position of its own.
		for _, m := range word.FindAllStringIndex(text, -1) {
			at := utf8.RuneCountInString(text[:m[0]])
			part := text[m[0]:m[1]]
			n := utf8.RuneCountInString(part)
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="%s" textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n",
				x+float64(at)*charWidth, y, color, float64(n)*charWidth, html.EscapeString(part))
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// word matches text with single blanks in it.
var word = regexp.MustCompile(`\S+( \S+)*`)
