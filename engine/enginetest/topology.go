// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func topologyCases() []Case {
	return []Case{
		{Name: "topology/a-topic-has-its-queues", Play: topicHasItsQueues},
		{Name: "topology/a-new-topic-is-a-change", Play: newTopicIsAChange},
		{Name: "topology/an-unknown-topic", Play: unknownTopic},
		{Name: "topology/traits-make-sense", Play: traitsMakeSense},
		{Name: "topology/probe", Play: probe},
		{Name: "provision/putting-twice-is-putting-once", Play: puttingTwice},
		{Name: "provision/more-queues-keep-what-is-stored", Play: moreQueues},
		{Name: "provision/inventory", Play: inventory},
		{Name: "provision/retention-by-topic", Excluded: retentionByTopic, Play: keepsRetention, Inverse: keepsNoRetention},
		{Name: "provision/durability-by-topic", Excluded: durabilityByTopic, Play: keepsDurability, Inverse: keepsNoDurability},
		{Name: "provision/drop", Play: drop},
		{Name: "provision/a-dropped-topic-comes-back-empty", Play: droppedComesBackEmpty},
		{Name: "provision/a-dropped-topic-is-new-to-its-groups", Play: droppedTopicIsNewToItsGroups},
		{Name: "provision/a-dropped-group-starts-anew", Play: droppedGroupStartsAnew},
		{Name: "provision/a-dropped-topic-takes-nothing-with-it", Play: dropTakesNothingWithIt},
	}
}

func topicHasItsQueues(s *Scene) {
	t := s.topic(6)
	qs, err := s.engine().Refresh(s.ctx, t)
	s.ok(err, "refresh")
	perBroker := map[string]int{}
	for _, q := range qs {
		perBroker[q.Broker]++
		if !q.Readable || !q.Writable {
			s.fatalf("queue %+v of a new topic", q)
		}
	}
	for broker, n := range perBroker {
		if n != 6 {
			s.fatalf("%d queues on broker %q, want 6", n, broker)
		}
	}
	sorted := slices.IsSortedFunc(qs, func(a, b mq.Queue) int {
		if a.Broker != b.Broker {
			return slices.Compare([]byte(a.Broker), []byte(b.Broker))
		}
		return int(a.ID - b.ID)
	})
	if len(qs) == 0 || !sorted {
		s.fatalf("queues %+v are none or not sorted", qs)
	}
	known, ok := s.engine().Queues(t)
	if !ok || !slices.Equal(known, qs) {
		s.fatalf("from memory: %+v, refreshed: %+v", known, qs)
	}
}

func newTopicIsAChange(s *Scene) {
	changed := s.engine().Changed()
	t := s.topic(1)
	if _, ok := s.engine().Queues(t); !ok { // an engine may learn of it by being asked only
		_, err := s.engine().Refresh(s.ctx, t)
		s.ok(err, "refresh")
	}
	s.within(s.target.Lateness, "the change is announced", func() bool {
		select {
		case <-changed:
			return true
		default:
			return false
		}
	})
}

func unknownTopic(s *Scene) {
	t := mq.Topic{Name: s.name("nowhere"), Cluster: s.target.Cluster, Accepts: mq.AcceptsOf(mq.Normal), Queues: 1}
	_, err := s.engine().Refresh(s.ctx, t)
	s.refused(err, "refresh of an unknown topic", mq.TopicNotFound)
	if qs, ok := s.engine().Queues(t); ok && len(qs) > 0 {
		s.fatalf("an unknown topic has queues %+v", qs)
	}
}

func traitsMakeSense(s *Scene) {
	switch t := s.traits; {
	case t.Name == "":
		s.fatalf("the engine has no name")
	case t.MaxBatch < 1, t.MaxDelay <= 0, t.MaxHold < mq.MinHold:
		s.fatalf("limits that let nothing pass: %+v", t)
	case s.engine().Traits() != t:
		s.fatalf("the traits changed")
	}
}

func probe(s *Scene) {
	s.ok(s.engine().Probe(s.ctx), "probe")
	s.ok(s.engine().Probe(s.ctx), "a second probe")
}

