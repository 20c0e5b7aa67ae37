// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// maxFile bounds a key file, in bytes: MaxKeys lines with room for comments.
const maxFile = 64 << 10

// LoadFile reads a key file. A file that others than its owner and group can
// read, or others than its owner can write, is refused: its secrets are no
// longer secret, or may not be the owner's.
func LoadFile(path string) ([]Key, error) {
	// Looked at before it is opened, since opening a pipe would wait.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, mq.Refuse(mq.BadRequest, "seal keys %s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("seal keys: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("seal keys: %w", err)
	}
	if open := info.Mode().Perm() & 0o027; open != 0 {
		return nil, mq.Refuse(mq.BadRequest, "seal keys %s: mode %04o lets others in; at most 0640 is allowed, try: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("seal keys: %w", err)
	}
	if len(data) > maxFile {
		return nil, mq.Refuse(mq.BadRequest, "seal keys %s: larger than the limit of %d bytes", path, maxFile)
	}
	keys, err := ParseKeys(string(data))
	if err != nil {
		return nil, fmt.Errorf("seal keys %s: %w", path, err)
	}
	return keys, nil
}

// LoadOrCreateFile reads a key file and makes it with one new key, mode 0600,
// if it does not exist. The file is on disk, whole, when it returns. Only one
// process may do so at a time; created is the new key's time.
func LoadOrCreateFile(path string, created time.Time) ([]Key, error) {
	keys, err := LoadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := install(path, FormatKeys(NewKey(created))); err != nil {
		return nil, fmt.Errorf("seal keys: %w", err)
	}
	return LoadFile(path)
}

// install writes beside the file, syncs, renames and syncs the directory, so
// that a crash leaves the whole file or none. A receipt sealed with a key that
// a crash then takes away could never be settled.
func install(path, text string) error {
	aside := path + ".tmp"
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(aside, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
