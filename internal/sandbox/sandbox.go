// Package sandbox takes from a process what it does not need: with Landlock, a run can read, write and connect to what its job
// names, and to nothing else. It never adds a right, and a process cannot leave the sandbox.
//
// For works out the rules of a job from the job and the environment, without changing anything. Enter applies them to the process
// until its end, with as much as the kernel knows.
package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Mode is the value of the job's key sandbox.
type Mode string

const (
	Auto     Mode = "auto"     // as much as the kernel knows; a run that needs other programs has no sandbox
	Required Mode = "required" // the run fails if the sandbox is not complete
	Off      Mode = "off"
)

// Rules are what a process is allowed to do. Paths cover what is inside of them. What does not exist is left out.
type Rules struct {
	Read    []string
	Write   []string // and read
	Connect []uint16 // TCP ports
	// Programs says why the process has to start other programs, which a sandbox forbids. "" if it does not have to.
	Programs string
}

// ErrIncomplete is a required sandbox that the kernel, or the job's environment, does not allow in full.
var ErrIncomplete = errors.New("the sandbox is not complete")

// The versions of Landlock's interface from which it restricts what the rules say.
const (
	abiFiles   = 2 // version 1 forbids to move a file to another folder, which publishing does
	abiConnect = 4
)

// State says what a sandbox restricts.
type State struct {
	Files, Connect bool
	Reason         string // why it is not complete, "" if it is
}

// String is a text for logs.
func (s State) String() string {
	switch {
	case s.Files && s.Connect:
		return "on"
	case s.Files:
		return "files only: " + s.Reason
	}
	return "off: " + s.Reason
}

// stateFor is what a sandbox with these rules restricts on a kernel with a version of Landlock, 0 for a kernel without it.
func stateFor(mode Mode, r Rules, abi int) State {
	switch {
	case mode == Off:
		return State{Reason: "the job has sandbox: off"}
	case r.Programs != "":
		return State{Reason: r.Programs}
	case abi < abiFiles:
		return State{Reason: fmt.Sprintf("this system has Landlock %d, and %d is needed (Linux 5.19)", abi, abiFiles)}
	case abi < abiConnect:
		return State{Files: true, Reason: fmt.Sprintf("this system has Landlock %d, and %d is needed for connections (Linux 6.7)", abi, abiConnect)}
	}
	return State{Files: true, Connect: true}
}

// Enter restricts the process to the rules. Its threads, and programs that they start, keep the restriction. In the mode Required an
// incomplete sandbox is an error around ErrIncomplete; in other modes State says what is missing.
func Enter(mode Mode, r Rules) (State, error) {
	s := stateFor(mode, r, Version())
	if mode == Required && !(s.Files && s.Connect) {
		return s, fmt.Errorf("%w: %s. Try: sandbox: auto", ErrIncomplete, s.Reason)
	}
	if !s.Files {
		return s, nil
	}
	r.Read, r.Write, r.Connect = sorted(r.Read), sorted(r.Write), sorted(r.Connect)
	if err := restrict(r); err != nil {
		if mode == Required {
			return State{Reason: err.Error()}, fmt.Errorf("%w: %w. Try: sandbox: auto", ErrIncomplete, err)
		}
		return State{Reason: err.Error()}, nil
	}
	return s, nil
}

// Existing returns rules for the time before folders to write exist: for a folder that does not exist, the nearest one around it. whole
// says that all exist, so that the rules are the same.
func (r Rules) Existing() (now Rules, whole bool) {
	now, whole = r, true
	now.Write = nil
	for _, p := range r.Write {
		abs, err := filepath.Abs(p)
		for err == nil && abs != filepath.Dir(abs) {
			if _, e := os.Stat(abs); !errors.Is(e, fs.ErrNotExist) {
				break
			}
			abs, whole = filepath.Dir(abs), false
		}
		now.Write = append(now.Write, abs)
	}
	return now, whole
}

func sorted[T string | uint16](all []T) []T {
	all = slices.Clone(all)
	slices.Sort(all)
	return slices.Compact(all)
}