func puttingTwice(s *Scene) {
	t, g := s.topic(3), s.group(attempts(5))
	ms := s.messages(4)
	s.send(t, ms...)
	s.ack(s.collect(want(t, g), 4)[:2]...)
	for range 3 {
		s.ok(s.engine().PutTopic(s.ctx, t), "put the same topic again")
		s.ok(s.engine().PutGroup(s.ctx, g), "put the same group again")
	}
	qs, err := s.engine().Refresh(s.ctx, t)
	s.ok(err, "refresh")
	if len(qs)%3 != 0 {
		s.fatalf("%d queues after putting a topic of 3 again", len(qs))
	}
	s.pass(rest)
	s.collect(want(t, g), 2) // progress was kept
}

func moreQueues(s *Scene) {
	t, g := s.topic(1), s.group()
	before := s.messages(3)
	s.send(t, before...)
	t.Queues = 4
	s.ok(s.engine().PutTopic(s.ctx, t), "put topic with more queues")
	qs, err := s.engine().Refresh(s.ctx, t)
	s.ok(err, "refresh")
	if len(qs)%4 != 0 {
		s.fatalf("%d queues, want 4 on each broker", len(qs))
	}
	after := s.messages(12)
	s.sendEach(t, after...)
	s.areAll(s.collect(want(t, g), 15), append(before, after...)...)
}

func inventory(s *Scene) {
	t, g := s.topic(3, mq.FIFO), s.group(ordered, attempts(4))
	inv, err := s.engine().Inventory(s.ctx)
	s.ok(err, "inventory")
	topic := slices.IndexFunc(inv.Topics, func(x mq.TopicSpec) bool { return x.Name == t.Name })
	group := slices.IndexFunc(inv.Groups, func(x mq.GroupSpec) bool { return x.Name == g.Name })
	if topic < 0 || group < 0 {
		s.fatalf("the inventory lacks the topic or the group: %d, %d", topic, group)
	}
	if got := inv.Topics[topic]; got.Queues != t.Queues || got.Accepts != t.Accepts {
		s.fatalf("the inventory says %+v, put %+v", got, t)
	}
	if got := inv.Groups[group]; got.Ordered != g.Ordered || got.MaxAttempts != g.MaxAttempts || got.Mode != g.Mode {
		s.fatalf("the inventory says %+v, put %+v", got, g)
	}
}

func retentionByTopic(t mq.Traits) string {
	if t.TopicRetention {
		return ""
	}
	return "retention is a setting of the brokers, for all topics alike"
}

func durabilityByTopic(t mq.Traits) string {
	if t.TopicDurability {
		return ""
	}
	return "durability is a setting of the brokers, for all topics alike"
}

// listed puts a topic and gives it as the inventory has it, with what the engine says that it does not keep.
func (s *Scene) listed(t mq.TopicSpec) (mq.TopicSpec, mq.Coarse) {
	s.ok(s.engine().PutTopic(s.ctx, t), "put topic")
	inv, err := s.engine().Inventory(s.ctx)
	s.ok(err, "inventory")
	i := slices.IndexFunc(inv.Topics, func(x mq.TopicSpec) bool { return x.Name == t.Name })
	if i < 0 {
		s.fatalf("the inventory lacks topic %s", t.Name)
	}
	return inv.Topics[i], inv.Coarse
}

func keepsRetention(s *Scene) {
	t := s.topic(1)
	t.Retention = 90 * time.Minute
	if got, coarse := s.listed(t); got.Retention != t.Retention || coarse.Topic(t).Retention != t.Retention {
		s.fatalf("retention %v, put %v; the inventory says that it keeps %v", got.Retention, t.Retention, coarse.Topic(t).Retention)
	}
}

// keepsNoRetention: who asks for one all the same is not told a value that nobody applies.
func keepsNoRetention(s *Scene) {
	t := s.topic(1)
	t.Retention = 90 * time.Minute
	if got, coarse := s.listed(t); got.Retention != 0 || coarse.Topic(t).Retention != 0 {
		s.fatalf("retention %v of an engine that keeps none by topic; the inventory says that it keeps %v", got.Retention, coarse.Topic(t).Retention)
	}
}

func (s *Scene) window(d time.Duration) mq.Durability {
	w, err := mq.Window(d)
	s.ok(err, "window")
	return w
}

func keepsDurability(s *Scene) {
	t := s.topic(1)
	t.Durability = s.window(20 * time.Millisecond)
	if got, coarse := s.listed(t); got.Durability != t.Durability || coarse.Topic(t).Durability != t.Durability {
		s.fatalf("durability %v, put %v; the inventory says that it keeps %v", got.Durability, t.Durability, coarse.Topic(t).Durability)
	}
}

