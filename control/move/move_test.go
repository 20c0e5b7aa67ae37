// SPDX-License-Identifier: Apache-2.0

package move

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// died is the end of a mover.
type died struct{}

func (died) Error() string { return "the mover died here" }

// world is a catalog and two clusters that write down what is done to them, and die where they are told.
type world struct {
	t       *testing.T
	mu      sync.Mutex // guards all below
	topic   Topic
	done    []string
	dies    int // the call at which the mover dies, counted down; 0: never
	left    int64
	begun   map[string]bool // groups for which a cluster knows where they start, "cluster group"
	looks   int             // at how far a group is, since the source is drained
	byTopic bool            // west applies a topic's retention and durability
}

func (w *world) step(format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dies > 0 {
		if w.dies--; w.dies == 0 {
			return died{}
		}
	}
	w.done = append(w.done, fmt.Sprintf(format, args...))
	return nil
}

func (w *world) Topic(context.Context) (Topic, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.topic, nil
}

func (w *world) Set(_ context.Context, t Topic) error {
	if err := w.step("catalog: %s stage %d peer %s", t.Spec.Cluster, t.Stage, t.Peer); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.topic = t
	return nil
}

// site is one of its clusters.
type site struct {
	*world
	name string
}

func (s site) PutTopic(_ context.Context, spec mq.TopicSpec) error {
	return s.step("%s: topic %s", s.name, spec.Name)
}
func (s site) PutGroup(_ context.Context, g mq.GroupSpec) error {
	return s.step("%s: group %s", s.name, g.Name)
}
func (s site) Freeze(_ context.Context, name mq.Physical) error {
	return s.step("%s: freeze %s", s.name, name)
}
func (s site) Traits() mq.Traits {
	return mq.Traits{TopicRetention: s.name == "east" || s.byTopic, TopicDurability: s.name == "east" || s.byTopic}
}
func (s site) Begin(_ context.Context, g mq.Group, _ mq.Topic) error {
	if err := s.step("%s: %s begins", s.name, g.Name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun[s.name+" "+g.Name.String()] = true
	return nil
}

// Progress says what a broker says: of a group that never consumed, that it has all before it.
func (s site) Progress(_ context.Context, g mq.Group, _ mq.Topic) ([]mq.QueueProgress, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topic.Stage == Draining {
		s.looks++
	}
	if !s.begun[s.name+" "+g.Name.String()] {
		return []mq.QueueProgress{{Hi: 100, Committed: 0}}, nil
	}
	return []mq.QueueProgress{{Hi: 100, Committed: mq.Offset(100 - s.left), Retrying: -1, Leased: -1}, {Hi: 50, Committed: -1}}, nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newWorld(t *testing.T) (*world, *Mover, *clock.Virtual) {
	w := &world{t: t, begun: map[string]bool{}}
	east, west := must(mq.ParseCluster("east")), must(mq.ParseCluster("west"))
	w.topic = Topic{
		Spec:   mq.TopicSpec{Name: must(mq.ParsePhysical("pay%orders")), Cluster: east, Queues: 8},
		Groups: []mq.GroupSpec{{Name: must(mq.ParsePhysical("pay%billing")), Cluster: east}},
	}
	time0 := clock.NewVirtual(time.Unix(1764000000, 0))
	m := &Mover{Catalog: w, Clusters: map[mq.Cluster]Cluster{east: site{w, "east"}, west: site{w, "west"}}, Clock: time0, Log: slog.New(slog.DiscardHandler), Quiet: 30 * time.Second}
	return w, m, time0
}

// run lets virtual time go by until the mover is at its end.
func run(t *testing.T, m *Mover, time0 *clock.Virtual) error {
	t.Helper()
	end := make(chan error, 1)
	go func() { end <- m.Run(t.Context(), must(mq.ParseCluster("west"))) }()
	for bound := time.Now().Add(10 * time.Second); ; <-time.After(100 * time.Microsecond) {
		select {
		case err := <-end:
			return err
		default:
			time0.Advance(500 * time.Millisecond)
		}
		if time.Now().After(bound) {
			t.Fatal("the mover does not end")
		}
	}
}

func steps() []string {
	return []string{
		"west: topic pay%orders", "west: group pay%billing", "west: pay%billing begins", "catalog: east stage 1 peer west",
		"east: freeze pay%orders", "east: pay%billing begins", "catalog: west stage 2 peer east", "catalog: west stage 0 peer ",
	}
}

func TestAMoveTakesItsSteps(t *testing.T) {
	w, m, time0 := newWorld(t)
	began := time0.Now()
	if err := run(t, m, time0); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.done, steps()) {
		t.Errorf("%s", strings.Join(w.done, "\n"))
	}
	if took := time0.Now().Sub(began); took < Heard+Settle+m.Quiet {
		t.Errorf("it took %v only", took)
	}
}

// What a topic asks for is applied after the move as before it, or nothing moves.
func TestATopicThatAsksForWhatTheTargetDoesNotApplyStays(t *testing.T) {
	for name, ask := range map[string]func(*mq.TopicSpec){
		"retention of 24h0m0s":       func(s *mq.TopicSpec) { s.Retention = 24 * time.Hour },
		"the durability window=20ms": func(s *mq.TopicSpec) { s.Durability = must(mq.Window(20 * time.Millisecond)) },
	} {
		t.Run(name, func(t *testing.T) {
			w, m, time0 := newWorld(t)
			ask(&w.topic.Spec)
			if err := run(t, m, time0); mq.KindOf(err) != mq.Unsupported || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "cluster west") || len(w.done) != 0 {
				t.Errorf("%v after %v", err, w.done)
			}
			if w.byTopic = true; run(t, m, time0) != nil || !slices.Equal(w.done, steps()) {
				t.Errorf("where it is applied: %v", w.done)
			}
		})
	}
}

