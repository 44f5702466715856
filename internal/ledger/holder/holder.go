// Package holder names the process that holds a lease, and says whether that process has certainly ended, so that the next run
// does not have to wait until the lease expires.
//
// An answer of "ended" can be wrong only on clones of one running machine, which have the same boot ID. That costs processor time,
// and never rows: no decision of the ledger depends on a lease.
package holder

import (
	"os"
	"strconv"
	"strings"
)

// Holder is a process, and the AWS Batch job that it belongs to. Fields that the machine does not tell are empty.
type Holder struct {
	Boot         string `json:"boot,omitempty"`          // ID of this boot of the machine
	PIDNamespace string `json:"pid_namespace,omitempty"` // in which PID counts, as "pid:[4026531836]"
	PID          int    `json:"pid,omitempty"`
	Started      uint64 `json:"started,omitempty"` // when the process started, in clock ticks since the boot
	BatchJob     string `json:"batch_job,omitempty"`
	BatchAttempt int    `json:"batch_attempt,omitempty"`
}

// Self is the process that asks.
func Self() Holder {
	return self(machine{proc: "/proc", exists: exists}, os.LookupEnv)
}

func self(m machine, env func(string) (string, bool)) (h Holder) {
	boot, errBoot := os.ReadFile(m.proc + "/sys/kernel/random/boot_id")
	namespace, errNamespace := os.Readlink(m.proc + "/self/ns/pid")
	p, ok := m.process("self")
	// The PID is the one in /proc, which is another namespace's if /proc was mounted there.
	if errBoot == nil && errNamespace == nil && ok && p.pid == os.Getpid() {
		h = Holder{Boot: strings.TrimSpace(string(boot)), PIDNamespace: namespace, PID: p.pid, Started: p.started}
	}
	if job, ok := env("AWS_BATCH_JOB_ID"); ok && job != "" {
		attempt, _ := env("AWS_BATCH_JOB_ATTEMPT")
		if n, err := strconv.Atoi(attempt); err == nil && n > 0 {
			h.BatchJob, h.BatchAttempt = job, n
		}
	}
	return h
}

// Ended says whether h has certainly ended: it ran in this boot and PID namespace and its process is gone, or it was an earlier
// attempt of this AWS Batch job. by is the process that asks, from Self.
func (h Holder) Ended(by Holder) bool {
	return h.ended(by, machine{proc: "/proc", exists: exists})
}

func (h Holder) ended(by Holder, m machine) bool {
	if h.BatchJob != "" && h.BatchJob == by.BatchJob && h.BatchAttempt > 0 && h.BatchAttempt < by.BatchAttempt {
		return true
	}
	if h.PID <= 0 || h.Started == 0 || h.Boot == "" || h.Boot != by.Boot || h.PIDNamespace == "" || h.PIDNamespace != by.PIDNamespace {
		return false
	}
	if !m.exists(h.PID) {
		return true
	}
	p, ok := m.process(strconv.Itoa(h.PID))
	return ok && p.pid == h.PID && (p.started != h.Started || p.exiting)
}

// machine is what the operating system tells about processes.
type machine struct {
	proc   string             // where /proc is; it can be missing, or hide processes
	exists func(pid int) bool // false only if there is certainly no process with this ID
}

// process is a process as /proc shows it.
type process struct {
	pid     int
	started uint64
	exiting bool // it does not run any more, though its parent has not noticed yet
}

const exitingFlag = 0x4 // PF_EXITING of Linux

// process reads /proc/<name>/stat. ok is false if it cannot be read, which says nothing about the process.
func (m machine) process(name string) (p process, ok bool) {
	text, err := os.ReadFile(m.proc + "/" + name + "/stat")
	if err != nil {
		return p, false
	}
	// "7 (a name with ) and spaces) S ...": the state is field 3, the flags are field 9, and the start time is field 22.
	pid, _, found := strings.Cut(string(text), " (")
	end := strings.LastIndex(string(text), ") ")
	if !found || end < 0 {
		return p, false
	}
	fields := strings.Fields(string(text)[end+2:])
	if len(fields) < 20 {
		return p, false
	}
	var errPID, errFlags, errStarted error
	var flags uint64
	p.pid, errPID = strconv.Atoi(pid)
	flags, errFlags = strconv.ParseUint(fields[6], 10, 64)
	p.started, errStarted = strconv.ParseUint(fields[19], 10, 64)
	if errPID != nil || errFlags != nil || errStarted != nil || p.started == 0 {
		return p, false
	}
	p.exiting = fields[0] == "Z" || fields[0] == "X" || flags&exitingFlag != 0
	return p, true
}
