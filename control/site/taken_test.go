// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/mq"
)

// gatekeeper is a cluster of two replicas that check who calls.
type gatekeeper struct {
	at     map[string][]mq.Account
	silent string // a replica that does not answer
}

func (g *gatekeeper) AccountsAt(context.Context) (map[string][]mq.Account, error) {
	all := map[string][]mq.Account{}
	for address, users := range g.at {
		if address != g.silent {
			all[address] = slices.Clone(users)
		}
	}
	return all, g.missing()
}

func (g *gatekeeper) missing() error {
	if g.silent == "" {
		return nil
	}
	return mq.Refuse(mq.Unavailable, "a replica does not answer")
}

func (g *gatekeeper) PutAccount(context.Context, mq.Account) error { return nil }
func (g *gatekeeper) DropAccount(context.Context, string) error    { return nil }
func (g *gatekeeper) SwitchAccount(_ context.Context, name string, on bool) error {
	for address, users := range g.at {
		for i := range users {
			if users[i].Name == name && address != g.silent {
				users[i].Disabled = !on
			}
		}
	}
	return g.missing()
}

// text is who is enabled where.
func (g *gatekeeper) text() string {
	var all []string
	for address, users := range g.at {
		for _, u := range users {
			all = append(all, fmt.Sprintf("%s@%s:%v", u.Name, address, !u.Disabled))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestAUserWhoWasTakenOverIsDisabledWhileHisKeyHasEnded(t *testing.T) {
	user := func(off bool) []mq.Account { return []mq.Account{{Name: "shopuser", Secret: "s", Disabled: off}} }
	super := []mq.Account{{Name: "shopuser", Super: true}}
	const gone = "user shopuser is not disabled at the brokers: his key is revoked"
	for name, c := range map[string]struct {
		ended, off    bool
		a, b          []mq.Account
		silent        string
		noGuard       bool
		wants, mended string // who is enabled afterwards; "" as the mended for no drift
		marked        string
	}{
		"his key works":                          {a: user(false), b: user(false), wants: "shopuser@a:true shopuser@b:true"},
		"an operator disabled him":               {a: user(true), b: user(true), wants: "shopuser@a:false shopuser@b:false"},
		"his key ended":                          {ended: true, a: user(false), b: user(false), wants: "shopuser@a:false shopuser@b:false", mended: "done", marked: "true"},
		"it ended, and an operator was faster":   {ended: true, a: user(true), b: user(true), wants: "shopuser@a:false shopuser@b:false"},
		"a replica came back with him":           {ended: true, off: true, a: user(true), b: user(false), wants: "shopuser@a:false shopuser@b:false", mended: "done"},
		"a replica is silent":                    {ended: true, a: user(false), b: user(false), silent: "b", wants: "shopuser@a:false shopuser@b:true", mended: "a replica does not answer", marked: "true"},
		"he is gone":                             {ended: true, a: nil, b: nil},
		"he is a super user by now":              {ended: true, a: super, b: super, wants: "shopuser@a:true shopuser@b:true", mended: "he was made a super user, whom the platform does not touch: an operator has to disable him at the brokers"},
		"it works again":                         {off: true, a: user(true), b: user(true), wants: "shopuser@a:true shopuser@b:true", mended: "done", marked: "false"},
		"he was enabled when the plane died":     {off: true, a: user(false), b: user(false), wants: "shopuser@a:true shopuser@b:true", marked: "false"},
		"the process may not change users there": {ended: true, noGuard: true, mended: "this process cannot change the cluster's users: an operator has to disable him at the brokers"},
	} {
		g := &gatekeeper{at: map[string][]mq.Account{"a": c.a, "b": c.b}, silent: c.silent}
		s := New(mq.Cluster{}, Engine{Guard: g})
		if c.noGuard {
			s.Guard = nil
		}
		one := Taken{Cluster: "c", User: "shopuser", Tenant: "shop", Off: c.off}
		if c.ended {
			one.Ended = "his key is revoked"
		}
		var marked []string
		found, err := s.Protect(t.Context(), Users{Taken: []Taken{one}, Mark: func(_ context.Context, now Taken) error {
			if now.Off && g.text() != fmt.Sprintf("shopuser@a:%v shopuser@b:%v", !c.a[0].Disabled, !c.b[0].Disabled) {
				t.Errorf("%s: disabled before that was kept", name)
			}
			marked = append(marked, fmt.Sprint(now.Off))
			return nil
		}})
		if (err != nil) != (c.silent != "") {
			t.Errorf("%s: %v", name, err)
		}
		if got := g.text(); !c.noGuard && got != c.wants {
			t.Errorf("%s: %s, want %s", name, got, c.wants)
		}
		if got := strings.Join(marked, " "); got != c.marked {
			t.Errorf("%s: kept %q, want %q", name, got, c.marked)
		}
		want := Drift{Kind: Different, Ref: audit.Ref{Kind: audit.KeyRecord, Tenant: "shop", Name: "shopuser"}, Detail: gone, Mended: c.mended}
		if !c.ended {
			want.Detail = "user shopuser is disabled at the brokers, and his key may be used again"
		}
		if len(found) != min(len(c.mended), 1) || len(found) == 1 && found[0] != want {
			t.Errorf("%s: told %+v", name, found)
		}
	}
}

// What was taken over since the look, with what comes with it, is not told as extra any more.
func TestWhatIsWantedByNowIsNotExtra(t *testing.T) {
	extra := func(kind audit.RecordKind, name string) Drift {
		return Drift{Kind: Extra, Ref: audit.Ref{Kind: kind}, Physical: named(t, name)}
	}
	user := Drift{Kind: Extra, Ref: audit.Ref{Kind: audit.TenantRecord, Tenant: "gone"}}
	found := []Drift{user, extra(audit.TopicRecord, "orders"), extra(audit.TopicRecord, "stray"), extra(audit.GroupRecord, "orders"), extra(audit.GroupRecord, "billing"),
		extra(audit.TopicRecord, "%DLQ%billing"), {Kind: Missing, Physical: named(t, "lost")}}
	wants := []Want{{Topic: mq.TopicSpec{Name: named(t, "orders")}}, {Topic: mq.TopicSpec{Name: named(t, "%DLQ%billing")}, Group: &mq.GroupSpec{Name: named(t, "billing")}}}
	left := []Drift{user, extra(audit.TopicRecord, "stray"), extra(audit.GroupRecord, "orders"), {Kind: Missing, Physical: named(t, "lost")}}
	if got := Since(found, wants); !slices.Equal(got, left) {
		t.Errorf("%+v", got)
	}
}
