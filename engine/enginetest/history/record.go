// SPDX-License-Identifier: Apache-2.0

// Package history records what happened to messages, then judges whether it was allowed.
//
// Actors write down each call with its beginning, its end and its outcome; nobody needs to see inside an engine. [Judge]
// then looks for what no order of the calls can explain: a loss, a phantom, a duplicate without a cause, a broken order, an
// early delivery, a verdict that did not hold. It is conservative: calls that overlap may have happened in any order, and an
// unknown outcome may have happened or not.
package history

import (
	"hash/fnv"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Span is when a call ran: in the order of all beginnings and ends, and by the engine's clock.
type Span struct {
	Call, Return int64
	From, To     time.Time
}

// before tells whether s was over when other began.
func (s Span) before(other Span) bool { return s.Return < other.Call }

// Place is one offset of one queue of a topic.
type Place struct {
	Topic  string
	Broker string
	Queue  mq.QueueID
	Offset mq.Offset
}

type sendOp struct {
	Span
	message mq.Message
	digest  uint64
	place   Place
	result  mq.Result
	half    bool
}

type takeOp struct {
	Span
	group   string
	attempt mq.AttemptID
	got     []*grant
}

// grant is one delivery.
type grant struct {
	take    *takeOp
	index   int // within the take
	id      mq.MessageID
	group   mq.MessageGroup
	place   Place
	attempt int
	digest  uint64
	*lease
}

// lease is what a delivery gave, with all that was done with it. A receive that was repeated shares it.
type lease struct {
	until   time.Time // at first
	moves   []moveOp
	settles []settleOp
}

type moveOp struct {
	Span
	until  time.Time // the new end where it is known, otherwise the earliest it may be
	result mq.Result
}

type settleOp struct {
	Span
	result mq.Result
	dead   bool
}

type verdictOp struct {
	Span
	verdict mq.Verdict
	result  mq.Result
}

type groupFacts struct {
	rules  Group
	takes  []*takeOp
	grants map[mq.MessageID][]*grant
	dead   map[mq.MessageID]int // copies found among the dead letters
	resets []Span
	lost   bool // a take had an unknown outcome: it may have granted what nobody saw
}

// Group is what must hold for one consumer group.
type Group struct {
	Name        mq.Physical
	Topic       mq.Physical
	Ordered     bool
	MaxAttempts int                    // 0 = do not judge
	Uncounted   bool                   // attempts do not count up, so their numbers prove nothing
	Wants       func(*mq.Message) bool // its filter; nil = all
}

// History is a record under way. It may be used from several goroutines.
type History struct {
	now func() time.Time

	mu       sync.Mutex // guards the rest
	seq      int64
	sends    map[mq.MessageID][]*sendOp
	order    []mq.MessageID // of first sends
	verdicts map[mq.MessageID][]verdictOp
	recalls  map[mq.MessageID][]settleOp
	groups   map[mq.Physical]*groupFacts
	byToken  map[string]*lease
	replaced []Span // fail-overs
}

// New starts a record; now is the engine's clock.
func New(now func() time.Time) *History {
	return &History{
		now: now, sends: map[mq.MessageID][]*sendOp{}, verdicts: map[mq.MessageID][]verdictOp{},
		recalls: map[mq.MessageID][]settleOp{}, groups: map[mq.Physical]*groupFacts{}, byToken: map[string]*lease{},
	}
}

// Judging adds a group whose deliveries are to be judged. It must come before the group's first take.
func (h *History) Judging(g Group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.groups[g.Name] = &groupFacts{rules: g, grants: map[mq.MessageID][]*grant{}, dead: map[mq.MessageID]int{}}
}

// Begin is called right before a call to the engine; its Span is handed to the note that is taken after the call.
func (h *History) Begin() Span {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	return Span{Call: h.seq, From: now}
}

// endLocked completes a span. The clock is read before the lock is taken, by the caller.
func (h *History) endLocked(s Span, now time.Time) Span {
	h.seq++
	s.Return, s.To = h.seq, now
	return s
}

// Sent notes the answer for one message of a send. Its place counts when the message has one.
func (h *History) Sent(s Span, t mq.Physical, m mq.Message, answer mq.Sent) {
	op := &sendOp{message: m, digest: Digest(&m), result: mq.Outcome(answer.Err), half: m.Type == mq.Transaction}
	op.message.Body = nil
	op.place = Place{t.String(), answer.Broker, answer.Queue, answer.Offset}
	if op.result != mq.Done {
		op.place = Place{Topic: t.String(), Offset: -1}
	}
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	op.Span = h.endLocked(s, now)
	if _, again := h.sends[m.ID]; !again {
		h.order = append(h.order, m.ID)
	}
	h.sends[m.ID] = append(h.sends[m.ID], op)
}

// Settled notes a verdict on a transaction.
func (h *History) Settled(s Span, id mq.MessageID, v mq.Verdict, err error) {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.verdicts[id] = append(h.verdicts[id], verdictOp{h.endLocked(s, now), v, mq.Outcome(err)})
}

// Recalled notes a recall.
func (h *History) Recalled(s Span, id mq.MessageID, err error) {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.recalls[id] = append(h.recalls[id], settleOp{Span: h.endLocked(s, now), result: mq.Outcome(err)})
}

// Took notes a receive of a judged group. An error that is no refusal means that something may have been granted unseen.
func (h *History) Took(s Span, w mq.Want, got []mq.Delivery, err error) {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.groups[w.Group.Name]
	if mq.Outcome(err) == mq.Unknown {
		g.lost = true
	}
	if len(got) == 0 {
		return
	}
	op := &takeOp{Span: h.endLocked(s, now), group: w.Group.Name.String(), attempt: w.Attempt}
	for i, d := range got {
		key := w.Group.Name.String() + "\x00" + d.Lease.Token
		if h.byToken[key] == nil {
			h.byToken[key] = &lease{until: d.Lease.Until}
		}
		one := &grant{
			take: op, index: i, id: d.Message.ID, group: d.Message.Group, attempt: d.Attempt, digest: Digest(&d.Message),
			place: Place{d.Topic.String(), d.Broker, d.Queue, d.Offset}, lease: h.byToken[key],
		}
		op.got = append(op.got, one)
		g.grants[one.id] = append(g.grants[one.id], one)
	}
	g.takes = append(g.takes, op)
}

// Acked notes the answer for one lease of an acknowledgement.
func (h *History) Acked(s Span, l mq.Lease, err error) { h.settled(s, l, err, false) }

// DeadLettered notes the answer for one lease of a move to the dead letters.
func (h *History) DeadLettered(s Span, l mq.Lease, err error) { h.settled(s, l, err, true) }

func (h *History) settled(s Span, l mq.Lease, err error, dead bool) {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if g := h.byToken[l.Group.Name.String()+"\x00"+l.Token]; g != nil {
		g.settles = append(g.settles, settleOp{h.endLocked(s, now), mq.Outcome(err), dead})
	}
}

// Extended notes the answer for one lease of an extension to d. The new token stands for the same delivery.
func (h *History) Extended(s Span, l mq.Lease, d time.Duration, answer mq.Extended) {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	key := l.Group.Name.String() + "\x00"
	g := h.byToken[key+l.Token]
	if g == nil {
		return
	}
	m := moveOp{Span: h.endLocked(s, now), until: s.From.Add(d), result: mq.Outcome(answer.Err)}
	if m.result == mq.Done {
		if d > 0 {
			m.until = answer.Lease.Until
		}
		h.share(l.Group.Name, key+answer.Lease.Token, g)
	}
	g.moves = append(g.moves, m)
}

// share makes a token stand for a lease. A repeated receive may have been noted under it before its extension was.
func (h *History) share(group mq.Physical, key string, l *lease) {
	if early := h.byToken[key]; early != nil && early != l {
		l.moves, l.settles = append(l.moves, early.moves...), append(l.settles, early.settles...)
		for _, grants := range h.groups[group].grants {
			for _, one := range grants {
				if one.lease == early {
					one.lease = l
				}
			}
		}
		for k, x := range h.byToken {
			if x == early {
				h.byToken[k] = l
			}
		}
	}
	h.byToken[key] = l
}

// Reset notes that a group was moved: all its earlier deliveries and settlements say nothing any more.
func (h *History) Reset(s Span, group mq.Physical) {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.groups[group].resets = append(h.groups[group].resets, h.endLocked(s, now))
}

// FailedOver notes that the engine lost a primary at the beginning of a span, and was whole again at its end. What the copy that took over did not know
// comes again: see Rules.Forgets.
func (h *History) FailedOver(s Span) {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.replaced = append(h.replaced, h.endLocked(s, now))
}

// FoundDead notes one copy among the dead letters of a group.
func (h *History) FoundDead(group mq.Physical, origin mq.MessageID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.groups[group].dead[origin]++
}

// Digest is over all that a producer may set and a consumer must see.
func Digest(m *mq.Message) uint64 {
	d := fnv.New64a()
	put := func(s string) { d.Write([]byte(s)); d.Write([]byte{0}) }
	put(m.ID.String())
	put(m.Tag.String())
	put(m.JoinedKeys())
	put(m.Group.String())
	for _, p := range m.Properties {
		put(p.Name)
		put(p.Value)
	}
	d.Write(m.Body)
	return d.Sum64()
}
