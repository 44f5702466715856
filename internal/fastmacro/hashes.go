package fastmacro

import (
	"bytes"
	"unicode"
)

// A Hash is one of a list in Sysmon's format, as the macro fingerprints reads it. The texts are parts of the list, or constants.
type Hash struct {
	AlgorithmID      int32 // OCSF's fingerprint.algorithm_id, 99 for an algorithm that OCSF does not have
	Algorithm, Value []byte
}

// algorithms are OCSF's names by algorithm_id.
var algorithms = [...][]byte{1: []byte("MD5"), []byte("SHA-1"), []byte("SHA-256"), []byte("SHA-512"), []byte("CTPH"), []byte("TLSH"), []byte("quickXorHash")}

const otherAlgorithm = 99

// Hashes appends the hashes of a text such as "MD5=AA,SHA256=BB" to hashes. A part without an equals sign is left out.
func Hashes(hashes []Hash, list []byte) []Hash {
	for more := true; more; {
		var part []byte
		part, list, more = bytes.Cut(list, []byte{','})
		name, value, ok := bytes.Cut(part, []byte{'='})
		if !ok {
			continue
		}
		value, _, _ = bytes.Cut(value, []byte{'='})
		h := Hash{Algorithm: trim(name), Value: trim(value)}
		h.AlgorithmID = algorithmID(h.Algorithm)
		if h.AlgorithmID != otherAlgorithm {
			h.Algorithm = algorithms[h.AlgorithmID]
		}
		hashes = append(hashes, h)
	}
	return hashes
}

// trim removes what trim of DuckDB removes: Unicode's space separators, and not tabs or line ends.
func trim(t []byte) []byte {
	if len(t) == 0 || t[0] > ' ' && t[0] < 0x80 && t[len(t)-1] > ' ' && t[len(t)-1] < 0x80 {
		return t
	}
	return bytes.TrimFunc(t, func(r rune) bool { return unicode.Is(unicode.Zs, r) })
}

// algorithmID is the macro hash_algorithm_id.
func algorithmID(name []byte) int32 {
	var buffer [16]byte
	short := buffer[:0]
	for _, c := range name {
		switch {
		case c == '-' || c == '_':
			continue
		case c >= 0x80:
			return slowAlgorithmID(name)
		case len(short) == len("quickxorhash"):
			return otherAlgorithm
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		short = append(short, c)
	}
	return shortAlgorithmID(short)
}

// slowAlgorithmID is for names that have letters outside of ASCII, of which some have a lower case letter in it.
func slowAlgorithmID(name []byte) int32 {
	name = bytes.ReplaceAll(bytes.ReplaceAll(name, []byte{'-'}, nil), []byte{'_'}, nil)
	return shortAlgorithmID(bytes.ToLower(name))
}

func shortAlgorithmID(name []byte) int32 {
	switch string(name) {
	case "md5":
		return 1
	case "sha1":
		return 2
	case "sha256":
		return 3
	case "sha512":
		return 4
	case "ctph", "ssdeep":
		return 5
	case "tlsh":
		return 6
	case "quickxorhash":
		return 7
	}
	return otherAlgorithm
}
