package sensitive_test

import (
	"testing"

	"github.com/silt-etl/silt/internal/sensitive"
)

func TestKind(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"sessionToken", "Abcd1234", "a token"},
		{"Set-Cookie", "sid=1234", "a cookie"},
		{"client_secret", "xyz99", "a secret"},
		{"pwd", "hunter22", "a password"},
		{"message", "Authorization: Bearer abcdefghijklmnopqrst", "a credential"},
		{"x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "a token"},
		{"url", "https://h/x?a=1&access_token=abcdef123", "a URL with a secret"},
		{"user", "ada@example.com", "a mail address"},
		{"n", "4111 1111 1111 1111", "a card number"},
		{"n", "4111111111111112", ""},
		{"flow_id", "1770453319291727", ""},
		{"token_type", "access", ""},
		{"password", "true", ""},
		{"password", "***", ""},
		{"password", "****", ""},
		{"has_token", "no", ""},
		{"action", "allow", ""},
		{"url", "https://h/x?page=2", ""},
		{"arn", "arn:aws:iam::111122223333:role/x", ""},
	} {
		if got := sensitive.Kind(c.name, c.value); got != c.want {
			t.Errorf("%s = %q: %q, want %q", c.name, c.value, got, c.want)
		}
	}
}
