// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// settling is how long a plane that comes back may need until everything is as it was wanted.
const settling = 30 * time.Second

// changes is what users do while the process may die, on a plane that has topic old and group old.
func changes(t *testing.T) map[string]struct {
	action control.Verb
	name   string
	do     func(*plane) error
} {
	ctx, def, queues, attempts := context.Background(), tenant(t, "default"), 32, 3
	type change = struct {
		action control.Verb
		name   string
		do     func(*plane) error
	}
	return map[string]change{
		"create topic": {"topic.create", "new", func(p *plane) error {
			_, err := p.CreateTopic(ctx, tester(), newTopic(t, "new"))
			return err
		}},
		"update topic": {"topic.update", "old", func(p *plane) error {
			_, err := p.UpdateTopic(ctx, tester(), def, topicName(t, "old"), control.TopicChange{Queues: &queues})
			return err
		}},
		"delete topic": {"topic.delete", "old", func(p *plane) error {
			return p.DeleteTopic(ctx, tester(), def, topicName(t, "old"), control.Deletion{Confirmed: true})
		}},
		"create group": {"group.create", "new", func(p *plane) error {
			_, err := p.CreateGroup(ctx, tester(), control.NewGroup{Tenant: def, Name: groupName(t, "new")})
			return err
		}},
		"update group": {"group.update", "old", func(p *plane) error {
			_, err := p.UpdateGroup(ctx, tester(), def, groupName(t, "old"), control.GroupChange{MaxAttempts: &attempts})
			return err
		}},
		"delete group": {"group.delete", "old", func(p *plane) error {
			return p.DeleteGroup(ctx, tester(), def, groupName(t, "old"), control.Deletion{Confirmed: true})
		}},
	}
}

// follows tells what of the catalog an engine does not have as it is wanted, or has beyond it; "" for nothing.
func follows(p *plane) string {
	if open := p.UnderWay(); len(open) > 0 {
		return fmt.Sprintf("under way: %v", open)
	}
	wants := map[mq.Physical]bool{}
	c := p.Contents()
	for _, t := range c.Topics {
		wants[t.Spec.Name] = true
		if has, ok := p.engine.Topic(t.Spec.Name); !ok || has != t.Spec {
			return fmt.Sprintf("topic %s: %v, %+v", t.Name, ok, has)
		}
	}
	groups := map[mq.Physical]bool{}
	for _, g := range c.Groups {
		groups[g.Spec.Name], wants[g.DeadLetters().Name] = true, true
		if has, ok := p.engine.Group(g.Spec.Name); !ok || has.MaxAttempts != g.Spec.MaxAttempts {
			return fmt.Sprintf("group %s: %v, %+v", g.Name, ok, has)
		}
	}
	has, err := p.engine.Inventory(context.Background())
	if err != nil {
		return err.Error()
	}
	for _, t := range has.Topics {
		if !wants[t.Name] {
			return fmt.Sprintf("topic %s is left over", t.Name)
		}
		delete(wants, t.Name)
	}
	for _, g := range has.Groups {
		if !groups[g.Name] {
			return fmt.Sprintf("group %s is left over", g.Name)
		}
	}
	if len(wants) > 0 {
		return fmt.Sprintf("the engine lacks %v", wants)
	}
	return ""
}

// dying lets a process make a change and die at a step; it tells whether it got there. Then another one comes up on the same store and
// engine, which may die as well, at a step of its own.
func dying(t *testing.T, change string, step, again int) (died bool) {
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(o *control.Options) { o.Clock = virtual })
	p.topic("old")
	p.group("old")
	made := changes(t)[change]
	live := func(crash *controltest.Crash, do func()) {
		t.Helper()
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p.wrap = crash.Store
		p.reach = func(e *controltest.Engine) control.Provisioner { return crash.Engine(e) }
		if p.tryOpen() != nil {
			if !crash.Dead() {
				t.Fatal("no start")
			}
			p.Plane = nil
			return
		}
		do()
	}
	crash := controltest.CrashAt(step)
	var answer error
	live(crash, func() { answer = made.do(p) })
	if died = crash.Dead(); died && answer == nil && p.Plane != nil && change != "" {
		// it died after the effect that the answer was waiting for: the answer is as good as lost
		answer = mq.Doubt(mq.Unavailable, nil, "killed")
	}
	if again > 0 {
		live(controltest.CrashAt(again), func() {})
	}
	last := controltest.CrashAt(0)
	live(last, func() {})
	begun, before := virtual.Now(), -1
	for bound := time.Now().Add(time.Minute); ; <-time.After(time.Millisecond) {
		left := follows(p)
		if left == "" {
			break
		}
		if virtual.Now().Sub(begun) > settling || time.Now().After(bound) {
			t.Fatalf("%s, killed at step %d and %d: after %v: %s", change, step, again, virtual.Now().Sub(begun), left)
		}
		// Time goes by only while nothing is done: what a disk needs is not the process's rest.
		steps, busy := last.Doing()
		if !busy && steps == before {
			virtual.Advance(time.Second)
		}
		before = steps
	}
	audited(t, p, made.action, made.name)
	return died
}

// audited holds that the user's change stands in exactly one row, or in none if it was never kept, and that the chain holds.
func audited(t *testing.T, p *plane, action control.Verb, name string) {
	t.Helper()
	page, err := p.Audit(context.Background(), control.AuditQuery{Name: name, Limit: control.MaxAuditPage})
	if err != nil {
		t.Fatal(err)
	}
	rows, kept := 0, false
	for _, e := range page.Entries {
		if e.Action == action && e.Actor.Kind == control.MemberActor && e.Outcome == control.Done {
			rows++
		}
		kept = kept || e.Action == action
	}
	want := 0
	if kept {
		want = 1
	}
	if action == "topic.create" || action == "group.create" { // the fixture makes things of another name
		want = min(want, 1)
	}
	if rows != want {
		t.Errorf("%s %s: %d rows of audit", action, name, rows)
	}
	if r, err := p.VerifyAudit(context.Background()); err != nil || len(r.Broken) > 0 {
		t.Errorf("the chain: %+v, %v", r.Broken, err)
	}
}

func TestAProcessThatDiesAtAnyStepLeavesNothingHalfMade(t *testing.T) {
	for change := range changes(t) {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			step := 1
			for ; dying(t, change, step, 0); step++ {
			}
			if step < 5 {
				t.Errorf("%d steps: store, engine and store have two each", step-1)
			}
			t.Logf("%d steps", step-1)
		})
	}
}

func TestAProcessThatDiesWhileItMendsIsNoWorse(t *testing.T) {
	for _, change := range []string{"create group", "delete group"} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			for step := 3; step <= 5; step++ {
				for again := 1; again <= 8; again++ {
					dying(t, change, step, again)
				}
			}
		})
	}
}
