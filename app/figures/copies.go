// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-mq/causeway/mq"
)

// copiesBound is how long the clusters may take to say what they have; one that takes longer is left out of a scrape.
const copiesBound = 3 * time.Second

// Copies is how many copies of each shard are there, asked when somebody scrapes: a cluster that goes on with one copy looks well from everywhere else.
type Copies struct {
	clusters func() map[mq.Cluster]CopiesOf // those that answer
	desc     *prometheus.Desc
}

// CopiesOf is a cluster that tells how many copies of each shard there are.
type CopiesOf interface {
	Copies(ctx context.Context) (map[string]int, error)
}

// NewCopies makes the figure of the clusters that answer.
func NewCopies(clusters func() map[mq.Cluster]CopiesOf) *Copies {
	return &Copies{clusters, prometheus.NewDesc("causeway_broker_copies", "Processes of a broker name that name servers know: the primary and its copies.", []string{"cluster", "broker"}, nil)}
}

// Describe names the figure.
func (c *Copies) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect asks every cluster, side by side.
func (c *Copies) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), copiesBound)
	defer cancel()
	var asking sync.WaitGroup
	for name, e := range c.clusters() {
		asking.Go(func() {
			all, err := e.Copies(ctx)
			if err != nil {
				return // unknown never looks like zero
			}
			for broker, n := range all {
				to <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(n), name.String(), broker)
			}
		})
	}
	asking.Wait()
}
