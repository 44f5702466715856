package shipped_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/engine"
	shipped "github.com/silt-etl/silt/sql"
)

// The functions in Go give what the macros of the library give, for addresses, names of zones, and texts that are almost such ones.
func TestFast(t *testing.T) {
	addresses := []string{"10.0.0.1", "10.1.2", "10.1", "127.0.0.1", "192.168.0.9", "192.169.0.9", "172.16.0.1", "172.31.255.255", "172.32.0.1", "172.16.12", "100.64.0.1", "100.127.0.1", "100.128.0.1", "169.254.1.1", "8.8.8.8",
		"223.255.255.255", "224.0.0.251", "239.255.255.250", "240.0.0.1", "255.255.255.255", "0.0.0.0", "01.2.3.4", "1.2.3.4.5.6.7.8", "::", "::1", "::2", "0:0:0:0:0:0:0:1", "fd00::1", "fc00:1::", "fe80::1%eth0", "feBf::1", "fec0::1",
		"ff02::1", "FF02::fb%en0", "ff2::1", "2001:db8::1", "2001:db8::1%1", "::ffff:10.0.0.1", "::FFFF:8.8.8.8", "::ffff:224.0.0.1", "::ffff:255.255.255.255", "::ffff:127.1", "fd:", "f:1", "fd00:", "server-a", "", "-", "1", ":", "a:b", "0:", "fe80::1%", "fe80::1%a b"}
	zones := []string{"us-east-1a", "us-west-2-lax-1a", "ap-southeast-2c", "us-gov-west-1b", "us-iso-b-east-1a", "us-east-1", "us-east-1ab", "eu-central-1-ham-1a", "me-south-1", "us-1a", "u-east-1a", "us-east-a", "US-EAST-1A", "us-east-1-lax-1", "us-east-10f", "", "a"}
	random := rand.New(rand.NewPCG(3, 5))
	mutated := func(all []string, inserted string, n int) []string {
		out := slices.Clone(all)
		for range n {
			text := []byte(all[random.IntN(len(all))])
			for range 1 + random.IntN(3) {
				at := random.IntN(len(text) + 1)
				switch c := inserted[random.IntN(len(inserted))]; {
				case random.IntN(3) == 0 && at < len(text):
					text = slices.Delete(text, at, at+1)
				case random.IntN(2) == 0 && at < len(text):
					text[at] = c
				default:
					text = slices.Insert(text, at, c)
				}
			}
			out = append(out, strings.ToValidUTF8(string(text), ""))
		}
		return out
	}
	hashes := []string{"MD5=AA,SHA256=BB,IMPHASH=CC", "SHA1=0123456789ABCDEF0123456789ABCDEF01234567,MD5=1", "sha-256=a=b, SHA_512 = cc ,ctph=3:x:y", "ssdeep=1,TLSH=T1A,quickXorHash=q,QUICKXORHASHES=q", "MD5", ",=,", "=", "md5=", "\u00a0MD5\u2003=\u3000AA\u00a0", "\tmd5=\n1",
		"quic\u212axorhash=1", "SHA\u00df=2", "sha1\u200b=3"}
	addresses, zones = mutated(addresses, ".:%0123459afFcdeE-_x", 8000), mutated(zones, "-abz019A", 4000)
	hashes = mutated(hashes, ",==-_ 15MDmdSHsh\t", 6000)
	tags := mutated([]string{"technique_id=T1059,technique_name=Command and Scripting Interpreter", "a=1, technique_id=T1,b", "technique_id = T1", ",technique_id=T2", "x,technique_id=", "technique_id=T1,technique_id=T2",
		"technique_id=a=b, c,\td=e", "technique_id=\x01technique_id\x02q", "\u00a0technique_id=1", "note, that technique_id=T5", "technique_id=,technique_id=T6", "-"}, ",,==_ tT1id\t\n\x01\x02", 8000)
	ids := mutated([]string{"TA0003 TA0004 TA0005", "TA0043", "ta0040 Ta0011", "TA0099", "", " ", "TA0001  TA0002"}, " TAta01234", 3000)
	db, err := engine.Open(engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	library, err := shipped.Library()
	if err != nil {
		t.Fatal(err)
	}
	replaced := 0
	for _, m := range library {
		if err := db.Exec(t.Context(), m.Text); err != nil {
			t.Fatal(err)
		}
		if quick := shipped.Fast(m.Text); quick != m.Text {
			replaced++
			if err := db.Exec(t.Context(), strings.Replace(quick, m.Name, "fast_"+m.Name, 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if replaced != 5 {
		t.Errorf("%d macros have a faster body, want 5", replaced)
	}
	quote := func(all []string) string {
		parts := []string{"NULL"}
		for _, s := range all {
			parts = append(parts, "'"+strings.ReplaceAll(s, "'", "''")+"'")
		}
		return "unnest([" + strings.Join(parts, ", ") + "])"
	}
	others := quote([]string{"10.9.8.7", "9.9.9.9", "224.0.0.1", "x"})
	counts := map[string]int{}
	for sql, args := range map[string]string{
		"direction_between(a, b)": "SELECT * FROM (SELECT " + quote(addresses) + " AS a), (SELECT " + others + " AS b)",
		"direction_between(b, a)": "SELECT * FROM (SELECT " + quote(addresses) + " AS a), (SELECT " + others + " AS b)",
		"zone_region(a)":          "SELECT " + quote(zones) + " AS a, NULL AS b",
		"fingerprints(a)":         "SELECT " + quote(hashes) + " AS a, NULL AS b",
		"tag_value(a, b)":         "SELECT * FROM (SELECT " + quote(tags) + " AS a), (SELECT " + quote([]string{"technique_id", "technique_name", "a", "t.*d", "", "(q|a)"}) + " AS b)",
		"tactics_of_ids(a)":       "SELECT " + quote(ids) + " AS a, NULL AS b",
	} {
		rows(t, db, fmt.Sprintf("SELECT a, b, CAST(%s AS VARCHAR), CAST(fast_%s AS VARCHAR) FROM (%s)", sql, sql, args), func(r []string) {
			counts[sql[:4]+r[2]]++
			if r[2] != r[3] {
				t.Errorf("%s of %q and %q: %s, in Go %s", sql, r[0], r[1], r[2], r[3])
			}
		})
	}
	for _, want := range []string{"dire0", "dire1", "dire2", "dire3", "zone(null)", "zoneus-east-1", "zoneus-west-2", "fing[]", "tag_(null)", "tag_T1"} {
		if counts[want] < 10 {
			t.Errorf("%s comes out %d times", want, counts[want])
		}
	}
	own := "CREATE MACRO zone_region(zone) AS 'here';"
	if got := shipped.Fast(own); got != own {
		t.Errorf("a macro of one's own becomes %s", got)
	}
}

// rows calls fn with each row of texts, "(null)" for NULL.
func rows(t *testing.T, db *engine.DB, sql string, fn func([]string)) {
	t.Helper()
	r, err := db.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			return
		}
		for i := range int(b.NumRows()) {
			var row []string
			for _, c := range b.Columns() {
				row = append(row, c.ValueStr(i))
			}
			fn(row)
		}
		b.Release()
	}
}
