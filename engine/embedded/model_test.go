// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/testkit/prop"

	"github.com/causeway-mq/causeway/engine/embedded/token"
	"github.com/causeway-mq/causeway/mq"
)

// The model is what the engine promises, said as simply as possible: lists, no log, no index, nothing clever. Random operations
// go to both. Every call of the engine returns when its record is on disk, so after any crash the engine must be exactly where
// the model is.

type modelMessage struct {
	id    string
	lane  string
	state string // unseen, open or settled
	until time.Time
	tries int
	token string
}

type model struct {
	*world
	t       *prop.T
	topic   mq.Topic
	plain   mq.Group
	ordered mq.Group
	groups  map[string]map[mq.QueueID][]*modelMessage // by group, then queue; the index is the offset
	leases  []mq.Lease
	waiting map[string]mq.Sent // scheduled, by id
	due     map[string]time.Time
	halves  map[string]mq.Sent
	ended   map[string]mq.Verdict
	seed    uint64
}

func (m *model) place(q mq.QueueID, o mq.Offset, id, lane string) {
	for _, queues := range m.groups {
		if int(o) != len(queues[q]) {
			m.Fatalf("message %s got offset %d of queue %d, which has %d messages", id, o, q, len(queues[q]))
		}
		queues[q] = append(queues[q], &modelMessage{id: id, lane: lane, state: "unseen"})
	}
}

func (m *model) now() time.Time { return m.engine.Now() }

func (m *model) sendSome(t *prop.T) {
	var batch []mq.Message
	for range prop.IntRange(1, 4).Draw(t, "n") {
		one := m.message(prop.StringN(0, 40, 200).Draw(t, "body"))
		if prop.Bool().Draw(t, "fifo") {
			one = m.inLane(fmt.Sprint("lane", prop.IntRange(0, 3).Draw(t, "lane")), one)
		}
		batch = append(batch, one)
	}
	for i, s := range m.send(m.topic, batch...) {
		m.place(s.Queue, s.Offset, batch[i].ID.String(), batch[i].Group.String())
	}
}

func (m *model) sendLater(t *prop.T) {
	one := m.message("later")
	one.Type, one.DeliverAt = mq.Delay, m.now().Add(time.Duration(prop.IntRange(1, 20).Draw(t, "s"))*time.Second)
	s := m.send(m.topic, one)[0]
	m.waiting[one.ID.String()], m.due[one.ID.String()] = s, one.DeliverAt
}

func (m *model) recall(t *prop.T) {
	id, ok := pickKey(t, m.due)
	if !ok {
		return
	}
	err := m.engine.Recall(m.ctx, m.topic, m.waiting[id].Scheduled)
	if _, waits := m.due[id]; waits && err != nil {
		m.Fatalf("recall of %s: %v", id, err)
	}
	delete(m.due, id)
	if again := m.engine.Recall(m.ctx, m.topic, m.waiting[id].Scheduled); mq.KindOf(again) != mq.MessageNotFound {
		m.Fatalf("second recall of %s: %v", id, again)
	}
}

func (m *model) openHalf(*prop.T) {
	one := m.message("half")
	one.Type, one.FirstCheck = mq.Transaction, time.Hour
	m.halves[one.ID.String()] = m.send(m.topic, one)[0]
}

func (m *model) endHalf(t *prop.T) {
	id, ok := pickKey(t, m.halves)
	if !ok {
		return
	}
	v := prop.SampledFrom([]mq.Verdict{mq.Commit, mq.Rollback}).Draw(t, "verdict")
	before, ended := m.ended[id]
	err := m.engine.Settle(m.ctx, m.topic, m.halves[id].Half, v, mq.ByProducer)
	switch {
	case ended && before != v:
		m.expect(mq.KindOf(err), mq.Conflict, "the other verdict on "+id)
		return
	case err != nil:
		m.Fatalf("%v of %s: %v", v, id, err)
	case !ended && v == mq.Commit:
		m.arrived(id)
	}
	m.ended[id] = v
}

// arrived looks up where the engine put a message whose queue the engine chose silently.
func (m *model) arrived(id string) {
	message, _ := mq.ParseMessageID(id)
	page, err := m.engine.Find(m.ctx, mq.Find{Topic: m.topic, ID: message, Limit: 10})
	m.must(err, "find")
	if len(page.Messages) != 1 || page.Messages[0].State != mq.FoundStored {
		m.Fatalf("%s should be stored once: %+v", id, page.Messages)
	}
	m.place(page.Messages[0].Queue, page.Messages[0].Offset, id, "")
}

// candidates says which offsets of a queue may be granted: what is free first, then what is unseen, each ascending.
func (m *model) candidates(g mq.Group, q mq.QueueID) (list []mq.Offset) {
	for _, state := range []string{"open", "unseen"} {
		for o, x := range m.groups[g.Name.String()][q] {
			if x.state == state && !x.until.After(m.now()) {
				list = append(list, mq.Offset(o))
			}
		}
	}
	return list
}

