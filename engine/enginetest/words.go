// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// hold is how long cases hold a message unless they are about that time; rest is longer than every hold and lateness.
const (
	hold = 10 * time.Second
	rest = 3 * hold
)

func (s *Scene) name(what string) mq.Physical {
	n, err := mq.ParsePhysical(fmt.Sprintf("et-%s-%s-%d", what, s.run, s.names.Add(1)))
	s.ok(err, "name")
	return n
}

// topic provisions a topic that takes the types, all when none is given.
func (s *Scene) topic(queues int, types ...mq.MessageType) mq.Topic {
	if len(types) == 0 {
		types = []mq.MessageType{mq.Normal, mq.FIFO, mq.Delay, mq.Transaction}
	}
	t := mq.Topic{Name: s.name("t"), Cluster: s.target.Cluster, Accepts: mq.AcceptsOf(types...), Queues: queues}
	s.ok(s.engine().PutTopic(s.ctx, t), "put topic")
	return t
}

// group provisions a group that leases, from the earliest message on, changed by the shapes.
func (s *Scene) group(shapes ...func(*mq.Group)) mq.Group {
	g := mq.Group{
		Name: s.name("g"), Cluster: s.target.Cluster, MaxAttempts: mq.DefaultMaxAttempts, Start: mq.Start{Kind: mq.StartEarliest},
	}
	for _, shape := range shapes {
		shape(&g)
	}
	s.ok(s.engine().PutGroup(s.ctx, g), "put group")
	return g
}

func ordered(g *mq.Group) { g.Ordered = true }
func pulling(g *mq.Group) { g.Mode = mq.Pulls }
func latest(g *mq.Group)  { g.Start = mq.Start{Kind: mq.StartLatest} }

func attempts(n int) func(*mq.Group) { return func(g *mq.Group) { g.MaxAttempts = n } }

func startAt(t time.Time) func(*mq.Group) {
	return func(g *mq.Group) { g.Start = mq.Start{Kind: mq.StartAt, Time: t} }
}

// want asks for as much as can be had, of any queue, and holds it for hold.
func want(t mq.Topic, g mq.Group, shapes ...func(*mq.Want)) mq.Want {
	w := mq.Want{Topic: t, Group: g, Queue: mq.AnyQueue, Max: mq.MaxReceive, Hold: holdOf(hold)}
	for _, shape := range shapes {
		shape(&w)
	}
	return w
}

func most(n int) func(*mq.Want)        { return func(w *mq.Want) { w.Max = n } }
func attempt(id string) func(*mq.Want) { return func(w *mq.Want) { w.Attempt = mq.AttemptID(id) } }
func tags(expr string) func(*mq.Want) {
	return func(w *mq.Want) { w.Filter = mq.Filter{Expression: expr} }
}
func sql(expr string) func(*mq.Want) {
	return func(w *mq.Want) { w.Filter = mq.Filter{SQL: true, Expression: expr} }
}
func lasting(d time.Duration) func(*mq.Want) { return func(w *mq.Want) { w.Hold = holdOf(d) } }

// holdOf is a hold of a length that is known to be valid.
func holdOf(d time.Duration) mq.Hold {
	h, err := mq.ParseHold(d)
	if err != nil {
		panic(err) // a mistake in the suite itself
	}
	return h
}

// message builds a normal message that can be told from all others, changed by the shapes.
func (s *Scene) message(shapes ...func(*mq.Message)) mq.Message {
	n := s.names.Add(1)
	id, err := mq.ParseMessageID(fmt.Sprintf("ET%s%08d", s.run, n))
	s.ok(err, "message id")
	key, err := mq.ParseKey(fmt.Sprintf("key-%s-%d", s.run, n))
	s.ok(err, "message key")
	m := mq.Message{
		ID: id, Type: mq.Normal, Keys: []mq.Key{key}, Encoding: mq.Identity,
		Properties: []mq.Property{{Name: "n", Value: fmt.Sprint(n)}, {Name: "note", Value: "grüße ✓"}},
		Born:       s.now().Truncate(time.Millisecond), BornHost: "192.0.2.7",
		Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		Body:  fmt.Appendf(nil, "body %d \x00\xff\xfe of %s", n, s.run),
	}
	for _, shape := range shapes {
		shape(&m)
	}
	return m
}

