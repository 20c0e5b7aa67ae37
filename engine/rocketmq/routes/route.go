// SPDX-License-Identifier: Apache-2.0

package routes

import (
	"cmp"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"unicode/utf16"

	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
)

// Route is a topic's queues at one moment. It is never changed.
type Route struct {
	Set       mq.QueueSet
	Writable  []Place
	Lanes     []Place // the queues that message groups are spread over: Writable, and those of brokers that are away for a moment
	Readable  []Place
	Posts     []Post            // the readable queues, each with the address at which it is read
	Readers   []string          // names of brokers with readable queues
	Addresses map[string]string // primaries by broker name
	OnDemand  bool              // the topic is not there yet: these are the queues of the template it would be made from
}

// Brokers gives the names of those that have a primary.
func (r *Route) Brokers() iter.Seq[string] {
	return func(yield func(string) bool) {
		for name, address := range r.Addresses {
			if address != "" && !yield(name) {
				return
			}
		}
	}
}

// Place is one queue.
type Place struct {
	Broker string
	Queue  int32
}

// Post is a queue at the primary that serves it now: after a fail-over the same place is another post.
type Post struct {
	Place
	Address string
}

// Address is where a broker's primary listens: Unavailable when none is known.
func (r *Route) Address(broker string) (string, error) {
	if a := r.Addresses[broker]; a != "" {
		return a, nil
	}
	return "", mq.Refuse(mq.Unavailable, "no primary is known for the queue").Because(fmt.Errorf("of broker %s", broker))
}

// New reads a name server's answer.
func New(from request.Route) *Route {
	r := &Route{Addresses: map[string]string{}}
	for _, b := range from.Brokers {
		r.Addresses[b.Name] = b.Addresses[request.PrimaryID]
	}
	for _, q := range from.Queues {
		if r.Addresses[q.Broker] == "" {
			continue
		}
		read, write := q.Permission&request.MayRead != 0, q.Permission&request.MayWrite != 0
		for id := range max(q.Read, q.Write) {
			x := mq.Queue{Broker: q.Broker, ID: mq.QueueID(id), Readable: read && id < q.Read, Writable: write && id < q.Write}
			if x.Readable || x.Writable {
				r.Set = append(r.Set, x)
			}
		}
	}
	slices.SortFunc(r.Set, func(a, b mq.Queue) int { return cmp.Or(cmp.Compare(a.Broker, b.Broker), cmp.Compare(a.ID, b.ID)) })
	for _, q := range r.Set {
		at := Place{q.Broker, int32(q.ID)}
		if q.Writable {
			r.Writable = append(r.Writable, at)
		}
		if q.Readable {
			r.Readable = append(r.Readable, at)
			r.Posts = append(r.Posts, Post{at, r.Addresses[q.Broker]})
			if !slices.Contains(r.Readers, q.Broker) {
				r.Readers = append(r.Readers, q.Broker)
			}
		}
	}
	return r
}

// QueuesAt counts the queues at one broker that can be read, and those that can be written to.
func (r *Route) QueuesAt(broker string) (read, write int32) {
	for _, q := range r.Set {
		if q.Broker == broker && q.Readable {
			read++
		}
		if q.Broker == broker && q.Writable {
			write++
		}
	}
	return read, write
}

// Pick chooses a queue; false where none takes messages now. A message group has one for as long as the queues stay the same, and it is the queue that
// Apache's proxy takes, so that order spans both; while its broker is away it has none. Others go anywhere, away from the broker that refused if there is another.
func (r *Route) Pick(g mq.MessageGroup, avoid string) (Place, bool) {
	n := len(r.Writable)
	if n == 0 {
		return Place{}, false
	}
	if g != (mq.MessageGroup{}) {
		if len(r.Lanes) == 0 { // of a route that nobody keeps
			return r.Writable[jump(int64(javaHash(g.String())), n)], true
		}
		at := r.Lanes[jump(int64(javaHash(g.String())), len(r.Lanes))]
		return at, slices.Contains(r.Writable, at)
	}
	start := rand.IntN(n)
	for i := range n {
		if at := r.Writable[(start+i)%n]; at.Broker != avoid {
			return at, true
		}
	}
	return r.Writable[start], true
}

// onDemand narrows a template's route to what a topic made from it would have.
func (r *Route) onDemand() *Route {
	beyond := func(p Place) bool { return p.Queue >= TemplateQueues }
	r.Set = slices.DeleteFunc(r.Set, func(q mq.Queue) bool { return q.ID >= TemplateQueues })
	r.Writable, r.Readable = slices.DeleteFunc(r.Writable, beyond), slices.DeleteFunc(r.Readable, beyond)
	r.Posts = slices.DeleteFunc(r.Posts, func(p Post) bool { return beyond(p.Place) })
	r.OnDemand = true
	return r
}

// javaHash is String.hashCode: over UTF-16 units, wrapping at 32 bits.
func javaHash(s string) (h int32) {
	for _, u := range utf16.Encode([]rune(s)) {
		h = 31*h + int32(u)
	}
	return h
}

// jump is the consistent hash of Lamping and Veach with the generator that Guava uses.
func jump(key int64, buckets int) int {
	state, candidate := uint64(key), 0
	for {
		state = 2862933555777941757*state + 1
		next := float64(candidate+1) / (float64(int32(state>>33)+1) / (1 << 31))
		if next < 0 || next >= float64(buckets) {
			return candidate
		}
		candidate = int(next)
	}
}