func (m *model) takeSome(t *prop.T, g mq.Group) {
	q := mq.QueueID(prop.IntRange(0, m.topic.Queues-1).Draw(t, "queue"))
	most := prop.IntRange(1, 6).Draw(t, "max")
	hold, err := mq.ParseHold(time.Duration(prop.IntRange(1, 8).Draw(t, "hold")) * time.Second)
	m.must(err, "hold")
	may := m.candidates(g, q)
	got, err := m.engine.Take(m.ctx, mq.Want{Topic: m.topic, Group: g, Queue: q, Max: most, Hold: hold})
	m.must(err, "take")
	list := m.groups[g.Name.String()][q]
	if g.Ordered {
		m.checkRun(list, may, got)
	} else {
		m.checkBatch(list, may, got, most)
	}
	for _, d := range got {
		x := list[d.Offset]
		x.tries++
		m.expect(d.Message.ID, x.id, "the message at its place")
		m.expect(d.Attempt, x.tries, "attempt of "+x.id)
		x.state, x.until, x.token = "open", d.Lease.Until, d.Lease.Token
		m.expect(x.until.Equal(m.now().Add(hold.Duration())), true, "end of the lease")
		m.leases = append(m.leases, d.Lease)
	}
}

// checkBatch: an unordered take gives exactly the first of what may be given; what had all its tries became a dead letter.
func (m *model) checkBatch(list []*modelMessage, may []mq.Offset, got []mq.Delivery, most int) {
	var want []mq.Offset
	for _, o := range may[:min(most, len(may))] {
		if list[o].tries >= 3 {
			list[o].state = "settled"
			continue
		}
		want = append(want, o)
	}
	spent := min(most, len(may)) - len(want)
	if spent > 0 && len(got) > len(want) { // room that dead letters left is filled with unseen messages
		for _, o := range may[min(most, len(may)):] {
			if len(want) < len(got) && list[o].state == "unseen" {
				want = append(want, o)
			}
		}
	}
	var offsets []mq.Offset
	for _, d := range got {
		offsets = append(offsets, d.Offset)
	}
	m.expect(offsets, want, "offsets of a take")
}

// checkRun: an ordered take gives one lane's messages, ascending, with nothing earlier of that lane left out.
func (m *model) checkRun(list []*modelMessage, may []mq.Offset, got []mq.Delivery) {
	blocked := map[string]bool{}
	for _, x := range list {
		if x.state == "open" && x.until.After(m.now()) {
			blocked[x.lane] = true
		}
	}
	possible := false
	for _, o := range may {
		x := list[o]
		if blocked[x.lane] {
			continue
		}
		possible = true
	}
	if len(got) == 0 {
		return
	}
	if !possible {
		m.Fatalf("%d messages, although every lane is blocked", len(got))
	}
	lane := list[got[0].Offset].lane
	if blocked[lane] {
		m.Fatalf("lane %q gave messages while one of it is leased", lane)
	}
	next := 0
	for _, x := range list {
		if next == len(got) {
			break
		}
		if x.lane != lane || x.state == "settled" {
			continue
		}
		m.expect(list[got[next].Offset].id, x.id, "the next of lane "+lane)
		next++
	}
}

// find gives what a lease stands for.
func (m *model) find(l mq.Lease) *modelMessage {
	name, ok := token.ParseLease(l.Token)
	if !ok {
		m.Fatalf("a token that does not parse")
	}
	return m.groups[l.Group.Name.String()][name.Ledger.Queue.Queue][name.Offset]
}

// judge says what a call with a lease must answer.
func (m *model) judge(l mq.Lease) mq.Kind {
	x := m.find(l)
	switch {
	case x.state == "settled":
		return mq.Settled
	case x.token != l.Token || !x.until.After(m.now()):
		return mq.Expired
	}
	return 0
}

func (m *model) ackSome(t *prop.T) {
	if len(m.leases) == 0 {
		return
	}
	l := prop.SampledFrom(m.leases).Draw(t, "lease")
	want := m.judge(l)
	m.expect(mq.KindOf(m.engine.Ack(m.ctx, []mq.Lease{l})[0]), want, "ack")
	if want == 0 {
		m.find(l).state = "settled"
	}
}

func (m *model) bury(t *prop.T) {
	if len(m.leases) == 0 {
		return
	}
	l := prop.SampledFrom(m.leases).Draw(t, "lease")
	want := m.judge(l)
	if want == mq.Settled {
		want = 0 // a repeated move is safe
	}
	m.expect(mq.KindOf(m.engine.DeadLetter(m.ctx, []mq.Lease{l}, "poison")[0]), want, "dead letter")
	if want == 0 {
		m.find(l).state = "settled"
	}
}

