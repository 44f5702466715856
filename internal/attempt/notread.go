package attempt

import (
	"context"
	"errors"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/objstore"
)

// maxOutage is how many objects in a row can fail for a temporary reason before the store counts as unreachable, and the attempt fails.
const maxOutage = 20

// answered notes that the store answers.
func (s *scan) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = 0
}

// notRead notes an object that the store does not give, and says whether err is of that kind: the object was deleted or overwritten, is
// archived, or was refused (to the end, if the reason is temporary). Other errors end the attempt.
func (s *scan) notRead(ctx context.Context, i int, err error) bool {
	temporary := diag.Temporary(err) && ctx.Err() == nil
	switch {
	case errors.Is(err, objstore.ErrNotExist):
		s.gone(i, ObjectGone)
	case errors.Is(err, objstore.ErrChanged):
		s.gone(i, ObjectChanged)
	case errors.Is(err, objstore.ErrArchived) && s.o.Replay == nil:
		s.left(i, ObjectArchived, err, false)
	case temporary && s.unreachable():
		return false
	case s.o.Replay == nil && !s.objects[i].GiveUp && (temporary || errors.Is(err, objstore.ErrDenied)):
		s.left(i, ObjectDenied, err, temporary)
	case errors.Is(err, objstore.ErrDenied), errors.Is(err, objstore.ErrArchived), temporary && s.objects[i].GiveUp:
		s.objectFailed(i, decode.ReasonDenied, err.Error())
	default:
		return false
	}
	if !temporary {
		s.answered()
	}
	return true
}

// unreachable counts an object that failed for a temporary reason, and says whether there are too many in a row.
func (s *scan) unreachable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage++
	return s.outage >= maxOutage
}

// left notes an object for a later run.
func (s *scan) left(i int, state ObjectState, err error, temporary bool) {
	st := &s.states[i]
	st.state, st.message, st.temporary = state, err.Error(), temporary
	st.bad.Store(true)
}
