// SPDX-License-Identifier: Apache-2.0

package fed

import (
	"context"
	"errors"
	"io/fs"

	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

// remember begins with what is on disk.
func (s *Source) remember() {
	data, err := fsys.ReadFile(s.opt.Disk, s.opt.Cache, wire.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		s.opt.Log.Info("no catalog is kept here yet; the first one comes from the control plane", "cache", s.opt.Cache)
		return
	}
	var d wire.Document
	if err == nil {
		d, err = wire.Decode(data)
	}
	next := s.state
	if err == nil {
		next, err = s.state.Apply(d)
	}
	if err != nil {
		s.noted(&refusal{Damaged, err})
		s.opt.Log.Error("the catalog that is kept here is not used; the control plane has to be asked", "cache", s.opt.Cache, "error", err)
		return
	}
	s.serve(next, d)
	s.mu.Lock()
	s.status.Disk = true
	s.mu.Unlock()
	s.opt.Log.Info("the catalog that is kept here is served until the control plane says more", "cache", s.opt.Cache, "version", d.Version, "epoch", d.Epoch.ID, "records", next.Len())
}

// keep writes what is served to disk until ctx ends: at once, then once in a while.
func (s *Source) keep(ctx context.Context) {
	for {
		select {
		case <-s.dirty:
			begun := s.opt.Clock.Now()
			s.write()
			s.rest(ctx, max(writing, writingPart*s.opt.Clock.Now().Sub(begun)))
		case <-ctx.Done():
			select {
			case <-s.dirty: // the newest one is worth a last write
				s.write()
			default:
			}
			return
		}
	}
}

// write puts the catalog in the place of the one on disk. Whatever happens in between, one of the two is there, whole.
func (s *Source) write() {
	data, err := s.held().Encode()
	if err == nil {
		err = fsys.Install(s.opt.Disk, s.opt.Cache, data)
	}
	s.mu.Lock()
	was := s.status.Cache
	s.status.Cache = err
	s.mu.Unlock()
	if err != nil && (was == nil || was.Error() != err.Error()) {
		s.opt.Log.Error("the catalog cannot be kept on disk: a proxy that starts without the control plane would serve an older one", "cache", s.opt.Cache, "error", err)
	}
	if s.opt.Events.Kept != nil {
		s.opt.Events.Kept(err)
	}
}
