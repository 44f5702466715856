package texttype_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/ocsf/texttype"
)

func TestTexts(t *testing.T) {
	label := strings.Repeat("a", 63)
	long := strings.Repeat(label+".", 4) // 256 characters
	for typ, texts := range map[string]struct{ taken, refused []string }{
		"ip_t": {
			taken: []string{"192.0.2.7", "0.0.0.0", "255.255.255.255", "2001:db8::7", "2001:DB8:0:0:0:0:0:7", "::", "::1", "1::", "fe80::1%eth0",
				"fe80::1%12", "fe80::a%Ethernet 2", "::ffff:192.0.2.7", "64:ff9b::192.0.2.7", "1:2:3:4:5:6:192.0.2.7", "1:2:3:4:5:6:7::", " 192.0.2.7", "2001:db8::7 "},
			refused: []string{"", " ", "-", "N/A", "unknown", "server-b", "192.0.2.7,192.0.2.8", "192.0.2.7 192.0.2.8", "192.0.2.7:443", "[2001:db8::7]", "192.0.2.0/24",
				"192.0.2", "192.0.2.7.", "192.0.2.256", "192.0.02.7", "1.2.3.4.5", "1..2.3", ":", ":1", "1:", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
				"1:2:3:4:5:6:7:8::", "12345::", "g::", "2001:db8::192.0.2", "1:2:3:4:5:6:7:192.0.2.7", "fe80::1%", "%eth0", "fe80::1%e\x01z", "192.0.2.7%eth0", "::192.0.2.7.1", ".1.2.3", "::1\x00"},
		},
		"mac_t": {
			taken: []string{"02:00:5e:10:00:fF", "02-00-5E-10-00-01", "0200.5e10.0001", "0200-5e10-0001", "02005e-100001", "02005e100001", "2:0:5e:10:0:1", "02.00.5e.10.00.01",
				"02:00:5e:ff:fe:10:00:01", "02005efffe100001", "0200.5eff.fe10.0001", "00:00:00:00:00:00"},
			refused: []string{"", "-", "02:00:5e:10:00", "02:00:5e:10:00:0g", "02:00:5e-10-00-01", "02:00:5e:10:00:001", "02:00:5e:10:00:", ":02:00:5e:10:00", "02005e10000", "02 00 5e 10 00 01",
				"1.2.3.4.5.60", "1:2:3:4:5:6:7:8", "host-of-twelve", "02:00:5e:10:00:01,02:00:5e:10:00:02", "020.05e.100.001"},
		},
		"hostname_t": {
			taken: []string{"web-1.example.com", "WEB01", "web_1.example", "_ldap._tcp.dc._msdcs.example", "example.com.", ".", "bücher.example", "xn--bcher-kva.example", "例え.テスト", "DESKTOP-4$",
				"*.example.com", "a", "4", "192.0.2.7", "2001:db8::7", "[2001:db8::7]", `\052.example.com`, "7.2.0.192.in-addr.arpa.", "O'Brien(lab)", "-x-.example", label, label + ".example", long[:255],
				strings.Repeat("ü", 63) + ".example"},
			refused: []string{"", " ", "-", "_", "*", "a b", "a\tb", "a\x00", "a\x7f", "a/b", `a\b`, `EXAMPLE\web`, "N/A", "web:443", "https://web", "..localmachine", ".example", "a..b", "example..", "a,b", "a;b", "ada@example.com",
				label + "a", long[:254] + "ab", "<web>", `"web"`, "a|b", "a?b", "[web]", "[2001:db8::7", "2001:db8::7]:443"},
		},
		"email_t": {
			taken: []string{"ada@example.com", "ada+lists@mail.example.com", "root@localhost", "o'brien@example.com", `"ada l"@example.com`, "ada@[2001:db8::7]", "ada@192.0.2.7", "Ada Lovelace <ada@example.com>",
				"<ada@example.com>", "jörg@bücher.example", "a/b=c@example.com", "srs0=x=y=example.org=ada@example.com"},
			refused: []string{"", "-", "ada", "@", "@example.com", "ada@", "ada b@example.com", "ada@exa mple.com", "a@b,c@d", "a@example.com, b@example.com", "a@b@example.com", "<>", "Ada <ada>", "<a@b> <a@b>", "a@b>", "ada@example.com\n", `EXAMPLE\ada`,
				"ada@example..com", `""@example.com`, "x<a@b>y"},
		},
		"url_t": {
			taken: []string{"https://web.example/a?b=c#d", "http://web.example", "https://web.example:443/a b c", "HTTP://192.0.2.7:80/", "https://[2001:db8::7]:443/", "ftp://ada:pw@web.example/x", "/index.html", "/", "//web.example/x", "web.example/a",
				"web.example:443", "web.example", "file:///etc/passwd", `/a?q=<script>alert("x")</script>`, "urn:isbn:0451450523", "mailto:ada@example.com", "https://bücher.example/ü", "https://web.example/%00%zz", "C:/x"},
			refused: []string{"", " ", "-", "?", "?a=b", "#x", "https://", "a b", "a b/c", "not a url", "<b>", `"x"`, "/a\nb", "https://web.example/\x00", "https://web.example/\x7f", "https://we b.example/", "\thttps://web.example"},
		},
	} {
		check := texttype.Of(typ)
		for _, x := range texts.taken {
			if !check([]byte(x)) {
				t.Errorf("%s refuses %q", typ, x)
			}
		}
		for _, x := range texts.refused {
			if check([]byte(x)) {
				t.Errorf("%s takes %q", typ, x)
			}
		}
	}
	if texttype.Of("string_t") != nil {
		t.Error("string_t takes any text")
	}
	for _, typ := range texttype.Checked() {
		if texttype.Of(typ) == nil {
			t.Errorf("%s has no check", typ)
		}
	}
}

// FuzzIP compares with Go's parser, which takes no blanks, and any byte in a zone.
func FuzzIP(f *testing.F) {
	for _, s := range []string{"192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "1:2:3:4:5:6:7:8", "fe80::1%eth0", "1::", "::1.2.3.4", "1:2:3:4:5:6:7::", "01.2.3.4", "1::2::3", "0::0:1.2.3.4:5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return
		}
		a, err := netip.ParseAddr(s)
		want := err == nil && !(a.Is4In6() && a.Zone() != "")
		if got := texttype.IP([]byte(s)); got != want && !(err != nil && strings.Contains(s, "%") && strings.Contains(s, ".")) {
			t.Errorf("%q: %t, Go says %t (%v)", s, got, want, err)
		}
	})
}

func BenchmarkChecks(b *testing.B) {
	for typ, text := range map[string]string{"ip_t": "192.168.100.27", "hostname_t": "web-1.eu-west-1.example.com", "url_t": "https://web.example/index.html?a=b", "mac_t": "02:00:5e:10:00:01"} {
		check := texttype.Of(typ)
		b.Run(typ, func(b *testing.B) {
			for b.Loop() {
				if !check([]byte(text)) {
					b.Fatal(text)
				}
			}
		})
	}
}
