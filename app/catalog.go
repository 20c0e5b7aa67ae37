// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"sync"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// planeSource feeds a proxy of this process from the control plane beside it. It is safe for concurrent use.
type planeSource struct {
	plane    *control.Plane
	unsigned bool // whether this process lets unsigned callers in at all

	mu  sync.Mutex        // guards now; not held while somebody waits
	now *catalog.Snapshot // the newest that was made
}

func newPlaneSource(p *control.Plane, unsigned bool) *planeSource {
	return &planeSource{plane: p, unsigned: unsigned, now: &catalog.Snapshot{}}
}

// Next waits for the plane's next version.
func (s *planeSource) Next(ctx context.Context, have catalog.Version) (*catalog.Snapshot, error) {
	for {
		was := s.newest()
		if was.Version() > have {
			return was, nil
		}
		news, err := s.plane.Next(ctx, control.Version(was.Version()))
		if err != nil {
			return nil, err
		}
		s.take(was, news)
	}
}

func (s *planeSource) newest() *catalog.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// take lays news over the snapshot that they are news to, unless somebody else did meanwhile.
func (s *planeSource) take(was *catalog.Snapshot, news control.News) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != was {
		return
	}
	if news.Whole {
		was = &catalog.Snapshot{}
	}
	s.now = was.With(s.difference(news))
}

// difference says the control plane's news in the proxy's words.
func (s *planeSource) difference(n control.News) catalog.Difference {
	d := feed.Difference(n)
	for i := range d.Tenants {
		if !s.unsigned {
			d.Tenants[i].Unsigned = catalog.UnsignedNobody
		}
	}
	return d
}
