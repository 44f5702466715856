package attempt

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// members are those of an archive, as one cursor scans them. The zero members are of an object that is not an archive.
type members struct {
	counts []memberCount // ascending numbers; of members with records
	broken []string      // messages of the first ones that were refused

	refused atomic.Int64 // how many were refused as a whole
	mu      sync.Mutex
	bad     map[int64]bool // their numbers
}

// memberCount is what the scanner found in a member.
type memberCount struct{ number, records, rejected int64 }

// memberMark is what a cursor had of an object before a member, to which it goes back if the member is refused.
type memberMark struct {
	rejects           int64 // bytes of the spool
	documents         int64
	misfits, redacted []int64
}

// shownMembers is how many refused members a message names.
const shownMembers = 3

func (m *members) count(member int64, rej *decode.Reject) {
	if member == 0 {
		return
	}
	if n := len(m.counts); n == 0 || m.counts[n-1].number != member {
		m.counts = append(m.counts, memberCount{number: member})
	}
	c := &m.counts[len(m.counts)-1]
	if c.records++; rej != nil {
		c.rejected++
	}
}

// isBad says whether a record is of a member that was refused.
func (m *members) isBad(number int64) bool {
	if m.refused.Load() == 0 {
		return false
	}
	member, _ := decode.Place(number)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bad[member]
}

// refuse forgets the records of a member, and returns what they were.
func (m *members) refuse(member int64, why string) (was memberCount) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bad == nil {
		m.bad = map[int64]bool{}
	}
	m.bad[member] = true
	m.refused.Add(1)
	if n := len(m.counts); n > 0 && m.counts[n-1].number == member {
		was = m.counts[n-1]
		m.counts = m.counts[:n-1]
	}
	if len(m.broken) < shownMembers {
		m.broken = append(m.broken, why)
	}
	return was
}

// beginMember notes what the object had before a member.
func (c *cursor) beginMember(st *objectState, member int64) {
	c.member = member
	c.before = memberMark{rejects: c.rejects.at, documents: st.documents, misfits: append(c.before.misfits[:0], c.misfits...), redacted: append(c.before.redacted[:0], c.redacted...)}
}

// memberFailed refuses a member as a whole. Nothing of it is published, and quarantine has one row for it.
func (c *cursor) memberFailed(st *objectState, number int64, rej *decode.Reject) error {
	member, _ := decode.Place(number)
	message := rej.Message
	if c.s.o.HideRecords && rej.Code == decode.ReasonHeader {
		message = decode.HiddenMessage(rej.Code)
	}
	was := st.members.refuse(member, decode.PlaceText(number, c.records.Member())+": "+message)
	st.records -= was.records
	st.rejected -= was.rejected
	st.documents = c.before.documents
	copy(c.misfits, c.before.misfits)
	copy(c.redacted, c.before.redacted)
	err := c.rejects.rewind(c.before.rejects)
	if err == nil {
		err = c.rejects.add(rejectedRecord{object: c.cur.index, number: number, member: c.records.Member(), reject: &decode.Reject{Code: rej.Code, Message: message}})
	}
	if err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	return nil
}

// add adds up the counts of an object.
func (c *objectCounts) add(d *objectCounts) {
	c.published += d.published
	c.filtered += d.filtered
	c.rejected += d.rejected
}

// countsOf gives the counts of a record's object, or of its member.
func (w *output) countsOf(object int32, number int64) *objectCounts {
	member, _ := decode.Place(number)
	if member == 0 {
		return &w.counts[object]
	}
	id := recordID{int(object), decode.NumberOf(member, 0)}
	c := w.members[id]
	if c == nil {
		c = &objectCounts{}
		w.members[id] = c
	}
	return c
}

// addMembers adds the members of archives to the counts of their objects, without those that were refused. Each must reconcile by itself.
func (w *output) addMembers() error {
	seen := 0
	for i := range w.scan.states {
		st := &w.scan.states[i]
		if st.state != ObjectRead {
			continue
		}
		for _, m := range st.members.counts {
			c := w.members[recordID{i, decode.NumberOf(m.number, 0)}]
			if c == nil {
				c = &objectCounts{}
			} else {
				seen++
			}
			if m.records != c.published+c.filtered+c.rejected+m.rejected {
				return fmt.Errorf("counts do not reconcile for member %d of %s: %d records framed, but %d published + %d filtered + %d quarantined. Nothing was committed. Please report this",
					m.number, w.scan.objects[i].Key, m.records, c.published, c.filtered, c.rejected+m.rejected)
			}
			w.counts[i].add(c)
		}
	}
	for id := range w.members {
		if st := &w.scan.states[id.object]; st.state != ObjectRead || st.members.isBad(id.number) {
			seen++
		}
	}
	if seen != len(w.members) {
		return fmt.Errorf("counts do not reconcile: rows of %d members that were not read. Nothing was committed. Please report this", len(w.members)-seen)
	}
	return nil
}

// memberCaptures are the values of `key` for a member.
type memberCaptures struct {
	member int64
	values []*string
}

// of gives the values for the record that was read last.
// captures are those of its object.
func (m *memberCaptures) of(compiled *sqlgen.Compiled, captures []*string, number int64, records *decode.Records) []*string {
	member, _ := decode.Place(number)
	if member == 0 {
		return captures
	}
	if member != m.member {
		m.member = member
		m.values = compiled.Scan.Format.Captures(records.Member(), compiled.KeyColumns, captures)
	}
	return m.values
}
