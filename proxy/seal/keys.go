// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// KeepKeys is how long a key must stay in every keyring after a newer one took
// over: a recall handle lives as long as the longest delay, and a day more
// covers clocks and slow changes.
const KeepKeys = mq.MaxDelay + 24*time.Hour

// MaxKeys is how many keys one keyring takes.
const MaxKeys = 256

// KeyID names a key. It stands readable in every sealed text.
type KeyID uint32

// String returns the id as in a key file: eight hexadecimal digits.
func (id KeyID) String() string { return fmt.Sprintf("%08x", uint32(id)) }

// Key is a secret that all proxies of an installation share. Its secret must
// be 32 random bytes; NewKey draws one.
type Key struct {
	ID      KeyID
	Created time.Time // by the clock of whoever made it; the newest key seals
	Secret  [32]byte
}

// NewKey draws a key.
func NewKey(created time.Time) Key {
	k := Key{Created: created.UTC().Truncate(time.Second)}
	var id [4]byte
	rand.Read(id[:]) // never fails: it ends the process instead
	rand.Read(k.Secret[:])
	k.ID = KeyID(binary.BigEndian.Uint32(id[:]))
	return k
}

// String keeps the secret out of logs.
func (k Key) String() string { return "seal key " + k.ID.String() }

// GoString keeps the secret out of logs.
func (k Key) GoString() string { return k.String() }

func (k Key) isZero() bool { return k.Secret == [32]byte{} }

// newer orders keys by creation, and by id where two were made at once, so
// that all proxies agree which one seals.
func (k Key) newer(than Key) bool {
	if !k.Created.Equal(than.Created) {
		return k.Created.After(than.Created)
	}
	return k.ID > than.ID
}

// checkKeys refuses a set that no keyring can work with.
func checkKeys(keys []Key) error {
	if len(keys) == 0 || len(keys) > MaxKeys {
		return mq.Refuse(mq.BadRequest, "seal keys: %d keys, from 1 to %d are possible", len(keys), MaxKeys)
	}
	seen := make(map[KeyID]bool, len(keys))
	for _, k := range keys {
		if seen[k.ID] {
			return mq.Refuse(mq.BadRequest, "seal keys: two keys have the id %s", k.ID)
		}
		if k.isZero() {
			return mq.Refuse(mq.BadRequest, "seal keys: key %s has no secret", k.ID)
		}
		seen[k.ID] = true
	}
	return nil
}

// FormatKeys writes keys in the form that ParseKeys reads: a line each with
// id, creation time (RFC 3339) and secret (base64), with comments after '#'.
func FormatKeys(keys ...Key) string {
	var b strings.Builder
	b.WriteString("# Seal keys of this installation. Whoever reads them can forge receipts. A key stays here\n")
	fmt.Fprintf(&b, "# for %d days after a newer one was added, on every proxy.\n", int(KeepKeys.Hours()/24))
	b.WriteString("# id created secret\n")
	for _, k := range keys {
		fmt.Fprintf(&b, "%s %s %s\n", k.ID, k.Created.UTC().Format(time.RFC3339), base64.StdEncoding.EncodeToString(k.Secret[:]))
	}
	return b.String()
}

// ParseKeys reads what FormatKeys writes. An error names the line and the
// rule, and never shows a secret.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		k, err := parseKey(fields)
		if err != nil {
			return nil, mq.Refuse(mq.BadRequest, "line %d: %v", i+1, err)
		}
		keys = append(keys, k)
	}
	return keys, checkKeys(keys)
}

// parseKey reads the fields of one line.
func parseKey(fields []string) (Key, error) {
	if len(fields) != 3 {
		return Key{}, fmt.Errorf("a key has 3 fields, id, created and secret; here are %d", len(fields))
	}
	id, err := strconv.ParseUint(fields[0], 16, 32)
	if err != nil || len(fields[0]) != 8 {
		return Key{}, fmt.Errorf("a key's id has eight hexadecimal digits")
	}
	created, err := time.Parse(time.RFC3339, fields[1])
	if err != nil {
		return Key{}, fmt.Errorf("a key's creation time is like 2006-01-02T15:04:05Z")
	}
	secret, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || len(secret) != len(Key{}.Secret) {
		return Key{}, fmt.Errorf("a key's secret is the base64 of %d bytes", len(Key{}.Secret))
	}
	return Key{ID: KeyID(id), Created: created, Secret: [32]byte(secret)}, nil
}
