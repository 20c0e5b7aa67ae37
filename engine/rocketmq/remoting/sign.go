// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the protocol's choice; brokers know no other
	"encoding/base64"
	"slices"
)

// Credentials are what a cluster with access control asks of every request. The zero value signs nothing.
type Credentials struct {
	AccessKey string
	Secret    string
	Token     string // of a temporary key, "" for none
}

const (
	fieldAccessKey = "AccessKey"
	fieldToken     = "SecurityToken"
	fieldSignature = "Signature"
)

// Sign adds the key's name and the signature to the frame. It comes last: every field but the signature is covered, in the
// order of the names, and so is the body.
func (c *Credentials) Sign(f *Frame) {
	if c.AccessKey == "" {
		return
	}
	f.Fields.Add(fieldAccessKey, c.AccessKey)
	if c.Token != "" {
		f.Fields.Add(fieldToken, c.Token)
	}
	f.Fields.Add(fieldSignature, c.signature(f))
}

// Verify tells whether the frame was signed with these credentials.
func (c *Credentials) Verify(f *Frame) bool {
	key, _ := f.Fields.Get(fieldAccessKey)
	given, ok := f.Fields.Get(fieldSignature)
	return ok && string(key) == c.AccessKey && hmac.Equal(given, []byte(c.signature(f)))
}

func (c *Credentials) signature(f *Frame) string {
	type field struct{ name, value []byte }
	var room [32]field
	sorted := room[:0]
	for n, v := range f.Fields.All() {
		if string(n) != fieldSignature {
			sorted = append(sorted, field{n, v})
		}
	}
	slices.SortFunc(sorted, func(a, b field) int { return bytes.Compare(a.name, b.name) })
	mac := hmac.New(sha1.New, []byte(c.Secret))
	for _, x := range sorted {
		mac.Write(x.value)
	}
	mac.Write(f.Body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
