package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrNoKey says that the environment does not have the key that hashes need.
var ErrNoKey = errors.New("the key for hashes is missing")

// shortestKey is how many bytes a key must have.
const shortestKey = 16

// Key is a secret that hashes are made with. It prints as the name of its variable.
type Key struct {
	variable string
	secret   []byte
}

// Keys are those of the environment, the newest first. A variable that is not set has a Key without a secret.
type Keys []Key

// ReadKeys reads keys from variables. An error never has the text of one.
func ReadKeys(variables []string, lookup func(string) (string, bool)) (Keys, error) {
	var all Keys
	for _, name := range variables {
		text, _ := lookup(name)
		k := Key{variable: name, secret: []byte(strings.TrimSpace(text))}
		if n := len(k.secret); n > 0 && n < shortestKey {
			return nil, fmt.Errorf("the key in the variable %s has %d bytes; it must have at least %d. Try: %s=$(openssl rand -hex 32)", name, n, shortestKey, name)
		}
		all = append(all, k)
	}
	return all, nil
}

// SampleKey is for samples and tests of mappings, whose results must not depend on a secret. It is not one.
func SampleKey() []byte { return []byte("silt: key for samples and tests") }

// Newest is the key for new plans: the first one.
func (all Keys) Newest() (Key, error) {
	if len(all) == 0 {
		return Key{}, fmt.Errorf("%w: redact.keys_env names no variable", ErrNoKey)
	}
	if len(all[0].secret) == 0 {
		return Key{}, fmt.Errorf("%w: the mapping hashes fields, and the variable %s (redact.keys_env) is not set. Try: %s=$(openssl rand -hex 32), kept as a secret", ErrNoKey, all[0].variable, all[0].variable)
	}
	return all[0], nil
}

// Find is the key that has a fingerprint.
func (all Keys) Find(fingerprint string) (Key, error) {
	var names []string
	for _, k := range all {
		if len(k.secret) > 0 && k.Fingerprint() == fingerprint {
			return k, nil
		}
		names = append(names, k.variable)
	}
	return Key{}, fmt.Errorf("%w: no variable of redact.keys_env (%s) has the key with the fingerprint %s, with which this was planned. Try: set a variable to that key, or plan the work again with the newest key: etl run --replan",
		ErrNoKey, strings.Join(names, ", "), fingerprint)
}

// Secret is what hashes are made with. Do not print it.
func (k Key) Secret() []byte { return k.secret }

// Fingerprint names the key without telling it: the first 16 hexadecimal digits of the HMAC-SHA-256 of a fixed text.
func (k Key) Fingerprint() string {
	m := hmac.New(sha256.New, k.secret)
	m.Write([]byte("silt: fingerprint of a key for hashes"))
	return hex.EncodeToString(m.Sum(nil))[:16]
}

// String is the name of the variable.
func (k Key) String() string { return k.variable }

// GoString is the name of the variable.
func (k Key) GoString() string { return k.variable }
