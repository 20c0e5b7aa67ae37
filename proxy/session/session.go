// SPDX-License-Identifier: Apache-2.0

// Package session knows the clients that are connected to this proxy now.
//
// Everything here is soft state: it can be lost with the process and is rebuilt by the clients' own reconnects within
// seconds. No verb needs it to succeed. It serves three purposes: to find a live producer for a check-back, to learn that a
// client is gone so that what it holds can be released, to show who is there.
//
// A client is gone when it says so, or when its last stream has been closed for Grace. Closing a stream because this proxy
// shuts down is not a departure: see Registry.Stop.
package session

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Grace is how long a client may be without a stream before it counts as gone.
const Grace = 30 * time.Second

// Kind is what a client does.
type Kind uint8

// The kinds of client, numbered as in apache.rocketmq.v2.
const (
	Producer       Kind = 1
	PushConsumer   Kind = 2
	SimpleConsumer Kind = 3
	PullConsumer   Kind = 4
)

// String is the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Producer:
		return "producer"
	case PushConsumer:
		return "push_consumer"
	case SimpleConsumer:
		return "simple_consumer"
	case PullConsumer:
		return "pull_consumer"
	}
	return "unknown"
}

// ID names a client within its application: clients choose their names themselves, so one application must not be able to speak
// for a client of another by using its name.
type ID struct {
	Tenant mq.Tenant
	App    string // "" for an unsigned caller
	Client mq.ClientID
}

// Client is what is known of a live client.
type Client struct {
	ID
	Key      string // the access key it signed with
	Kind     Kind
	Group    mq.GroupName // consumers only
	Language string
	Version  string
	Remote   string     // address and port
	From     netip.Addr // of the connection
	Since    time.Time
	Heard    time.Time  // its last settings, heartbeat or receive at this proxy
	Topics   []Interest // as its newest settings have them; never changed in place
	Settled  time.Time  // when those came
	Change   uint64     // grows whenever anything but Heard is another
}

// Interest is a topic that a producer announced, or that a consumer takes from.
type Interest struct {
	Topic  mq.TopicName // in the client's own words
	Filter mq.Filter    // of a consumer
}

// Command is something a proxy tells a client on its stream: CheckBack, Reconnect or Closed.
type Command interface{ command() }

// CheckBack asks a producer how a transaction ended.
type CheckBack struct{ Check mq.Check }

// Reconnect asks a client to connect anew, because this proxy leaves.
type Reconnect struct{}

// Closed ends the stream. Without a reason the client did nothing wrong and may come again: it gets what was handed over before, and its stream ends as if this proxy left.
type Closed struct{ Why *mq.Error }

func (CheckBack) command() {}
func (Reconnect) command() {}
func (Closed) command()    {}

// Stream is one open telemetry stream of a client.
type Stream struct {
	registry *Registry
	client   Client
	deliver  func(Command) bool
}

// Client is whose stream it is.
func (s *Stream) Client() Client { return s.client }

// Tell hands a command over for sending; false when the stream can take none now. It does not block.
func (s *Stream) Tell(c Command) bool { return s.deliver(c) }

type entry struct {
	client  Client
	streams []*Stream                // as they were opened
	topics  map[mq.Physical]mq.Topic // announced for publishing, or sent a transaction to
	leaving clock.Timer              // set while it has no stream
}

// Registry is the set of live clients. It is safe for concurrent use; no callback runs under its lock.
type Registry struct {
	clock clock.Clock
	gone  func(Client)

	mu      sync.Mutex // guards all below and the entries
	clients map[ID]*entry
	// bySent finds clients that sent a transaction to a topic, byAnnounced those that announced it, so that a check-back
	// costs the same whatever the number of clients.
	bySent      map[mq.Physical]map[*entry]struct{}
	byAnnounced map[mq.Physical]map[*entry]struct{}
	// seen holds when a client without a stream here was last heard of: its stream is at another proxy. It is swept when it is
	// full, at most once in Grace.
	seen    map[ID]time.Time
	swept   time.Time
	limit   int
	stopped bool
	changes uint64 // of clients, all together
}

// DefaultLimit bounds the clients that one proxy remembers.
const DefaultLimit = 50_000

// New makes a registry. gone, if not nil, is called once for each client that left; it must not block.
func New(c clock.Clock, limit int, gone func(Client)) *Registry {
	if gone == nil {
		gone = func(Client) {}
	}
	return &Registry{
		clock:       c,
		gone:        gone,
		limit:       limit,
		clients:     make(map[ID]*entry),
		bySent:      make(map[mq.Physical]map[*entry]struct{}),
		byAnnounced: make(map[mq.Physical]map[*entry]struct{}),
		seen:        make(map[ID]time.Time),
	}
}