func (m *model) extend(t *prop.T) {
	if len(m.leases) == 0 {
		return
	}
	l := prop.SampledFrom(m.leases).Draw(t, "lease")
	d := time.Duration(prop.IntRange(0, 6).Draw(t, "s")) * time.Second
	how := mq.KeepOrReplace(prop.Bool().Draw(t, "replace"))
	want := m.judge(l)
	got := m.engine.Extend(m.ctx, []mq.Lease{l}, d, how)[0]
	m.expect(mq.KindOf(got.Err), want, "extend")
	if want != 0 {
		m.expect(got.Lease.Token == l.Token, true, "a refused extension changes nothing")
		return
	}
	x := m.find(l)
	m.expect(got.Lease.Token != l.Token, how == mq.Replace, "a replaced token is new")
	x.until, x.token = m.now().Add(d), got.Lease.Token
	m.leases = append(m.leases, got.Lease)
}

func (m *model) wait(t *prop.T) {
	m.pass(time.Duration(prop.IntRange(100, 6000).Draw(t, "ms")) * time.Millisecond)
	var over []string
	for id, due := range m.due {
		if !due.After(m.now()) {
			over = append(over, id)
		}
	}
	// The engine delivers by due time, then by age.
	slices.SortFunc(over, func(a, b string) int { return cmp.Or(m.due[a].Compare(m.due[b]), cmp.Compare(a, b)) })
	for _, id := range over {
		m.arrived(id)
		delete(m.due, id)
	}
}

func (m *model) reset(t *prop.T) {
	g := m.plain
	if prop.Bool().Draw(t, "ordered") {
		g = m.ordered
	}
	kind := prop.SampledFrom([]mq.PositionKind{mq.ToEarliest, mq.ToLatest}).Draw(t, "to")
	_, err := m.engine.Reset(m.ctx, g, m.topic, mq.Position{Kind: kind, Force: true})
	m.must(err, "reset")
	for _, list := range m.groups[g.Name.String()] {
		for _, x := range list {
			x.token, x.tries, x.until = "", 0, time.Time{}
			if x.state = "unseen"; kind == mq.ToLatest {
				x.state = "settled"
			}
		}
	}
}

// restart stops and starts the engine, or cuts its power, and in either case compares what it knows with what it knew, with
// and without everything derived.
func (m *model) restart(t *prop.T) {
	m.settle()
	before := m.engine.Dump()
	if prop.Bool().Draw(t, "cleanly") {
		m.close()
	} else {
		m.seed++
		m.crash(m.seed, prop.SampledFrom([]float64{0, 0.1, 0.5, 1}).Draw(t, "kept"))
	}
	full := m.recovered(m.disk.Clone(), true)
	bare := m.recovered(m.disk.Clone(), false)
	if !bytes.Equal(full, bare) {
		m.Fatalf("with its index the engine knows something else than without")
	}
	m.open()
	if !bytes.HasPrefix(full, before) {
		m.Fatalf("the engine that was opened again differs from the one that was ended")
	}
}

func pickKey[V any](t *prop.T, from map[string]V) (string, bool) {
	if len(from) == 0 {
		return "", false
	}
	keys := make([]string, 0, len(from))
	for k := range from {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return prop.SampledFrom(keys).Draw(t, "which"), true
}

func TestTheEngineDoesWhatTheModelDoesOverRestartsAndCrashes(t *testing.T) {
	prop.Check(t, func(t *prop.T) {
		m := &model{
			world: newWorld(t, nil), t: t, topic: topicOf("t", 2), plain: groupOf("plain"), ordered: orderedGroup("ordered"),
			waiting: map[string]mq.Sent{}, due: map[string]time.Time{}, halves: map[string]mq.Sent{}, ended: map[string]mq.Verdict{},
		}
		defer func() { _ = m.engine.Close(m.ctx) }()
		m.ordered.MaxAttempts = 1 << 20 // so that the model need not know which of a run became dead letters
		m.groups = map[string]map[mq.QueueID][]*modelMessage{"plain": {}, "ordered": {}}
		m.must(m.engine.PutTopic(m.ctx, m.topic), "put topic")
		t.Repeat(map[string]func(*prop.T){
			"send":    m.sendSome,
			"later":   m.sendLater,
			"recall":  m.recall,
			"half":    m.openHalf,
			"end":     m.endHalf,
			"take":    func(t *prop.T) { m.takeSome(t, m.plain) },
			"run":     func(t *prop.T) { m.takeSome(t, m.ordered) },
			"ack":     m.ackSome,
			"extend":  m.extend,
			"bury":    m.bury,
			"wait":    m.wait,
			"reset":   m.reset,
			"restart": m.restart,
		})
	})
}
