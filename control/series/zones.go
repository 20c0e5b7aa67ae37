// SPDX-License-Identifier: Apache-2.0

package series

import (
	"cmp"
	"slices"
	"time"
)

// Proxies say where they stand, and clusters do: what passes a proxy on its way to a cluster, or from there, goes between two zones. Where the messages came from that somebody is
// given, no proxy can say. It is known of a topic all of whose messages of the last hour came through the proxies of one zone; of any other it is not.

// maxWays bounds how many ways through zones are kept.
const maxWays = 1000

// Way is where messages go through. A zone that nobody knows is "".
type Way struct {
	Delivered               bool   // it leads to a consumer; else from a producer to where messages are stored
	Produce, Store, Consume string // where the proxy of the producer, the cluster and the proxy of the consumer stand
}

// WayRate is what went a way.
type WayRate struct {
	Way
	Rate
}

// Flow is what went through zones.
type Flow struct {
	From, To time.Time
	Known    time.Duration // how much of that time some proxy told of; 0: nobody knows anything
	Ways     []WayRate     // on average over what is known, by zones
	Short    bool          // there was no room for some ways
}

// origin is a zone through which messages of a topic came, and when last.
type origin struct {
	zone string
	slot int32
}

// StoredIn says how the zone is found in which a topic is stored, "" where nobody knows. It is called once, before anything else; of is called under the lock of the series, and must not wait.
func (s *Series) StoredIn(of func(Topic) string) { s.zone = of }

// way is the series of the way that a pair's counts went; nil where there is no room.
func (s *Series) way(zone string, p Pair, read bool, last int32) *flow {
	store := ""
	if s.zone != nil {
		store = s.zone(p.Topic)
	}
	w := Way{Produce: zone, Store: store}
	if read {
		w = Way{Delivered: true, Produce: s.cameFrom(p.Topic, last), Store: store, Consume: zone}
	} else {
		s.comesFrom(p.Topic, origin{zone, last})
	}
	one := s.ways[w]
	if one == nil {
		if len(s.ways) >= maxWays {
			s.lost = true
			return nil
		}
		one = &flow{}
		s.ways[w] = one
	}
	return one
}

// comesFrom notes through which zone messages of a topic came.
func (s *Series) comesFrom(t Topic, o origin) {
	all := slices.DeleteFunc(s.origins[t], func(was origin) bool { return was.zone == o.zone || was.slot < o.slot-int32(Hour.points()) })
	if len(all) == 0 && len(s.origins) >= s.limit && s.origins[t] == nil {
		return // where there is no room the topic's messages come from nobody knows where
	}
	s.origins[t] = append(all, o)
}

// cameFrom is the zone through which all messages of a topic came within the hour before a step, "" where there is not exactly one.
func (s *Series) cameFrom(t Topic, last int32) string {
	zone, n := "", 0
	for _, o := range s.origins[t] {
		if o.slot >= last-int32(Hour.points()) {
			zone = o.zone
			n++
		}
	}
	if n != 1 {
		return ""
	}
	return zone
}

// Flow is what went through zones within the last complete steps of a stretch of time.
func (s *Series) Flow(over time.Duration) Flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.complete()
	first := last - int32(max(over/Hour.Step(), 1)) + 1
	f := Flow{From: Hour.begin(first), To: Hour.begin(last + 1), Short: s.lost}
	var known []int32
	for slot := first; slot <= last; slot++ {
		if _, told := s.heard[Hour].get(slot); told {
			known = append(known, slot)
		}
	}
	if f.Known = time.Duration(len(known)) * Hour.Step(); f.Known == 0 {
		return f
	}
	for w, one := range s.ways {
		var sum Rate
		for _, slot := range known {
			r := rate(Hour, slot, one)
			sum.Messages += r.Messages
			sum.Bytes += r.Bytes
		}
		if sum != (Rate{}) {
			n := float64(len(known))
			f.Ways = append(f.Ways, WayRate{w, Rate{sum.Messages / n, sum.Bytes / n}})
		}
	}
	slices.SortFunc(f.Ways, func(a, b WayRate) int {
		return cmp.Or(order(a.Delivered, b.Delivered), cmp.Compare(a.Produce, b.Produce), cmp.Compare(a.Store, b.Store), cmp.Compare(a.Consume, b.Consume))
	})
	return f
}

// order puts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
