// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// A control plane is killed (SIGKILL) after it kept a change, while one of two brokers hangs on carrying it out. The next one on the same
// database brings both brokers to it within 30 s, and the change stands in the audit once.
func TestAPlaneThatIsKilledBeforeTheEffectIsFinishedByTheNext(t *testing.T) {
	for change, c := range map[string]struct {
		hangs          remoting.Code
		topics, groups string // afterwards
		action         control.Verb
		name           string
	}{
		"create topic": {remoting.CreateTopic, "new old", "", "topic.create", "new"},
		"create group": {remoting.CreateGroup, "%DLQ%new old", "new", "group.create", "new"},
		"delete topic": {remoting.DeleteTopic, "", "", "topic.delete", "old"},
	} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			h, dir := newHall(t, "east", "broker-a", "broker-b"), t.TempDir()
			p := h.plane(t, dir)
			if _, err := p.CreateTopic(t.Context(), ada(), control.NewTopic{Tenant: tenant("default"), Name: topicName("old")}); err != nil {
				t.Fatal(err)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			h.fake.Requests()
			h.fake.Inject(fakebroker.Fault{Address: h.fake.Address("broker-b"), Request: c.hangs, Harm: fakebroker.Lose})
			var said bytes.Buffer
			victim := exec.Command(os.Args[0])
			victim.Env = append(os.Environ(), asPlane+"="+h.text(), asPlane+"_DIR="+dir, asPlane+"_CHANGE="+change)
			victim.Stderr = &said
			if err := victim.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the change arrives at the broker that hangs", func() bool {
				for _, asked := range h.fake.Requests() {
					if asked.Address == h.fake.Address("broker-b") && asked.Code == int32(c.hangs) {
						return true
					}
				}
				return false
			})
			if err := victim.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := victim.Wait(); err == nil || said.Len() > 0 {
				t.Fatalf("it was not killed: %v: %s", err, &said)
			}
			if got, ok := h.has(t, c.topics, c.groups); ok {
				t.Fatalf("it was through already: %s", got)
			}
			h.fake.Heal()
			begun := time.Now()
			p = h.plane(t, dir)
			got := ""
			eventually(t, "the brokers follow", func() (ok bool) {
				got, ok = h.has(t, c.topics, c.groups)
				return ok && len(p.UnderWay()) == 0
			})
			t.Logf("after %v: %s", time.Since(begun).Round(time.Millisecond), got)
			page, err := p.Audit(t.Context(), control.AuditQuery{Name: c.name, Actor: "ada"})
			if err != nil {
				t.Fatal(err)
			}
			rows := 0
			for _, e := range page.Entries {
				if e.Action == c.action {
					rows++
				}
			}
			if rows != 1 {
				t.Errorf("%d rows of the change: %+v", rows, page.Entries)
			}
			if r, err := p.VerifyAudit(t.Context()); err != nil || len(r.Broken) > 0 {
				t.Errorf("the chain: %+v, %v", r, err)
			}
		})
	}
}