// In whatever call the mover dies, the next one brings the move to its end, and no step comes before those that it stands on.
func TestAMoverThatDiedIsBegunAgain(t *testing.T) {
	for dies := 1; dies <= len(steps()); dies++ {
		w, m, time0 := newWorld(t)
		w.dies = dies
		if err := run(t, m, time0); !errors.Is(err, died{}) {
			t.Fatalf("call %d: %v", dies, err)
		}
		if err := run(t, m, time0); err != nil {
			t.Fatalf("after its death in call %d: %v", dies, err)
		}
		if w.topic.Stage != AtRest || w.topic.Spec.Cluster.String() != "west" {
			t.Errorf("after its death in call %d: %+v", dies, w.topic)
		}
		at := func(step string) int { return slices.Index(w.done, step) }
		for i, step := range steps()[1:] {
			if at(step) < at(steps()[i]) {
				t.Errorf("after its death in call %d: %q came before %q", dies, step, steps()[i])
			}
		}
	}
}

func TestTheSourceIsLeftOnlyWhenItStaysEmpty(t *testing.T) {
	w, m, time0 := newWorld(t)
	w.left = 3
	end := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { end <- m.Run(ctx, must(mq.ParseCluster("west"))) }()
	looks := func() int { w.mu.Lock(); defer w.mu.Unlock(); return w.looks }
	for bound := time.Now().Add(time.Minute); looks() < 200; <-time.After(100 * time.Microsecond) { // one in 500 ms, and 30 s of rest were enough
		if time.Now().After(bound) {
			t.Fatalf("within a minute it was looked %d times whether the source is empty", looks())
		}
		time0.Advance(500 * time.Millisecond)
	}
	cancel()
	if err := <-end; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if w.topic.Stage != Draining {
		t.Errorf("stage %d although messages are left", w.topic.Stage)
	}
}

func TestWhatCannotMoveIsRefusedBeforeAnythingIsDone(t *testing.T) {
	w, m, time0 := newWorld(t)
	w.topic.Groups[0].Mode = mq.Pulls
	if err := run(t, m, time0); mq.KindOf(err) != mq.Unsupported || len(w.done) > 0 {
		t.Errorf("%v, %v", err, w.done)
	}
	w, m, time0 = newWorld(t)
	delete(m.Clusters, must(mq.ParseCluster("west")))
	if err := run(t, m, time0); mq.KindOf(err) != mq.Unavailable || len(w.done) > 0 {
		t.Errorf("%v, %v", err, w.done)
	}
	w, m, time0 = newWorld(t)
	w.topic.Stage, w.topic.Peer = Fencing, must(mq.ParseCluster("north"))
	if err := run(t, m, time0); mq.KindOf(err) != mq.Conflict || len(w.done) > 0 {
		t.Errorf("%v, %v", err, w.done)
	}
}

func TestAMoveThatIsUnderWaySaysHowItEnds(t *testing.T) {
	w, m, _ := newWorld(t)
	w.topic.Stage, w.topic.Spec.Cluster, w.topic.Peer = Draining, must(mq.ParseCluster("west")), must(mq.ParseCluster("east"))
	if err := m.Run(t.Context(), must(mq.ParseCluster("east"))); err == nil || !strings.Contains(err.Error(), "--to west --quiet 15m ends it") {
		t.Error(err)
	}
	w.topic.Stage, w.topic.Spec.Cluster, w.topic.Peer = Fencing, must(mq.ParseCluster("east")), must(mq.ParseCluster("west"))
	if err := m.Run(t.Context(), must(mq.ParseCluster("north"))); err == nil || !strings.Contains(err.Error(), "on its way to cluster west") {
		t.Error(err)
	}
	w.topic.Stage = AtRest
	if err := m.Run(t.Context(), must(mq.ParseCluster("nowhere"))); err == nil || !strings.Contains(err.Error(), `cluster "nowhere" is not configured here; there is east, west`) {
		t.Error(err)
	}
}