func keepsNoDurability(s *Scene) {
	t := s.topic(1)
	t.Durability = s.window(20 * time.Millisecond)
	if got, coarse := s.listed(t); !got.Durability.Synced() || !coarse.Topic(t).Durability.Synced() {
		s.fatalf("durability %v of an engine that keeps none by topic; the inventory says that it keeps %v", got.Durability, coarse.Topic(t).Durability)
	}
}

func drop(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	s.collect(want(t, g), 1)
	s.dropGroup(g)
	s.dropTopic(t)
	s.dropGroup(g)
	s.dropTopic(t)
	_, err := s.engine().Refresh(s.ctx, t)
	s.refused(err, "refresh of a dropped topic", mq.TopicNotFound)
	inv, err := s.engine().Inventory(s.ctx)
	s.ok(err, "inventory")
	for _, x := range inv.Topics {
		if x.Name == t.Name {
			s.fatalf("the inventory still has the dropped topic")
		}
	}
	for _, x := range inv.Groups {
		if x.Name == g.Name {
			s.fatalf("the inventory still has the dropped group")
		}
	}
}

func droppedComesBackEmpty(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(3)...)
	due := s.now().Add(5 * time.Second)
	s.send(t, s.message(dueAt(due)))
	s.collect(want(t, g), 3)
	s.dropTopic(t)
	s.ok(s.engine().PutTopic(s.ctx, t), "put topic")
	s.none(want(t, g), "the topic is new")
	m := s.message()
	s.send(t, m)
	s.ack(s.collect(want(t, g), 1)...)
	s.passUntil(due)
	s.noneWhile(rest, want(t, g), "what was scheduled went with the old topic")
}

func (s *Scene) dropTopic(t mq.Topic) {
	s.during(func() error { return s.engine().DropTopic(s.ctx, t.Name) }, "drop topic")
}

// droppedTopicIsNewToItsGroups: what groups did in the topic that was dropped does not count in the one that has its name.
func droppedTopicIsNewToItsGroups(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(3)...)
	s.ack(s.collect(want(t, g), 3)...)
	s.dropTopic(t)
	s.ok(s.engine().PutTopic(s.ctx, t), "put topic")
	s.pass(50 * time.Millisecond) // an engine may store beside how far a group came in the dropped topic
	ms := s.messages(3)
	s.send(t, ms...)
	got := s.collect(want(t, g), 3)
	s.areExactly(got, ms...)
	s.attemptsAre(1, got...)
}

func (s *Scene) dropGroup(g mq.Group) {
	s.during(func() error { return s.engine().DropGroup(s.ctx, g.Name) }, "drop group")
}

func droppedGroupStartsAnew(s *Scene) {
	t, g := s.topic(1), s.group()
	ms := s.messages(4)
	s.send(t, ms...)
	got := s.collect(want(t, g, lasting(time.Hour)), 4)
	s.ack(got[:2]...)
	s.dropGroup(g)
	s.ok(s.engine().PutGroup(s.ctx, g), "put group")
	s.pass(50 * time.Millisecond) // an engine may store beside how far the dropped group came
	again := s.collect(want(t, g), 4)
	s.areExactly(again, ms...)
	s.attemptsAre(1, again...)
	if err := s.ackOne(got[2].Lease); err == nil && s.traits.KnowsExpired {
		s.fatalf("a lease of the dropped group still settles")
	}
}

func dropTakesNothingWithIt(s *Scene) {
	gone, stays, g := s.topic(1), s.topic(1), s.group()
	due := s.now().Add(2 * s.leisurely(5*time.Second))
	scheduled := s.message(dueAt(due))
	s.send(gone, s.message(dueAt(due)), s.message())
	s.send(stays, scheduled)
	_, lost := s.prepare(gone)
	committed, h := s.prepare(stays)
	held := s.message()
	s.send(stays, held)
	d := s.collect(want(stays, g, lasting(time.Hour)), 1)
	s.collect(want(gone, g, lasting(time.Hour)), 1)

	s.dropTopic(gone)
	if s.traits.OutcomesSticky {
		s.refused(s.settle(gone, lost, mq.Commit), "commit of a half that went with its topic")
	}
	s.ok(s.settle(stays, h, mq.Commit), "commit in the other topic")
	s.areExactly(s.collect(want(stays, g, lasting(time.Hour)), 1), committed)
	s.passUntil(due)
	s.areExactly(s.collect(want(stays, g, lasting(time.Hour)), 1), scheduled)
	s.ack(d...)
}
