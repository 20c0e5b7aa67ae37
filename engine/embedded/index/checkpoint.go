// SPDX-License-Identifier: Apache-2.0

package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys"
)

// A checkpoint is a saved state of the engine at a position of the log: a file of pages (pages.go) with the state's
// bytes, and one page more at the end that says where they end. It is bound to its position and to the log, so
// neither a renamed file nor one of another log is taken. It saves time only: without any, the log is replayed.
const (
	checkpointMagic   = "CWSTATE\n"
	checkpointVersion = 1
	checkpointSuffix  = ".state"
	checkpointsKept   = 2
	trailerLen        = 40 // magic, version uint32, crc of the state uint32, log, position, length uint64
)

// Checkpoint names a saved state.
type Checkpoint struct {
	At  log.Position // all records below are in it; must be durable in the log
	Log uint64       // which log; any number that another log will not have
}

func (c Checkpoint) name() string { return fmt.Sprintf("%016x%s", uint64(c.At), checkpointSuffix) }

func parseCheckpointName(name string) (log.Position, bool) {
	hex, ok := strings.CutSuffix(name, checkpointSuffix)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 63)
	at := log.Position(n)
	return at, err == nil && Checkpoint{At: at}.name() == name
}

func (c Checkpoint) seed() uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(c.At))
	binary.LittleEndian.PutUint64(b[8:], c.Log)
	return crc32.Checksum(b[:], castagnoli)
}

// Save writes a checkpoint, durably and whole or not at all, and then removes all but the two newest. files is the
// index's directory. It blocks for as long as the disk takes; one Save at a time.
func (c Checkpoint) Save(files fsys.FS, state func(io.Writer) error) error {
	name := c.name()
	f, err := files.Create(name + tempSuffix)
	if err != nil {
		return fmt.Errorf("checkpoint: create %s: %w", name, err)
	}
	if err = errors.Join(c.write(f, state), f.Close()); err == nil {
		err = files.Rename(name+tempSuffix, name)
	}
	if err == nil {
		err = files.SyncDir(".")
	}
	if err != nil {
		// Gives the blocks back on a full disk; what stays is removed by Open.
		return errors.Join(fmt.Errorf("checkpoint: install %s: %w", name, err), ignoreMissing(files.Remove(name+tempSuffix)))
	}
	return removeOld(files)
}

func (c Checkpoint) write(f fsys.File, state func(io.Writer) error) error {
	w := newPageWriter(f, c.seed())
	sum := &summer{w: w}
	if err := state(sum); err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	b := make([]byte, 0, pageRoom)
	b = append(b, checkpointMagic...)
	b = binary.LittleEndian.AppendUint32(b, checkpointVersion)
	b = binary.LittleEndian.AppendUint32(b, sum.crc)
	b = binary.LittleEndian.AppendUint64(b, c.Log)
	b = binary.LittleEndian.AppendUint64(b, uint64(c.At))
	b = binary.LittleEndian.AppendUint64(b, uint64(sum.n))
	if _, err := w.Write(b); err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	return f.Sync()
}

// summer counts and sums what goes through.
type summer struct {
	w   io.Writer
	crc uint32
	n   int64
}

func (s *summer) Write(p []byte) (int, error) {
	s.crc = crc32.Update(s.crc, castagnoli, p)
	s.n += int64(len(p))
	return s.w.Write(p)
}

// LoadCheckpoint gives the newest checkpoint of a log that is whole and that restore accepts. restore gets only
// states that were read through and verified, newest first, until it returns nil; it must begin with an empty state
// each time, and refuse a position that the log does not have. at is 0 when there is none. refused says why newer
// ones were passed over: worth a line in the journal, never a reason to stop.
func LoadCheckpoint(files fsys.FS, logID uint64, restore func(at log.Position, state io.Reader) error) (at log.Position, refused []error) {
	list, err := listCheckpoints(files)
	if err != nil {
		return 0, []error{err}
	}
	for _, at := range list {
		err := Checkpoint{at, logID}.load(files, restore)
		if err == nil {
			return at, refused
		}
		refused = append(refused, fmt.Errorf("checkpoint at %d: %w", at, err))
	}
	return 0, refused
}

func (c Checkpoint) load(files fsys.FS, restore func(log.Position, io.Reader) error) (err error) {
	f, err := files.Open(c.name())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	length, crc, err := c.trailer(f)
	if err != nil {
		return err
	}
	sum := &summer{w: io.Discard}
	if _, err := io.Copy(sum, c.stream(f, length)); err != nil {
		return err
	}
	if sum.n != length || sum.crc != crc {
		return errPage
	}
	return restore(c.At, c.stream(f, length))
}

func (c Checkpoint) stream(f fsys.File, length int64) *pageStream {
	return &pageStream{pages: pages{f, c.seed()}, end: length}
}

// trailer reads the last page, which must agree with the size of the file.
func (c Checkpoint) trailer(f fsys.File) (length int64, crc uint32, err error) {
	size, err := f.Size()
	if err != nil {
		return 0, 0, err
	}
	if size < pageSize || size%pageSize != 0 {
		return 0, 0, fmt.Errorf("%d bytes are no whole pages", size)
	}
	var b [trailerLen]byte
	if err := (pages{f, c.seed()}).read(b[:], (size/pageSize-1)*pageRoom, new([]byte)); err != nil {
		return 0, 0, err
	}
	if string(b[:8]) != checkpointMagic || binary.LittleEndian.Uint32(b[8:]) != checkpointVersion ||
		binary.LittleEndian.Uint64(b[16:]) != c.Log || binary.LittleEndian.Uint64(b[24:]) != uint64(c.At) {
		return 0, 0, errForeign
	}
	length = int64(binary.LittleEndian.Uint64(b[32:]))
	if length < 0 || length > size || pagesFor(length) != size-pageSize {
		return 0, 0, fmt.Errorf("%d bytes in a file of %d", length, size)
	}
	return length, binary.LittleEndian.Uint32(b[12:]), nil
}

// listCheckpoints lists the positions, newest first.
func listCheckpoints(files fsys.FS) ([]log.Position, error) {
	entries, err := files.List(".")
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", ignoreMissing(err))
	}
	var list []log.Position
	for _, e := range entries {
		if at, ok := parseCheckpointName(e.Name); ok && !e.Dir {
			list = append(list, at)
		}
	}
	slices.SortFunc(list, func(a, b log.Position) int { return cmp.Compare(b, a) })
	return list, nil
}

func removeOld(files fsys.FS) error {
	list, err := listCheckpoints(files)
	for i := checkpointsKept; i < len(list); i++ {
		err = errors.Join(err, ignoreMissing(files.Remove(Checkpoint{At: list[i]}.name())))
	}
	return err
}

// DropCheckpoints removes every checkpoint behind a position: a log that was cut there no longer has what they saw.
func DropCheckpoints(files fsys.FS, behind log.Position) error {
	list, err := listCheckpoints(files)
	for _, at := range list {
		if at > behind {
			err = errors.Join(err, ignoreMissing(files.Remove(Checkpoint{At: at}.name())))
		}
	}
	return err
}
