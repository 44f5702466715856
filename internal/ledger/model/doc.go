// Command model walks the commit protocol of package ledger as a state machine, for small cases: every interleaving of two
// processes (some of three), breadth first, so that a counter-example it prints is a shortest one.
//
//	go run ./internal/ledger/model                 the protocol: every pair of operations from every start
//	go run ./internal/ledger/model -only rules     each rule taken away, and the shortest counter-example
//	... -v (a line for each scenario)  -limit N (states before a scenario is given up and counted as capped)
//
// It ends with exit code 1 on a violation, or if a rule could be taken away unnoticed. The tests walk what is small within seconds.
//
// What a state is: the ledger, the attempts, held and visible files, quarantine files, the content of object 1, and for each
// process its place and how much of the ledger it has read (its memory, however old). A step is one request or one decision.
// Crash: a process that never moves again. Zombie: one that moves late. These are not transitions, because every reachable
// state is also checked with all processes stopped and one clean run started from it. Leases are left out: any runner may take any
// open batch at any time, so what holds here holds with whatever clocks do, and however early a lease is taken over.
//
// Invariants, in every state. I1: when the ledger says that all is done, and after a clean run from here, each record is once in the
// lake or once in quarantine, or was skipped. I2: every visible file belongs to a live batch and no record is visible twice, unless
// an entry that removes files is not done yet. I3: a file of a live batch is held or visible; a live quarantine file is
// there. I4: no cycle, no stuck process, a clean run ends. I5: a paused job has no new plan, and what was skipped is not read.
// I6: an object that no batch can commit does not keep others from being published, by the second clean run at the latest.
//
// Lost ledgers are worlds of their own (adopt.go): the ledger of a history is cut to each length that a copy can have, and adopt is walked
// next to each operation. There every reachable state is also checked with all processes stopped, then one adopt, then one run.
//
// A scenario that meets the limit is walked up to there and no further, without the search for cycles: it is not proved.
// The command imports nothing of this project. TestSameHistories runs random histories through the model and through package
// ledger, and compares what can be seen after each action, so that a change of only one of them fails.
package main
