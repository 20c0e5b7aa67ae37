// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// DeriveKey makes a key out of what all proxies of an installation know anyway, for one that has no key file: all of them get the same. The
// key is as secret as the words are; scope separates installations that share them.
func DeriveKey(words, scope string) (Key, error) {
	raw, err := hkdf.Key(sha256.New, []byte(words), []byte(scope), "causeway seal key 1", 4+len(Key{}.Secret))
	if err != nil {
		return Key{}, mq.Refuse(mq.Internal, "seal keys: %v", err)
	}
	return Key{ID: KeyID(binary.BigEndian.Uint32(raw)), Created: time.Unix(0, 0).UTC(), Secret: [32]byte(raw[4:])}, nil
}
