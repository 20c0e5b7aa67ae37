// SPDX-License-Identifier: Apache-2.0

package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/strictyaml"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

const look = time.Second // how often the file is looked at

// Options are what a source needs. All but Log are required.
type Options struct {
	Path     string
	Clusters []mq.Cluster // that topics and groups may be on
	Clock    clock.Clock
	Log      *slog.Logger
}

// Source serves a file and what becomes of it. Run must be running.
//
// What must hold:
//   - What was read last goes on serving while the file is gone, half written or wrong: only a whole, valid, newer one takes its place.
//   - A file that takes away more than half of the tenants is a mistake until it says that it is none.
type Source struct {
	opts Options

	mu       sync.Mutex // guards all below; never held while the file is read
	now      *catalog.Snapshot
	tenants  map[mq.Tenant]bool
	changed  chan struct{} // closed and replaced with each version
	refused  error         // why the file as it is now is not served, nil when it is
	refusals int64         // how often a file was not served

	last []byte // what was read last; of Run alone
}

// Open reads the file. It is an error when that cannot be served: a proxy without any catalog would answer that nothing exists.
func Open(o Options) (*Source, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Source{opts: o, changed: make(chan struct{})}
	data, err := s.read()
	if err != nil {
		return nil, err
	}
	s.last = data
	return s, s.take(data)
}

// Next blocks until there is something newer than have, or ctx ends.
func (s *Source) Next(ctx context.Context, have catalog.Version) (*catalog.Snapshot, error) {
	for {
		s.mu.Lock()
		now, changed := s.now, s.changed
		s.mu.Unlock()
		if now.Version() > have {
			return now, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Refused is why the file as it is now is not served; nil when it is.
func (s *Source) Refused() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Refusals is how many times a file, or its absence, was refused so far.
func (s *Source) Refusals() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusals
}

// Run looks at the file until ctx ends.
func (s *Source) Run(ctx context.Context) error {
	timer := s.opts.Clock.NewTimer(look)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C():
		}
		s.again()
		timer.Reset(look)
	}
}

// again reads the file and takes it if it differs. Each refusal is said once.
func (s *Source) again() {
	data, err := s.read()
	if err == nil {
		if bytes.Equal(data, s.last) {
			return
		}
		s.last = data
		err = s.take(data)
	} else {
		s.last = nil // when it is back it is read again
	}
	s.mu.Lock()
	was := s.refused
	s.refused = err
	fresh := err != nil && (was == nil || was.Error() != err.Error())
	if fresh {
		s.refusals++
	}
	s.mu.Unlock()
	if fresh {
		s.opts.Log.Error("the catalog's file is not served; what was read before goes on", "error", err)
	}
}

func (s *Source) read() ([]byte, error) { return Read(s.opts.Path) }

// Read gives the bytes of a file, unparsed, as a proxy reads them. It holds secrets, so it must be nobody else's to read.
func Read(path string) ([]byte, error) {
	info, err := os.Stat(path) // before it is opened, since opening a pipe would wait
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, mq.Refuse(mq.NotFound, "catalog %s: there is no such file", path)
	case err != nil:
		return nil, fmt.Errorf("catalog: %w", err)
	case !info.Mode().IsRegular():
		return nil, mq.Refuse(mq.BadRequest, "catalog %s: not a regular file", path)
	case info.Size() > strictyaml.MaxBytes:
		return nil, mq.Refuse(mq.BadRequest, "catalog %s: %d bytes, the limit is %d", path, info.Size(), strictyaml.MaxBytes)
	case info.Mode().Perm()&0o027 != 0:
		return nil, mq.Refuse(mq.BadRequest, "catalog %s: mode %04o lets others at the secrets in it; at most 0640 is allowed, try: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	return os.ReadFile(path)
}

// take serves a file's content from now on, or says why not.
func (s *Source) take(data []byte) error {
	c, err := Parse(data, s.opts.Clusters)
	if err != nil {
		return mq.During("catalog "+s.opts.Path, err)
	}
	tenants := make(map[mq.Tenant]bool, len(c.Tenants))
	for _, t := range c.Tenants {
		tenants[t.ID] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != nil {
		if c.Version <= s.now.Version() {
			return mq.Refuse(mq.Conflict, "catalog %s: version %d is not newer than %d, which is served; a change needs a larger one", s.opts.Path, c.Version, s.now.Version())
		}
		gone := 0
		for t := range s.tenants {
			if !tenants[t] {
				gone++
			}
		}
		if gone*2 > len(s.tenants) && !c.Shrinks {
			return mq.Refuse(mq.Conflict, "catalog %s: version %d takes away %d of %d tenants; if that is meant, the file says shrinks: true", s.opts.Path, c.Version, gone, len(s.tenants))
		}
	}
	s.now, s.tenants = catalog.Build(c.Contents), tenants
	close(s.changed)
	s.changed = make(chan struct{})
	s.opts.Log.Info("a catalog is served", "file", s.opts.Path, "version", c.Version, "tenants", len(c.Tenants), "topics", len(c.Topics), "groups", len(c.Groups))
	return nil
}
