// SPDX-License-Identifier: Apache-2.0

// Package checks is who of this process is asked about a transaction, and what brokers were told about that.
//
// Of two questions about one transaction only the newer is ever posed: two answers would deliver the message twice.
package checks

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/mq"
)

// Question is a broker's, taken off its connection.
type Question struct {
	Address string // of the broker
	Header  request.Check
	Message stored.Message
}

// transaction names what is asked about, over all copies that the broker makes of the half.
func (q Question) transaction() string {
	return q.Message.Topic + " " + q.Message.Properties.Get(stored.UniqueKey)
}

// Asker is somebody behind whom producers may be.
type Asker struct {
	Live func() []mq.Topic   // whose producers are there now
	Sink func(mq.Check) bool // false: nobody there after all
}

const (
	maxWaiting  = 1024
	waitForLive = time.Second // a producer that is just starting is asked in the same round; less than brokers rest between two
)

type waiting struct {
	Question
	until time.Time
}

// Askers is all of them. A question goes to one whose producer is there.
type Askers struct {
	Cluster mq.Cluster

	mu        sync.Mutex // guards all below; no callback runs under it
	all       []*Asker
	waiting   []waiting // nobody could be asked yet
	withdrawn int       // announcements that were taken back so far
}

// Add lets one be asked from now on.
func (a *Askers) Add(x *Asker) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, x)
}

// Remove ends that.
func (a *Askers) Remove(x *Asker) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = slices.DeleteFunc(a.all, func(y *Asker) bool { return x == y })
}

// Pose asks somebody, or keeps the question for a producer that is about to be there.
func (a *Askers) Pose(q Question, now time.Time) {
	if a.ask(q) {
		a.forget(q)
	} else {
		a.later(q, now.Add(waitForLive))
	}
}

// PoseWaiting tries the questions that found nobody, and gives those for which it is too late.
func (a *Askers) PoseWaiting(now time.Time) (vain []Question) {
	a.mu.Lock()
	all := a.waiting
	a.waiting = nil
	a.mu.Unlock()
	for _, w := range all {
		switch {
		case a.ask(w.Question):
		case now.Before(w.until):
			a.later(w.Question, w.until)
		default:
			vain = append(vain, w.Question)
		}
	}
	return vain
}

// AnnounceAgain makes Withdrawals grow, by which every caller of Checks knows that it should announce its live topics once more.
func (a *Askers) AnnounceAgain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.withdrawn++
}

// Withdrawals is how many announcements were taken back.
func (a *Askers) Withdrawals() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.withdrawn
}

// later keeps a question. A broker that asked again meanwhile asked about a copy of the half: the newer stays.
func (a *Askers) later(q Question, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	same := func(w waiting) bool { return w.transaction() == q.transaction() }
	if i := slices.IndexFunc(a.waiting, same); i >= 0 {
		if a.waiting[i].Header.HalfOffset < q.Header.HalfOffset {
			a.waiting[i] = waiting{q, until}
		}
		return
	}
	if len(a.waiting) < maxWaiting {
		a.waiting = append(a.waiting, waiting{q, until})
	}
}

// forget drops a question that waits, because a newer one about the same transaction was posed.
func (a *Askers) forget(q Question) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = slices.DeleteFunc(a.waiting, func(w waiting) bool { return w.transaction() == q.transaction() })
}

func (a *Askers) list() []*Asker {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.all); n > 1 { // another one first each time
		a.all = append(a.all[1:], a.all[0])
	}
	return slices.Clone(a.all)
}

func (a *Askers) ask(q Question) bool {
	for _, x := range a.list() {
		live := x.Live()
		i := slices.IndexFunc(live, func(t mq.Topic) bool { return t.Name.String() == q.Message.Topic })
		if i >= 0 && x.Sink(a.check(q, live[i])) {
			return true
		}
	}
	return false
}

// check says a broker's question in the port's words.
func (a *Askers) check(q Question, t mq.Topic) mq.Check {
	m := mapping.Message(&q.Message, q.Header.Broker, t.Name)
	round, _ := strconv.Atoi(q.Message.Properties.Get(stored.CheckTimes))
	half := token.Half{Broker: q.Header.Broker, Offset: q.Header.HalfOffset, Physical: q.Header.Physical}
	return mq.Check{
		Topic: t, Message: m, Round: max(round, 1),
		Half: mq.Half{Cluster: a.Cluster, Message: m.Message.ID, Token: half.String()},
	}
}
