// SPDX-License-Identifier: Apache-2.0

package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// catalogFigures is which catalog a proxy serves from, read when somebody scrapes. Before the first one its version and age are left out: unknown never
// looks like zero.
type catalogFigures struct {
	proxy                           *proxy
	refusals                        func() int64 // nil: there is no file
	version, age, refused, refusedN *prometheus.Desc
}

// catalog adds the figures of the catalog.
func (m *metrics) catalog(p *proxy, refusals func() int64) {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	m.registry.MustRegister(&catalogFigures{
		p, refusals,
		desc("causeway_catalog_version", "Version of the catalog that is served."),
		desc("causeway_catalog_age_seconds", "Time since that version was taken."),
		desc("causeway_catalog_refused", "1 while the catalog as it stands now, file or cluster, is not what is served."),
		desc("causeway_catalog_refusals_total", "Catalog files that were not served, or could not be read."),
	})
}

// Describe names the figures.
func (f *catalogFigures) Describe(to chan<- *prometheus.Desc) {
	to <- f.version
	to <- f.age
	to <- f.refused
	to <- f.refusedN
}

// Collect reads them.
func (f *catalogFigures) Collect(to chan<- prometheus.Metric) {
	if v := f.proxy.holder.Now().Version(); v > 0 {
		to <- prometheus.MustNewConstMetric(f.version, prometheus.GaugeValue, float64(v))
	}
	if at := f.proxy.taken.Load(); at > 0 {
		to <- prometheus.MustNewConstMetric(f.age, prometheus.GaugeValue, f.proxy.clock.Now().Sub(time.Unix(0, at)).Seconds())
	}
	refused := 0.0
	if f.proxy.refused() != nil {
		refused = 1
	}
	to <- prometheus.MustNewConstMetric(f.refused, prometheus.GaugeValue, refused)
	if f.refusals != nil {
		to <- prometheus.MustNewConstMetric(f.refusedN, prometheus.CounterValue, float64(f.refusals()))
	}
}
