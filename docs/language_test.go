package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// clipped are the patterns that the project's English avoids, each with what to write in its place. They were collected from
// sentences that a reader had to read twice; a pattern is here only if it is almost never right.
var clipped = []struct{ pattern, instead string }{
	{`told|untold`, "reported, shown, recognised"},
	{`lie|lies|lying`, "is, are, stands for what is stored somewhere"},
	{`beside|besides`, "next to, outside, in addition to"},
	{`anew`, "again"},
	{`(?:is|are|was|were|be) no`, `"is not a" (an exception: "is no longer")`},
	{`may not`, "must not, cannot"},
	{`none of`, `"not one of", or name what is not the case`},
	{`mend|mends|mended|mending`, "fix, repair"},
	{`(?:the|this|that) very`, "the same, exactly this"},
	{`(?:go|goes|going|went) on`, "continue, resume"},
	{`come to be|came to be`, "exist, is created"},
	{`once again|ever again|for ever`, "again, forever"},
	{`one's own`, "your own, its own"},
	{`bec[ao]mes? of`, "happens to"},
	{`speaks? (?:for|against)`, "supports, is evidence for"},
	{`(?:give|gives|given|gave) back`, "restored, returned"},
	{`of before`, "earlier, older"},
	{`reckon|reckons|reckoned`, "computed, estimated"},
	{`some \d[\d.,]*`, "about 30"},
	{`(?:list|lists|listed) (?:it |them )?whole`, "listed in full"},
	{`held down|holds? down`, "covered by, asserted by"},
	{`thereof|therein|thereby|whence|hence|lest|upon`, "a plain word"},
	{`need not|needs not|know not|knows not|(?:has|have) not (?:a|an|the|any)`, "does not need to, does not have"},
	{`(?-i:So|Nor|Neither) (?:is|are|was|were|do|does|did|has|have|can|may)`, "subject first"},
}

var clippedWords = func() (all []*regexp.Regexp) {
	for _, c := range clipped {
		all = append(all, regexp.MustCompile(`(?i)(?:^|[^\w'-])(`+c.pattern+`)(?:$|[^\w'-])`))
	}
	return all
}()

// plain lists what a text has of the patterns, each with its line. In a comment, "there is no" is fine; a reader of a page or a
// message asks what was not found.
func plain(text string, comment bool) (found []string) {
	for n, line := range strings.Split(text, "\n") {
		for i, re := range clippedWords {
			for _, at := range re.FindAllStringSubmatchIndex(line, -1) {
				word, before, after := line[at[2]:at[3]], line[:at[2]], line[at[3]:]
				if strings.HasSuffix(word, " no") && (strings.HasPrefix(after, " longer") || comment && strings.HasSuffix(strings.ToLower(before), "there ")) ||
					strings.EqualFold(word, "may not") && strings.HasSuffix(before, "or ") {
					continue
				}
				found = append(found, fmt.Sprintf("%d: %q: write %s", n+1, line[at[2]:at[3]], clipped[i].instead))
			}
		}
	}
	return found
}

// blank replaces what a pattern matches by blanks, so that lines keep their numbers.
func blank(re *regexp.Regexp, text string) string {
	return re.ReplaceAllStringFunc(text, func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == '\n' {
				return r
			}
			return ' '
		}, s)
	})
}

// pages are all pages of the project that people read.
func pages(t *testing.T) []string {
	return slices.DeleteFunc(files(t, ".md"), func(f string) bool {
		return strings.HasPrefix(f, "testdata/") || strings.Contains(f, "/testdata/")
	})
}

// TestPlainEnglish: the prose of no page uses a pattern of clipped. Blocks and spans of code are not prose.
func TestPlainEnglish(t *testing.T) {
	for _, page := range pages(t) {
		for _, f := range plain(blank(codeBlock, read(t, page)), false) {
			t.Errorf("%s:%s", page, f)
		}
	}
}

// TestLineLength: no line of a page is longer than 120 characters, so that pages can be read in a terminal and in a diff.
func TestLineLength(t *testing.T) {
	for _, page := range pages(t) {
		for n, line := range strings.Split(read(t, page), "\n") {
			if c := utf8.RuneCountInString(line); c > 120 {
				t.Errorf("%s:%d has %d characters", page, n+1, c)
			}
		}
	}
}
