// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

// stateTime bounds what one scrape asks of the engine.
const stateTime = 5 * time.Second

// stateFigures shows the engine's own view of itself, asked for once a scrape. While the engine does not answer, or does not
// know a figure, that figure is left out, so that unknown never looks like zero.
type stateFigures struct {
	state func(context.Context) (mq.ClusterState, error)
	space func() (fsys.Space, error) // of the volume
	all   []stateFigure
}

type stateFigure struct {
	desc *prometheus.Desc
	of   func(mq.ClusterState, fsys.Space) int64
}

func newStateFigures(state func(context.Context) (mq.ClusterState, error), space func() (fsys.Space, error)) *stateFigures {
	figure := func(name, help string, of func(mq.ClusterState, fsys.Space) int64) stateFigure {
		return stateFigure{prometheus.NewDesc(name, help, nil, nil), of}
	}
	return &stateFigures{state: state, space: space, all: []stateFigure{
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
func (f *stateFigures) Describe(to chan<- *prometheus.Desc) {
	for _, one := range f.all {
		to <- one.desc
	}
}

// Collect asks the engine and the volume.
func (f *stateFigures) Collect(to chan<- prometheus.Metric) {
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

// buildInfo is 1, with the version as its label.
func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "causeway_build_info", Help: "1, with the version of this build.", ConstLabels: prometheus.Labels{"version": Version()},
	}, func() float64 { return 1 })
}

// lowVolume is the share of a volume below which the doctor warns.
const lowVolume = 10 // percent

// lookAtVolume tells the doctor how much the volume has left: the engine knows of its own log only.
func (u *up) lookAtVolume(context.Context) []control.Finding {
	f := control.Finding{Name: "volume", Status: control.Good}
	v, err := fsys.OS(u.config.Data).Space()
	if err != nil {
		f.Status, f.Detail, f.Fix = control.Bad, err.Error(), "look at the volume that holds the data directory"
		return []control.Finding{f}
	}
	limit := "engine.max_bytes limits the log to what the volume gives"
	if n := u.config.Engine.MaxBytes; n > 0 {
		limit = fmt.Sprintf("engine.max_bytes limits the log to %.1f GiB", gib(uint64(n)))
	}
	f.Detail = fmt.Sprintf("%.1f of %.1f GiB are free under %s; %s", gib(v.Free), gib(v.Total), u.config.Data, limit)
	if v.Free < v.Total/100*lowVolume {
		f.Status, f.Fix = control.Warn, "make room: sends are refused before the volume is full"
	}
	return []control.Finding{f}
}

func gib(bytes uint64) float64 { return float64(bytes) / (1 << 30) }
