// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

// journal is a log that can be read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) says(what string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), what)
}

func signing(log *journal, production bool) func(*feed.Options) {
	return func(o *feed.Options) {
		o.Users, o.Production, o.Log = map[string]string{"east": "root", "west": "chief"}, production, slog.New(slog.NewTextHandler(log, nil))
	}
}

func (c *capital) sharedBy() string {
	var all []string
	for _, one := range c.feed.Followers() {
		if len(one.Shared) > 0 {
			all = append(all, one.Name+" at "+strings.Join(one.Shared, ","))
		}
	}
	return strings.Join(all, "; ")
}

// A proxy that signs as the control plane does is told of; in production one that has nothing to serve from gets nothing.
func TestRow136InProductionNoProxyStartsAsTheControlPlanesUser(t *testing.T) {
	dir := t.TempDir()
	for _, production := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			log := &journal{}
			c := found(t, dir, signing(log, production))
			defer c.stop()
			r := &road{to: c.feed}
			same, own, elsewhere := settle(t, settling{name: "same", road: r, user: "root"}), settle(t, settling{name: "own", road: r, user: "proxies"}), settle(t, settling{name: "elsewhere", road: r, user: "chief"})
			defer func() { same.stop(); own.stop(); elsewhere.stop() }()
			pass(5 * time.Minute)
			if own.Status().Version == 0 || elsewhere.Status().Version == 0 {
				t.Errorf("production %v: who has a user of its own is not served: %+v, %+v", production, own.Status(), elsewhere.Status())
			}
			if got := c.sharedBy(); got != "same at east" || log.says("administrator there") != 1 {
				t.Errorf("production %v: told of %q, %d times", production, got, log.says("administrator there"))
			}
			switch now := same.Status(); {
			case production && (now.Version != 0 || now.Failed == nil || !strings.Contains(now.Failed.Error(), "brokers of east") || !strings.Contains(now.Failed.Error(), "access_key")):
				t.Errorf("in production it is %+v", now)
			case !production && (now.Version == 0 || now.Failed != nil):
				t.Errorf("where something is tried out it is %+v", now)
			}
			if log.says("root")+log.says("proxies\"")+log.says("chief") != 0 {
				t.Errorf("the log names users: %s", log.text.String())
			}
		})
	}
}

// One that serves goes on, is given what is new, also as a whole, and starts again from its disk, in production too.
func TestAProxyThatServesAsTheControlPlanesUserGoesOn(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, disk := &journal{}, memfs.New()
		c := found(t, dir)
		r := &road{to: c.feed}
		o := settle(t, settling{name: "p", road: r, disk: disk, user: "root"})
		c.tenants(t, "pay")
		synctest.Wait()
		if !o.knows("pay") || c.sharedBy() != "" {
			t.Fatalf("it does not follow, or is told of by who has no user: %q", c.sharedBy())
		}
		c.stop()
		c = found(t, dir, signing(log, true))
		r.leads(c.feed)
		c.tenants(t, "ship")
		pass(time.Minute)
		if !o.knows("ship") || c.sharedBy() != "p at east" {
			t.Errorf("it does not go on: %+v, %q", o.Status(), c.sharedBy())
		}
		damage := func(how func([]byte) []byte) { r.mu.Lock(); r.alter, r.asked = how, nil; r.mu.Unlock() }
		damage(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"accepts":["normal"]`), []byte(`"accepts":["fifo"]`), 1)
		})
		c.tenants(t, "road") // comes in a delta that does not fit, so that the whole is asked for
		pass(time.Minute)
		if asked := strings.Join(r.asked, " "); !strings.Contains(asked, "after=0") || strings.Contains(o.Status().Failed.Error(), "refuses") {
			t.Errorf("it is kept from the whole: %+v after %s", o.Status(), asked)
		}
		damage(nil)
		pass(time.Minute)
		if !o.knows("road") {
			t.Errorf("it does not go on: %+v", o.Status())
		}
		o.stop()
		again := settle(t, settling{name: "p", road: r, disk: disk, user: "root"})
		c.tenants(t, "air")
		pass(time.Minute)
		if !again.knows("pay") || !again.knows("air") {
			t.Errorf("it does not start from its disk: %+v", again.Status())
		}
		again.stop()
		last := settle(t, settling{name: "p", road: r, disk: disk, user: "proxies"})
		pass(time.Minute)
		if !last.knows("air") || c.sharedBy() != "" || log.says("a user of its own again") != 1 {
			t.Errorf("with a user of its own: %+v, %q", last.Status(), c.sharedBy())
		}
	})
}

// A mark names nobody: it differs with the token and with the cluster, and neither end needs the other's names.
func TestAMarkIsOfOneTokenAndOneCluster(t *testing.T) {
	marks := map[string]bool{}
	for _, m := range []string{wire.Mark("a", "east", "root"), wire.Mark("b", "east", "root"), wire.Mark("a", "west", "root"), wire.Mark("a", "east", "rooted"), wire.Mark("a", "eastroot", "")} {
		if marks[m] = true; len(m) != 32 || strings.Contains(m, "root") {
			t.Errorf("mark %q", m)
		}
	}
	if len(marks) != 5 || !marks[wire.Mark("a", "east", "root")] {
		t.Errorf("marks %v", marks)
	}
	if all := wire.Marks("a", map[string]string{"east": "", "west": "x"}); len(all) != 1 {
		t.Errorf("who signs nothing is marked: %v", all)
	}
	if n := len(wire.ParseMarks(strings.Repeat("x,", 1<<16))); n > 256 {
		t.Errorf("%d marks are read", n)
	}
}
