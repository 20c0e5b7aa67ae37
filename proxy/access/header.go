// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/sha1" //nolint:gosec // the protocol's own choice; HMAC does not need collision resistance
	"encoding/hex"
	"strings"
)

const (
	scheme           = "MQv2-HMAC-SHA1"
	maxAuthorization = 1024 // bytes; real ones have about 150
)

// claim is what an authorization header claims.
type claim struct {
	key       string // the access key
	signature [sha1.Size]byte
}

// parseAuthorization reads
//
//	MQv2-HMAC-SHA1 Credential=<key>[/...], SignedHeaders=..., Signature=<hex>
//
// Clients differ in what follows the key (nothing, "//Rocketmq", or a region
// and a service) and in the case of the digits. A header without a key is no
// error but a claim of nothing, whatever its signature says.
func parseAuthorization(header string) (claim, error) {
	if len(header) > maxAuthorization {
		return claim{}, unauthorized("auth_malformed: the authorization header has %d bytes, the limit is %d", len(header), maxAuthorization)
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(word, scheme) {
		return claim{}, unauthorized("auth_malformed: the authorization header does not begin with %s", scheme)
	}
	var key, signature string
	var hasKey, hasSignature bool
	for more := true; more; {
		var part string
		part, rest, more = strings.Cut(rest, ",")
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		twice := false
		switch {
		case !ok:
			return claim{}, unauthorized("auth_malformed: a part of the authorization header is no name=value")
		case name == "Credential":
			key, hasKey, twice = value, true, hasKey
		case name == "Signature":
			signature, hasSignature, twice = value, true, hasSignature
		}
		if twice {
			return claim{}, unauthorized("auth_malformed: the authorization header has two parts %s", name)
		}
	}
	if !hasKey {
		return claim{}, unauthorized("auth_malformed: the authorization header has no credential")
	}
	c := claim{}
	c.key, _, _ = strings.Cut(key, "/")
	if c.key == "" {
		return c, nil
	}
	return c, c.sign(signature)
}

// sign reads the signature in hexadecimal digits of either case.
func (c *claim) sign(signature string) error {
	var digits [2 * sha1.Size]byte
	if len(signature) != len(digits) {
		return unauthorized("auth_malformed: the signature has %d characters, not %d hexadecimal digits", len(signature), len(digits))
	}
	copy(digits[:], signature)
	if _, err := hex.Decode(c.signature[:], digits[:]); err != nil {
		return unauthorized("auth_malformed: the signature has other characters than hexadecimal digits")
	}
	return nil
}