// Seen notes a call of a client: a heartbeat or a receive. Those of clients whose stream is at another proxy keep them alive here.
func (r *Registry) Seen(id ID) {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.clients[id]; ok {
		e.client.Heard = now
		return
	}
	if _, ok := r.seen[id]; !ok && len(r.seen) >= r.limit {
		r.sweep(now)
		if len(r.seen) >= r.limit {
			return // its leases run out unrenewed, which is safe
		}
	}
	r.seen[id] = now
}

// sweep forgets who was not heard of for Grace. It needs mu.
func (r *Registry) sweep(now time.Time) {
	if now.Sub(r.swept) < Grace {
		return
	}
	r.swept = now
	for other, at := range r.seen {
		if now.Sub(at) > Grace {
			delete(r.seen, other)
		}
	}
}

// Alive tells whether a client has a stream here, lost it less than Grace ago, or was heard of less than Grace ago.
func (r *Registry) Alive(id ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.clients[id]; ok {
		return true
	}
	at, ok := r.seen[id]
	if ok && r.clock.Now().Sub(at) > Grace {
		delete(r.seen, id)
		return false
	}
	return ok
}

// Kind tells what a client with a stream here is; false for one without.
func (r *Registry) Kind(id ID) (Kind, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.clients[id]; ok {
		return e.client.Kind, true
	}
	return 0, false
}

// Open adds a stream of a client, which becomes live with it. deliver must not block; false means the stream cannot take the
// command. TooManyRequests when the proxy knows too many clients.
func (r *Registry) Open(c Client, deliver func(Command) bool) (*Stream, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.clients[c.ID]
	if !ok {
		if len(r.clients) >= r.limit {
			return nil, mq.Refuse(mq.TooManyRequests, "clients: this proxy knows %d, the limit", r.limit)
		}
		c.Since = r.clock.Now()
		e = &entry{topics: make(map[mq.Physical]mq.Topic)}
		r.clients[c.ID] = e
	} else {
		c.Since = e.client.Since
	}
	if e.leaving != nil {
		e.leaving.Stop()
		e.leaving = nil
	}
	delete(r.seen, c.ID)
	e.client = c
	r.settled(e, c.Topics)
	s := &Stream{registry: r, client: c, deliver: deliver}
	e.streams = append(e.streams, s)
	return s, nil
}

// settled notes what a client's newest settings say. It needs mu.
func (r *Registry) settled(e *entry, topics []Interest) {
	now := r.clock.Now()
	r.changes++
	e.client.Topics, e.client.Settled, e.client.Heard, e.client.Change = topics, now, now, r.changes
}

// Settle says what the client's newest settings ask for; it replaces what those before did. The caller does not change topics any more.
func (s *Stream) Settle(topics []Interest) {
	r := s.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.clients[s.client.ID]; ok {
		r.settled(e, topics)
	}
}

// Announce says which topics the client publishes to; it replaces what was announced before, not what was sent.
func (s *Stream) Announce(topics []mq.Topic) {
	r := s.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.clients[s.client.ID]
	if !ok {
		return
	}
	for name := range e.topics {
		forget(r.byAnnounced, name, e)
	}
	for _, t := range topics {
		e.topics[t.Name] = t
		add(r.byAnnounced, t.Name, e)
	}
}

// Sent notes that a client sent a transaction to a topic: it is the first to be asked about it. A client that was never seen
// is ignored: its stream is at another proxy.
func (r *Registry) Sent(id ID, topic mq.Topic) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.clients[id]; ok {
		if set := r.bySent[topic.Name]; set != nil {
			if _, known := set[e]; known {
				return
			}
		}
		e.topics[topic.Name] = topic
		add(r.bySent, topic.Name, e)
	}
}

func add(index map[mq.Physical]map[*entry]struct{}, p mq.Physical, e *entry) {
	set := index[p]
	if set == nil {
		set = make(map[*entry]struct{})
		index[p] = set
	}
	set[e] = struct{}{}
}

// Close ends a stream. A client without any stream for Grace is gone. It may be called twice.
func (s *Stream) Close() {
	r := s.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.clients[s.client.ID]
	if !ok {
		return
	}
	i := slices.Index(e.streams, s)
	if i < 0 {
		return
	}
	e.streams = slices.Delete(e.streams, i, i+1)
	if len(e.streams) == 0 && !r.stopped {
		e.leaving = r.clock.AfterFunc(Grace, func() { r.leave(e) })
	}
}

// Gone is the client's own word that it leaves.
func (r *Registry) Gone(id ID) {
	r.mu.Lock()
	e, ok := r.clients[id]
	if ok {
		r.remove(e)
	}
	_, heard := r.seen[id]
	delete(r.seen, id)
	r.mu.Unlock()
	switch {
	case ok:
		r.gone(e.client)
	case heard:
		r.gone(Client{ID: id})
	}
}

