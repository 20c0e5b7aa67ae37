// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-mq/causeway/app/volume"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/steward"
)

// buildInfo is 1, with the version as its label.
func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "causeway_build_info", Help: "1, with the version of this build.", ConstLabels: prometheus.Labels{"version": Version()},
	}, func() float64 { return 1 })
}

// checks tell the doctor what the control plane does not see: the volume, and whether all stands in zones that there are.
func (u *up) checks(context.Context) []control.Finding {
	return []control.Finding{volume.Look(u.config.Data, u.config.Engine.MaxBytes), steward.New(u.plane, u.clock.Now).Lost(nil)}
}
