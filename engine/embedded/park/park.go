// SPDX-License-Identifier: Apache-2.0

// Package park holds those who wait for messages, without a goroutine for any of them.
//
// What must hold: a waiter is woken at most once; once its disarm returned it is not woken any more; arming and disarming
// cost the same however many others wait, and a message costs only the waiters that it matches.
//
// A wake says that it may be worth looking again, nothing more. The one who is woken may be gone, so whoever has work left
// wakes again.
package park

import (
	"sync"

	"github.com/causeway-mq/causeway/mq"
)

// Lot is the waiters of one engine. The zero value is ready. It is safe for concurrent use and calls nobody while it holds
// its lock; a wake function must not block and must not call disarm.
type Lot struct {
	mu     sync.Mutex // guards the fields below
	topics map[mq.Physical]*topic
}

type topic struct {
	groups map[mq.Physical]*group
	pulls  map[mq.QueueID]*list
}

type group struct {
	queues map[mq.QueueID]*list // mq.AnyQueue for those who take from any
	count  int
}

// Want is what a waiter waits for.
type Want struct {
	Topic mq.Physical
	Group mq.Physical // none for a pull
	Queue mq.QueueID
	Max   int       // messages that it can take
	From  mq.Offset // for a pull: it waits for a message at or after this
}

type waiter struct {
	want       Want
	prev, next *waiter // in its list, under the lot's lock
	list       *list   // nil when it is in none

	mu   sync.Mutex // guards wake; held during the call, so that disarm waits for it
	wake func()     // nil once it was called or disarmed
}

type list struct {
	head, tail *waiter
}

func (l *list) push(w *waiter) {
	w.list, w.prev = l, l.tail
	if l.tail == nil {
		l.head = w
	} else {
		l.tail.next = w
	}
	l.tail = w
}

func (l *list) remove(w *waiter) {
	if w.prev == nil {
		l.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.list, w.prev, w.next = nil, nil, nil
}

func (w *waiter) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if wake := w.wake; wake != nil {
		w.wake = nil
		wake()
	}
}

// Arm adds a waiter; disarm takes it away and may be called twice.
func (l *Lot) Arm(want Want, wake func()) (disarm func()) {
	w := &waiter{want: want, wake: wake}
	l.mu.Lock()
	if l.topics == nil {
		l.topics = map[mq.Physical]*topic{}
	}
	t := l.topics[want.Topic]
	if t == nil {
		t = &topic{groups: map[mq.Physical]*group{}, pulls: map[mq.QueueID]*list{}}
		l.topics[want.Topic] = t
	}
	lists := t.pulls
	if want.Group != (mq.Physical{}) {
		g := t.groups[want.Group]
		if g == nil {
			g = &group{queues: map[mq.QueueID]*list{}}
			t.groups[want.Group] = g
		}
		g.count++
		lists = g.queues
	}
	if lists[want.Queue] == nil {
		lists[want.Queue] = &list{}
	}
	lists[want.Queue].push(w)
	l.mu.Unlock()
	return func() { l.disarm(w) }
}

func (l *Lot) disarm(w *waiter) {
	w.mu.Lock()
	w.wake = nil
	w.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removeLocked(w)
}

// removeLocked takes a waiter out, with what becomes empty.
func (l *Lot) removeLocked(w *waiter) {
	if w.list == nil {
		return
	}
	t := l.topics[w.want.Topic]
	from := w.list
	from.remove(w)
	if w.want.Group == (mq.Physical{}) {
		if from.head == nil {
			delete(t.pulls, w.want.Queue)
		}
	} else {
		g := t.groups[w.want.Group]
		g.count--
		if from.head == nil {
			delete(g.queues, w.want.Queue)
		}
		if g.count == 0 {
			delete(t.groups, w.want.Group)
		}
	}
	if len(t.groups) == 0 && len(t.pulls) == 0 {
		delete(l.topics, w.want.Topic)
	}
}

// Arrived tells that n messages became visible in a queue, whose last visible offset is below end. It wakes as many of each
// group as it takes to take n, and every pull that waits for less than end. It returns the groups of which somebody still waits.
func (l *Lot) Arrived(name mq.Physical, q mq.QueueID, n int, end mq.Offset) (waiting []mq.Physical) {
	l.mu.Lock()
	t := l.topics[name]
	if t == nil {
		l.mu.Unlock()
		return nil
	}
	var fire []*waiter
	if pulls := t.pulls[q]; pulls != nil {
		for w := pulls.head; w != nil; {
			next := w.next
			if w.want.From < end {
				l.removeLocked(w)
				fire = append(fire, w)
			}
			w = next
		}
	}
	for name, g := range t.groups {
		fire = l.pickLocked(g, q, n, fire)
		if g.count > 0 {
			waiting = append(waiting, name)
		}
	}
	l.mu.Unlock()
	for _, w := range fire {
		w.fire()
	}
	return waiting
}

// Wake wakes as many of a group as it takes to take n messages of a queue, and reports how many still wait.
func (l *Lot) Wake(name, groupName mq.Physical, q mq.QueueID, n int) (left int) {
	l.mu.Lock()
	var g *group
	if t := l.topics[name]; t != nil {
		g = t.groups[groupName]
	}
	if g == nil {
		l.mu.Unlock()
		return 0
	}
	fire := l.pickLocked(g, q, n, nil)
	left = g.count
	l.mu.Unlock()
	for _, w := range fire {
		w.fire()
	}
	return left
}

// pickLocked takes waiters of one queue and of any queue in turn, until they can take n.
func (l *Lot) pickLocked(g *group, q mq.QueueID, n int, fire []*waiter) []*waiter {
	for n > 0 {
		from := g.queues[q]
		if from == nil {
			from = g.queues[mq.AnyQueue]
		}
		if from == nil {
			break
		}
		w := from.head
		l.removeLocked(w)
		fire = append(fire, w)
		n -= max(w.want.Max, 1)
	}
	return fire
}

// Waits tells whether somebody of a group waits for a topic.
func (l *Lot) Waits(name, groupName mq.Physical) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[name]
	return t != nil && t.groups[groupName] != nil
}

// Len is the number of waiters.
func (l *Lot) Len() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.topics {
		for _, g := range t.groups {
			n += g.count
		}
		for _, p := range t.pulls {
			for w := p.head; w != nil; w = w.next {
				n++
			}
		}
	}
	return n
}