func (r *Registry) leave(e *entry) {
	r.mu.Lock()
	if r.clients[e.client.ID] != e || len(e.streams) > 0 || r.stopped {
		r.mu.Unlock()
		return
	}
	r.remove(e)
	r.mu.Unlock()
	r.gone(e.client)
}

// remove needs mu.
func (r *Registry) remove(e *entry) {
	if e.leaving != nil {
		e.leaving.Stop()
		e.leaving = nil
	}
	delete(r.clients, e.client.ID)
	for name := range e.topics {
		forget(r.bySent, name, e)
		forget(r.byAnnounced, name, e)
	}
}

func forget(index map[mq.Physical]map[*entry]struct{}, p mq.Physical, e *entry) {
	delete(index[p], e)
	if len(index[p]) == 0 {
		delete(index, p)
	}
}

// Live lists the topics for which a producer could be asked now.
func (r *Registry) Live() []mq.Topic {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := make(map[mq.Physical]mq.Topic)
	for _, index := range []map[mq.Physical]map[*entry]struct{}{r.bySent, r.byAnnounced} {
		for name, set := range index {
			for e := range set {
				if len(e.streams) > 0 {
					seen[name] = e.topics[name]
					break
				}
			}
		}
	}
	topics := make([]mq.Topic, 0, len(seen))
	for _, t := range seen {
		topics = append(topics, t)
	}
	return topics
}

// Ask finds a live producer of the topic and hands it the check: one that sent transactions to it before one that only
// announced it. False when there is nobody. Of the streams of one client the newest is asked, and in a later round the one before: a client that opened
// another stream may have forgotten the old one without closing it, or have failed to read the new one.
func (r *Registry) Ask(check mq.Check) bool {
	for _, s := range r.candidates(check.Topic.Name, max(check.Round, 1)) {
		if s.Tell(CheckBack{check}) {
			return true
		}
	}
	return false
}

func (r *Registry) candidates(topic mq.Physical, round int) []*Stream {
	const enough = 4 // a client that can take no command now is passed over for the next
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*Stream
	for _, set := range []map[*entry]struct{}{r.bySent[topic], r.byAnnounced[topic]} {
		for e := range set { // map order spreads the questions
			if n := len(e.streams); n > 0 {
				found = append(found, e.streams[n-1-(round-1)%n])
			}
			if len(found) >= enough {
				return found
			}
		}
	}
	return found
}

// Clients lists who is there, in no order.
func (r *Registry) Clients() []Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Client, 0, len(r.clients))
	for _, e := range r.clients {
		list = append(list, e.client)
	}
	return list
}

// Tell hands a command to every stream for which pick says so; it returns how many took it.
func (r *Registry) Tell(c Command, pick func(Client) bool) int {
	r.mu.Lock()
	var streams []*Stream
	for _, e := range r.clients {
		if pick == nil || pick(e.client) {
			streams = append(streams, e.streams...)
		}
	}
	r.mu.Unlock()
	n := 0
	for _, s := range streams {
		if s.Tell(c) {
			n++
		}
	}
	return n
}

// Whom names clients by the id that they chose.
type Whom struct {
	ID
	AnyApp bool // of whichever application; App is nobody's then
}

// Covers tells whether a client is meant.
func (w Whom) Covers(id ID) bool {
	return id.Tenant == w.Tenant && id.Client == w.Client && (w.AnyApp || id.App == w.App)
}

// Disconnect parts with clients: each counts as gone, what it holds is released, and each of its streams is told to connect anew and ends. A client that comes back
// is a new one. known says that one of them was here, streams how many were told. What it held is released first: it may come back at once, and keeps what it takes then.
func (r *Registry) Disconnect(w Whom) (streams int, known bool) {
	var left []Client
	var told []*Stream
	r.mu.Lock()
	for id, e := range r.clients {
		if !w.Covers(id) {
			continue
		}
		left = append(left, e.client)
		told = append(told, e.streams...)
		r.remove(e)
	}
	for id := range r.seen {
		if w.Covers(id) {
			left = append(left, Client{ID: id})
			delete(r.seen, id)
		}
	}
	r.mu.Unlock()
	for _, c := range left {
		r.gone(c)
	}
	for _, s := range told {
		s.Tell(Reconnect{})
		if s.Tell(Closed{}) {
			streams++
		}
	}
	return streams, len(left) > 0
}

// Stop ends the registry's timers: from now on a closed stream is the proxy's departure, not the client's, so nobody is
// reported gone. It may be called twice.
func (r *Registry) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for _, e := range r.clients {
		if e.leaving != nil {
			e.leaving.Stop()
			e.leaving = nil
		}
	}
}