// messages builds n messages of one shape.
func (s *Scene) messages(n int, shapes ...func(*mq.Message)) []mq.Message {
	ms := make([]mq.Message, n)
	for i := range ms {
		ms[i] = s.message(shapes...)
	}
	return ms
}

func inGroup(name string) func(*mq.Message) {
	return func(m *mq.Message) {
		g, err := mq.ParseMessageGroup(name)
		if err != nil {
			panic(err) // a mistake in the suite itself
		}
		m.Type, m.Group = mq.FIFO, g
	}
}

func tagged(tag string) func(*mq.Message) {
	return func(m *mq.Message) {
		t, err := mq.ParseTag(tag)
		if err != nil {
			panic(err) // a mistake in the suite itself
		}
		m.Tag = t
	}
}

func dueAt(t time.Time) func(*mq.Message) {
	return func(m *mq.Message) { m.Type, m.DeliverAt = mq.Delay, t }
}

func half(firstCheck time.Duration) func(*mq.Message) {
	return func(m *mq.Message) { m.Type, m.FirstCheck = mq.Transaction, firstCheck }
}

func with(name, value string) func(*mq.Message) {
	return func(m *mq.Message) {
		m.Properties = append(slices.Clone(m.Properties), mq.Property{Name: name, Value: value})
		slices.SortFunc(m.Properties, func(a, b mq.Property) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	}
}

// send stores all messages and demands that each was.
func (s *Scene) send(t mq.Topic, batch ...mq.Message) []mq.Sent {
	s.remember(batch)
	sent := s.engine().Send(s.ctx, t, batch)
	if len(sent) != len(batch) {
		s.fatalf("send: %d answers for %d messages", len(sent), len(batch))
	}
	for i, one := range sent {
		s.ok(one.Err, fmt.Sprintf("send message %d of %d", i+1, len(batch)))
	}
	s.shown(t, sent)
	return sent
}

// shown waits for what was sent to show, where that takes a moment.
func (s *Scene) shown(t mq.Topic, sent []mq.Sent) {
	if !s.traits.ShowsLater {
		return
	}
	for _, one := range sent {
		q := mq.QueueRef{Topic: t, Broker: one.Broker, Queue: one.Queue}
		s.eventually("a message that was sent shows", func() bool {
			_, hi, err := s.engine().Bounds(s.ctx, q)
			s.ok(err, "bounds")
			return hi > one.Offset // -1 for what waits for its time or its verdict
		})
	}
}

// holds tells whether a topic has at least n messages in its queues.
func (s *Scene) holds(t mq.Topic, n mq.Offset) bool {
	queues, err := s.engine().Refresh(s.ctx, t)
	s.ok(err, "queues")
	var sum mq.Offset
	for _, q := range queues {
		lo, hi, err := s.engine().Bounds(s.ctx, mq.QueueRef{Topic: t, Broker: q.Broker, Queue: q.ID})
		s.ok(err, "bounds")
		sum += hi - lo
	}
	return sum >= n
}

// sendEach stores the messages with one call each.
func (s *Scene) sendEach(t mq.Topic, batch ...mq.Message) []mq.Sent {
	var sent []mq.Sent
	for _, m := range batch {
		sent = append(sent, s.send(t, m)...)
	}
	return sent
}

// remember lets later deliveries be compared with what was sent.
func (s *Scene) remember(batch []mq.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range batch {
		m.Body = bytes.Clone(m.Body)
		s.sent[m.ID] = m
	}
}

// take receives once, demands that it works, and that what came is what was sent.
func (s *Scene) take(w mq.Want) []mq.Delivery { return s.takeAt(s.engine(), w) }

func (s *Scene) takeAt(e Engine, w mq.Want) []mq.Delivery {
	got, err := e.Take(s.ctx, w)
	s.ok(err, "take")
	if len(got) > w.Max {
		s.fatalf("take: %d messages, asked for %d at most", len(got), w.Max)
	}
	for _, d := range got {
		s.wellFormed(w, d)
	}
	return got
}

func (s *Scene) wellFormed(w mq.Want, d mq.Delivery) {
	switch {
	case d.Attempt < 1:
		s.fatalf("message %s: attempt %d", d.Message.ID, d.Attempt)
	case d.Lease.Token == "":
		s.fatalf("message %s: a lease without a token", d.Message.ID)
	case d.Lease.Group.Name != w.Group.Name || d.Lease.Topic.Name != w.Topic.Name:
		s.fatalf("message %s: its lease is for %s and %s", d.Message.ID, d.Lease.Topic.Name, d.Lease.Group.Name)
	case d.Topic != w.Topic.Name:
		s.fatalf("message %s: it is said to lie in %s", d.Message.ID, d.Topic)
	case w.Queue != mq.AnyQueue && d.Queue != w.Queue:
		s.fatalf("message %s: from queue %d, asked for %d", d.Message.ID, d.Queue, w.Queue)
	case d.StoredAt.IsZero():
		s.fatalf("message %s: no store time", d.Message.ID)
	}
	s.sameAsSent(d.Message)
}

// sameAsSent compares all that a producer may set.
func (s *Scene) sameAsSent(got mq.Message) {
	s.mu.Lock()
	sent, known := s.sent[got.ID]
	s.mu.Unlock()
	if !got.Origin.IsZero() {
		return // the cases about dead letters look at what a copy keeps
	}
	if !known {
		s.fatalf("message %s was never sent", got.ID)
	}
	if why := different(got, sent); why != "" {
		s.fatalf("message %s came back with another %s", got.ID, why)
	}
}

func different(got, sent mq.Message) string {
	switch {
	case !bytes.Equal(got.Body, sent.Body):
		return fmt.Sprintf("body: %q, sent %q", clip(got.Body), clip(sent.Body))
	case got.Tag != sent.Tag:
		return fmt.Sprintf("tag: %q, sent %q", got.Tag, sent.Tag)
	case !slices.Equal(got.Keys, sent.Keys):
		return fmt.Sprintf("keys: %v, sent %v", got.Keys, sent.Keys)
	case got.Group != sent.Group:
		return fmt.Sprintf("message group: %q, sent %q", got.Group, sent.Group)
	case !slices.Equal(got.Properties, sent.Properties):
		return fmt.Sprintf("properties: %v, sent %v", got.Properties, sent.Properties)
	case got.Trace != sent.Trace:
		return fmt.Sprintf("trace context: %q, sent %q", got.Trace, sent.Trace)
	case got.Encoding != sent.Encoding:
		return fmt.Sprintf("encoding: %d, sent %d", got.Encoding, sent.Encoding)
	case got.BornHost != sent.BornHost:
		return fmt.Sprintf("born host: %q, sent %q", got.BornHost, sent.BornHost)
	case !got.Born.Truncate(time.Millisecond).Equal(sent.Born.Truncate(time.Millisecond)):
		return fmt.Sprintf("born time: %v, sent %v", got.Born, sent.Born)
	}
	return ""
}

func clip(b []byte) []byte { return b[:min(len(b), 64)] }

// collect receives until n messages came, those that came before counted, and demands that no more come. Each may be late, by the target's lateness.
func (s *Scene) collect(w mq.Want, n int, before ...mq.Delivery) []mq.Delivery {
	got := before
	limit := w.Max
	s.within(s.target.Lateness, fmt.Sprintf("%d messages are delivered", n), func() bool {
		for len(got) < n {
			w.Max = min(limit, mq.MaxReceive)
			some := s.take(w)
			got = append(got, some...)
			if len(some) == 0 {
				break
			}
		}
		return len(got) >= n
	})
	if len(got) > n {
		s.fatalf("%d messages came, want %d", len(got), n)
	}
	return got
}

// none demands that a receive finds nothing.
func (s *Scene) none(w mq.Want, why string) {
	if got := s.take(w); len(got) > 0 {
		s.fatalf("message %s came, attempt %d: %s", got[0].Message.ID, got[0].Attempt, why)
	}
}

// noneWhile demands that receives find nothing while d goes by.
func (s *Scene) noneWhile(d time.Duration, w mq.Want, why string) {
	s.while(d, why, func() bool { return len(s.take(w)) == 0 })
}

// noneUntil demands that receives find nothing before end on the engine's clock, and lets that time pass. One that a stalled engine answered later than that tells
// nothing, and what it brought is given.
func (s *Scene) noneUntil(end time.Time, w mq.Want, why string) (late []mq.Delivery) {
	const looks = 8
	last := s.justBefore(end)
	step := last.Sub(s.now()) / looks
	for i := 0; ; i++ {
		got := s.take(w)
		switch now := s.now(); {
		case len(got) > 0 && now.Before(end.Truncate(time.Millisecond)):
			s.fatalf("message %s came %v early: %s", got[0].Message.ID, end.Sub(now), why)
		case len(got) > 0:
			return got
		case i >= looks || !now.Before(last):
			s.passUntil(end.Add(time.Millisecond))
			return nil
		}
		s.pass(min(step, last.Sub(s.now())))
	}
}

// ack settles each delivery and demands that it works.
func (s *Scene) ack(ds ...mq.Delivery) {
	for i, err := range s.acks(s.engine(), leases(ds...)...) {
		s.ok(err, "ack "+ds[i].Message.ID.String())
	}
}

func (s *Scene) acks(e Engine, ls ...mq.Lease) []error {
	errs := e.Ack(s.ctx, ls)
	if len(errs) != len(ls) {
		s.fatalf("ack: %d answers for %d leases", len(errs), len(ls))
	}
	return errs
}

// ackOne settles one lease and gives the engine's answer.
func (s *Scene) ackOne(l mq.Lease) error { return s.acks(s.engine(), l)[0] }

// extend moves the end of one lease and gives the engine's answer.
func (s *Scene) extend(l mq.Lease, d time.Duration, how mq.KeepOrReplace) (mq.Lease, error) {
	got := s.engine().Extend(s.ctx, []mq.Lease{l}, d, how)
	if len(got) != 1 {
		s.fatalf("extend: %d answers for one lease", len(got))
	}
	return got[0].Lease, got[0].Err
}

// extended is extend where it must work.
func (s *Scene) extended(l mq.Lease, d time.Duration, how mq.KeepOrReplace) mq.Lease {
	now, err := s.extend(l, d, how)
	s.ok(err, "extend")
	if now.Token == "" {
		s.fatalf("extend: a lease without a token")
	}
	return now
}

func leases(ds ...mq.Delivery) []mq.Lease {
	ls := make([]mq.Lease, len(ds))
	for i, d := range ds {
		ls[i] = d.Lease
	}
	return ls
}

// expire lets all leases run out.
func (s *Scene) expire(ds ...mq.Delivery) {
	for _, d := range ds {
		s.passUntil(d.Lease.Until.Add(time.Millisecond))
	}
}

func idsOf(ms []mq.Message) []string {
	ids := make([]string, len(ms))
	for i, m := range ms {
		ids[i] = m.ID.String()
	}
	return ids
}

func idsIn(ds []mq.Delivery) []string {
	ids := make([]string, len(ds))
	for i, d := range ds {
		ids[i] = d.Message.ID.String()
	}
	return ids
}

// areExactly demands these messages in this order.
func (s *Scene) areExactly(got []mq.Delivery, want ...mq.Message) {
	if g, w := idsIn(got), idsOf(want); !slices.Equal(g, w) {
		s.fatalf("messages came as %v, want %v", g, w)
	}
}

// areAll demands these messages in any order, each once.
func (s *Scene) areAll(got []mq.Delivery, want ...mq.Message) {
	g, w := idsIn(got), idsOf(want)
	slices.Sort(g)
	slices.Sort(w)
	if !slices.Equal(g, w) {
		s.fatalf("messages that came: %v, want %v", g, w)
	}
}

func (s *Scene) attemptsAre(n int, got ...mq.Delivery) {
	for _, d := range got {
		if d.Attempt != n {
			s.fatalf("message %s came as attempt %d, want %d", d.Message.ID, d.Attempt, n)
		}
	}
}

// deadLetters is the topic that keeps the dead letters of a group.
func (s *Scene) deadLetters(g mq.Group) mq.Topic {
	return mq.Topic{Name: mq.PhysicalDeadLetters(g.Name), Cluster: g.Cluster, Accepts: mq.AcceptsOf(mq.Normal), Queues: 1}
}
