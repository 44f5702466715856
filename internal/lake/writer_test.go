package lake

import (
	"fmt"
	"testing"
)

func TestWritersAgainstAssembled(t *testing.T) {
	for name, nw := range writers {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				s, b := firewall(0)
				bs := batches(b, seed, 1, 0, 63, 64, 65, 2048, 700)
				f, st := write(t, nw, s, WriterOptions{}, bs)
				if st.Rows != 2941 || st.MinTime != day0 || st.MaxTime != day0+2940/3 {
					t.Errorf("stats %+v", st)
				}
				same(t, s, f, bs)
				verify(t, f, expect(s, 2941))
			})
		}
	}
}

func TestGroupList(t *testing.T) {
	s, b := groupList()
	bs := batches(b, 1, 100, 3000)
	f, _ := write(t, writers["arrow"], s, WriterOptions{}, bs)
	same(t, s, f, bs)
	verify(t, f, expect(s, 3100))
}
