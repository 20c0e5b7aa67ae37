// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// The id token by which an identity provider vouched for a member is kept with the session, since a logout at the provider shows it: it says whose session ends, and saves him a
// question. It is sealed under the session's id, which the browser alone has: who reads the store, with its keys, has no token.

// MaxIDToken bounds an id token that is kept, in bytes: it goes into a URL, and lies in the memory of each plane. A larger one is not kept.
const MaxIDToken = 4 << 10

// hintBox seals what is kept for whoever shows the id of a session. One text is sealed under each id.
func hintBox(id string) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, []byte(id))
	mac.Write([]byte("id token"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealHint is an id token as it is kept; "" where there is none, or it is too large.
func sealHint(id, token string) (string, error) {
	if token == "" || len(token) > MaxIDToken {
		return "", nil
	}
	box, err := hintBox(id)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, box.NonceSize())
	_, _ = rand.Read(nonce) // never fails: the process ends first
	return base64.RawStdEncoding.EncodeToString(box.Seal(nonce, nonce, []byte(token), nil)), nil
}

// IDToken is the token by which the identity provider vouched for the member; "" where it did not, or where the token was too large to be kept.
func (s Session) IDToken() string {
	raw, err := base64.RawStdEncoding.DecodeString(s.hint)
	box, wrong := hintBox(s.ID)
	if err != nil || wrong != nil || len(raw) < box.NonceSize() {
		return ""
	}
	token, err := box.Open(nil, raw[:box.NonceSize()], raw[box.NonceSize():], nil)
	if err != nil {
		return ""
	}
	return string(token)
}
