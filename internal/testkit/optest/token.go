// SPDX-License-Identifier: Apache-2.0

package optest

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Token is an id token on its way, for a test to change.
type Token struct {
	Claims map[string]any
	Alg    jose.SignatureAlgorithm // "none" for one without a signature
	Key    any                     // that it is signed with
	KeyID  string
}

// changed is the answer of a token endpoint with another id token in it. An answer without one stays.
func changed(answer []byte, lie func(*Token), key signingKey) []byte {
	var body map[string]any
	if err := json.Unmarshal(answer, &body); err != nil {
		return answer
	}
	text, _ := body["id_token"].(string)
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return answer
	}
	t := &Token{Alg: jose.ES256, Key: key.key, KeyID: key.id}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(raw, &t.Claims)
	}
	if err != nil {
		return answer
	}
	lie(t)
	body["id_token"] = t.text()
	return marshaled(body)
}

// text is the token as it is sent.
func (t *Token) text() string {
	payload := marshaled(t.Claims)
	if t.Alg == "none" {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: t.Alg, Key: jose.JSONWebKey{Key: t.Key, KeyID: t.KeyID}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic(err) // the test gave a key that does not fit
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}

func marshaled(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // of plain values
	}
	return raw
}
