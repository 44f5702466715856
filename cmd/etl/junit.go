package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
)

// The elements of JUnit XML that CI systems read.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Failure *junitFailure `xml:"failure"`
	Error   *junitFailure `xml:"error"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes the results as JUnit XML: a testsuite for each mapping. A mapping or test file that cannot be used is an error.
func writeJUnit(path string, all []mappingTests) error {
	var s junitSuites
	seconds := 0.0
	for _, m := range all {
		suite := junitSuite{Name: m.Mapping, Time: fmt.Sprintf("%.3f", m.Seconds)}
		seconds += m.Seconds
		if m.Error != "" {
			first, _, _ := strings.Cut(m.Error, "\n")
			suite.Cases = append(suite.Cases, junitCase{Class: m.Mapping, Name: "load", Error: &junitFailure{Message: first, Text: m.Error}})
			suite.Errors++
		}
		for _, t := range m.Tests {
			c := junitCase{Class: m.Mapping, Name: t.Name, File: t.File, Line: t.Line}
			if !t.OK {
				var lines []string
				for _, d := range t.Diffs {
					lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", t.File, d.Line, d.Column, d))
				}
				c.Failure = &junitFailure{Message: t.Diffs[0].String(), Text: strings.Join(lines, "\n")}
				suite.Failures++
			}
			suite.Cases = append(suite.Cases, c)
		}
		suite.Tests = len(suite.Cases)
		s.Tests += suite.Tests
		s.Failures += suite.Failures
		s.Errors += suite.Errors
		s.Suites = append(s.Suites, suite)
	}
	s.Time = fmt.Sprintf("%.3f", seconds)
	b, err := xml.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte(xml.Header), append(b, '\n')...), 0o644)
}
