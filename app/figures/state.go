// SPDX-License-Identifier: Apache-2.0

// Package figures is what is asked of engines and volumes when somebody scrapes.
package figures

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

// stateTime bounds what one scrape asks of the engine.
const stateTime = 5 * time.Second

// State shows the engine's own view of itself, asked for once a scrape. While the engine does not answer, or does not
// know a figure, that figure is left out, so that unknown never looks like zero.
type State struct {
	state func(context.Context) (mq.ClusterState, error)
	space func() (fsys.Space, error) // of the volume
	all   []stateFigure
}

type stateFigure struct {
	desc *prometheus.Desc
	of   func(mq.ClusterState, fsys.Space) int64
}

// NewState makes the figures of an engine and of the volume that it is on.
func NewState(state func(context.Context) (mq.ClusterState, error), space func() (fsys.Space, error)) *State {
	figure := func(name, help string, of func(mq.ClusterState, fsys.Space) int64) stateFigure {
		return stateFigure{prometheus.NewDesc(name, help, nil, nil), of}
	}
	return &State{state: state, space: space, all: []stateFigure{
		figure("causeway_disk_used_bytes", "Disk that the log uses.", func(s mq.ClusterState, _ fsys.Space) int64 { return s.DiskUsed }),
		figure("causeway_disk_limit_bytes", "Disk that the log may use; what the volume could give where no limit is set.", diskLimit),
		figure("causeway_disk_free_bytes", "Free space of the volume that holds the data directory.", func(_ mq.ClusterState, v fsys.Space) int64 { return int64(v.Free) }),
		figure("causeway_scheduled_messages", "Delayed messages that are not due yet.", func(s mq.ClusterState, _ fsys.Space) int64 { return s.Scheduled }),
		figure("causeway_open_transactions", "Transactions that are neither committed nor rolled back.", func(s mq.ClusterState, _ fsys.Space) int64 { return s.Halves }),
	}}
}

func diskLimit(s mq.ClusterState, v fsys.Space) int64 {
	if s.DiskLimit > 0 {
		return s.DiskLimit
	}
	return s.DiskUsed + int64(v.Free)
}

// Describe names the figures.
func (f *State) Describe(to chan<- *prometheus.Desc) {
	for _, one := range f.all {
		to <- one.desc
	}
}

// Collect asks the engine and the volume.
func (f *State) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), stateTime)
	defer cancel()
	s, err := f.state(ctx)
	if err != nil {
		return
	}
	v, err := f.space()
	if err != nil {
		return
	}
	for _, one := range f.all {
		if n := one.of(s, v); n >= 0 {
			to <- prometheus.MustNewConstMetric(one.desc, prometheus.GaugeValue, float64(n))
		}
	}
}
