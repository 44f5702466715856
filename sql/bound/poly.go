package bound

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
)

// power is a product of powers of S and N.
type power struct{ s, n int }

// Poly is a polynomial in S, the bytes of the texts that an expression reads from a record, and N, the elements of the lists of JSON
// among them. No factor is negative, so a larger S or N never gives a smaller value.
type Poly map[power]float64

// maxPower is the highest power that is kept. What grows faster counts as without bound.
const maxPower = 8

func constant(v float64) Poly { return Poly{power{}: v} }

// bytesRead and elementsRead are S and N.
func bytesRead() Poly    { return Poly{power{s: 1}: 1} }
func elementsRead() Poly { return Poly{power{n: 1}: 1} }

func endless() Poly { return constant(math.Inf(1)) }

func (p Poly) plus(q Poly) Poly {
	out := make(Poly, max(len(p), len(q)))
	for at, v := range p {
		out[at] = v
	}
	for at, v := range q {
		out[at] += v
	}
	return out
}

func (p Poly) times(q Poly) Poly {
	out := make(Poly, len(p))
	for a, v := range p {
		for b, w := range q {
			at := power{a.s + b.s, a.n + b.n}
			switch {
			case v == 0 || w == 0:
			case at.s+at.n > maxPower:
				return endless()
			default:
				out[at] += v * w
			}
		}
	}
	return out
}

func (p Poly) scale(f float64) Poly { return p.times(constant(f)) }

// without gives the part of p that exceeds q.
func (p Poly) without(q Poly) Poly {
	out := make(Poly, len(p))
	for at, v := range p {
		if v = max(0, v-q[at]); v > 0 { // not a number: both are without bound
			out[at] = v
		}
	}
	return out
}

// largest bounds one of several values.
func (p Poly) largest(q Poly) Poly {
	out := p.plus(nil)
	for at, v := range q {
		out[at] = max(out[at], v)
	}
	return out
}

// At is the value for S and N.
func (p Poly) At(s, n float64) (v float64) {
	for at, c := range p {
		v += c * math.Pow(s, float64(at.s)) * math.Pow(n, float64(at.n))
	}
	return v
}

// Shares is a Poly that is prepared to be computed often: factors by the power of N, then by the power of S.
type Shares [][maxPower + 1]float64

// SharesOf gives what an expression takes as a part of allowances for memory and work: at least the larger one.
func SharesOf(memory, work Poly, allowedMemory, allowedWork float64) (f Shares) {
	for at, v := range memory.scale(1 / allowedMemory).largest(work.scale(1 / allowedWork)) {
		for len(f) <= at.n {
			f = append(f, [maxPower + 1]float64{})
		}
		f[at.n][at.s] = v
	}
	return f
}

// At is the value for S and N.
func (f Shares) At(s, n float64) (v float64) {
	for i := len(f) - 1; i >= 0; i-- {
		inner := 0.0
		for k := maxPower; k >= 0; k-- {
			inner = inner*s + f[i][k]
		}
		v = v*n + inner
	}
	return v
}

// MostElements bounds the elements of the lists in a text of JSON.
func MostElements(json []byte) float64 {
	n := 0
	for _, sign := range []string{",", "[", "{"} { // of k elements, all but one have a comma
		n += bytes.Count(json, []byte(sign))
	}
	return float64(n)
}

// sql is p over expressions for S and N.
func (p Poly) sql(s, n string) string {
	all := make([]power, 0, len(p))
	for at := range p {
		all = append(all, at)
	}
	slices.SortFunc(all, func(a, b power) int { return (a.s-b.s)*2*maxPower + a.n - b.n })
	var terms []string
	for _, at := range all {
		factors := []string{strconv.FormatFloat(p[at], 'e', 3, 64)}
		for range at.s {
			factors = append(factors, s)
		}
		for range at.n {
			factors = append(factors, n)
		}
		terms = append(terms, strings.Join(factors, " * "))
	}
	return strings.Join(terms, " + ")
}
