// Package ledger decides what is true of a job: which staging objects are taken, which files of the lake are live, and what is
// still to do. It also makes the lake agree with what it decided.
//
// Words. An entry is one create-only object `<job>/ledger/<seq>.json`; together they are the ledger, and the State is their
// fold. A batch is a group of staging objects that commit together; an attempt is one try at it, which holds its files until
// an entry names them. A file is live while some batch has it, dead once an entry named it and no batch has it any more. To
// roll an entry forward is to make the lake agree with it: publish what it adds, drop and delete what it removes.
//
// Invariants, each with a test that fails when it is broken:
//   - One entry decides. An entry is written create-only at the number after the fold it was decided from; of several
//     writers one wins, and the others find out before they do anything else.
//   - A lost answer says nothing: the same bytes are sent to the same number again, and if the number is taken, that entry is
//     read, and its nonce shows who wrote it. Only ErrVoid means that an attempt lost.
//   - Nothing is visible before its entry, and any run can finish it afterwards: an attempt's record has all that is needed to
//     publish and drop its files.
//   - A dead file never becomes live again: keys contain the attempt's ULID and are not reused.
//   - What this version does not understand stops it (ErrNewer), and so does an entry that does not fit (ErrCorrupt). An
//     entry that would not fit is refused before it is written.
//   - Leases save work. No decision depends on a lease or on a local clock.
//
// The package never reads staging objects, never creates files, and never calls a catalog: its caller passes the function that
// adds partitions. A catalog that publishes files itself would take the place of that function and of Publish.
// docs/protocol.md has the rules in prose.
package ledger
