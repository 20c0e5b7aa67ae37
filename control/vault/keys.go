// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/causeway-mq/causeway/mq"
)

// Key seals data keys. It is kept outside the database.
type Key struct{ secret [32]byte }

// NewKey draws a key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k.secret[:]) // never fails: the process ends first
	return k
}

// ID names the key and tells nothing of it; it stands readable in the database.
func (k Key) ID() string {
	sum := sha256.Sum256(append([]byte("causeway vault key id\x00"), k.secret[:]...))
	return hex.EncodeToString(sum[:4])
}

// String keeps the secret out of logs.
func (k Key) String() string { return "key " + k.ID() }

// GoString keeps the secret out of logs.
func (k Key) GoString() string { return k.String() }

// Format writes keys in the form that ParseKeys reads.
func Format(keys ...Key) string {
	var b strings.Builder
	b.WriteString("# Keys that seal the secrets in the control plane's database: 32 bytes in base64, a line each. The first one seals; the\n" +
		"# others are older ones, which can go after the next start. Without them the database opens to nobody: keep a copy elsewhere.\n")
	for _, k := range keys {
		b.WriteString(base64.StdEncoding.EncodeToString(k.secret[:]) + "\n")
	}
	return b.String()
}

// ParseKeys reads keys, separated by lines or commas, with comments after '#'. The first one seals, all of them open. The error shows no secret.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimSpace(one); one == "" {
				continue
			}
			raw, err := base64.StdEncoding.DecodeString(one)
			if err != nil || len(raw) != len(Key{}.secret) {
				return nil, mq.Refuse(mq.BadRequest, "line %d: a key is the base64 of %d bytes", i+1, len(Key{}.secret))
			}
			keys = append(keys, Key{[32]byte(raw)})
		}
	}
	if len(keys) == 0 {
		return nil, mq.Refuse(mq.BadRequest, "no key")
	}
	return keys, nil
}

// maxFile bounds a key file, in bytes.
const maxFile = 64 << 10

// LoadFile reads a key file, which nobody but its owner and group may read.
func LoadFile(path string) ([]Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("vault keys: %w", err)
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, mq.Refuse(mq.BadRequest, "vault keys %s: not a regular file", path)
	case info.Mode().Perm()&0o027 != 0:
		return nil, mq.Refuse(mq.BadRequest, "vault keys %s: mode %04o lets others in; at most 0640 is allowed, try: chmod 600 %s", path, info.Mode().Perm(), path)
	case info.Size() > maxFile:
		return nil, mq.Refuse(mq.BadRequest, "vault keys %s: larger than the limit of %d bytes", path, maxFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("vault keys: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("vault keys: %w", err)
	}
	keys, err := ParseKeys(string(text))
	if err != nil {
		return nil, mq.During("vault keys "+path, err)
	}
	return keys, nil
}

// CreateFile makes a key file with one new key, whole or not at all, and readable by its owner alone. One that is there already stays, and is read.
func CreateFile(path string) ([]Key, error) {
	aside, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("vault keys: %w", err)
	}
	defer os.Remove(aside.Name())
	_, err = aside.WriteString(Format(NewKey()))
	if err = errors.Join(err, aside.Sync(), aside.Close()); err != nil {
		return nil, fmt.Errorf("vault keys: %w", err)
	}
	if err := os.Link(aside.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("vault keys: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("vault keys: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil { // a secret sealed under a key that a crash takes away is lost
		return nil, fmt.Errorf("vault keys: %w", err)
	}
	return LoadFile(path)
}
