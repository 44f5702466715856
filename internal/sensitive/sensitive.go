// Package sensitive tells from the name and the value of a field whether it looks like a secret or like personal data, so that a person
// can decide to discard or redact it. It is for messages only: it decides nothing, and it never gives a value back.
package sensitive

import (
	"regexp"
	"strings"
)

// suffixes of names, without case and separators, and what such a field holds.
var suffixes = []struct{ suffix, kind string }{
	{"password", "a password"}, {"passwd", "a password"}, {"passphrase", "a password"},
	{"secret", "a secret"}, {"secretkey", "a secret"}, {"privatekey", "a private key"}, {"apikey", "an API key"},
	{"token", "a token"}, {"authorization", "a credential"}, {"cookie", "a cookie"}, {"cookies", "a cookie"},
	{"creditcard", "a card number"}, {"cardnumber", "a card number"}, {"iban", "a bank account"},
	{"phonenumber", "a phone number"}, {"birthdate", "a date of birth"}, {"dateofbirth", "a date of birth"},
}

// names are the same for whole names that are too short for a suffix.
var names = map[string]string{"pwd": "a password", "pin": "a password", "jwt": "a token", "ssn": "a social security number", "cvv": "a card's code", "phone": "a phone number", "dob": "a date of birth"}

var values = []struct {
	pattern *regexp.Regexp
	kind    string
}{
	{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`), "a private key"},
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.`), "a token"},
	{regexp.MustCompile(`(?i)\b(?:bearer|basic) [A-Za-z0-9._~+/=-]{16,}`), "a credential"},
	{regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,})`), "a token"},
	{regexp.MustCompile(`(?i)[?&](?:access_token|token|api_?key|password|passwd|secret|sig|signature|x-amz-signature|x-amz-security-token)=[^&\s]{6,}`), "a URL with a secret"},
	{regexp.MustCompile(`^[^@\s:/]+@[^@\s:/]+\.[A-Za-z]{2,}$`), "a mail address"},
}

// card is a number that the large issuers give.
var card = regexp.MustCompile(`^(?:4\d{15}|5[1-5]\d{14}|3[47]\d{13}|6011\d{12})$`)

// shortest is how many bytes a value must have: shorter ones are flags, counts and placeholders.
const shortest = 4

// Kind is what a field looks like, such as "a token"; "": nothing that a person would hide. name is the last part of its path.
func Kind(name, value string) string {
	if len(value) < shortest {
		return ""
	}
	for _, v := range values {
		if v.pattern.MatchString(value) {
			return v.kind
		}
	}
	if digits := strings.NewReplacer(" ", "", "-", "").Replace(value); card.MatchString(digits) && luhn(digits) {
		return "a card number"
	}
	if strings.EqualFold(value, "true") || strings.EqualFold(value, "false") || strings.EqualFold(value, "null") || strings.Trim(value, "*") == "" {
		return ""
	}
	low := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
	if kind := names[low]; kind != "" {
		return kind
	}
	for _, s := range suffixes {
		if strings.HasSuffix(low, s.suffix) {
			return s.kind
		}
	}
	return ""
}

// luhn checks the last digit of a card number.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
