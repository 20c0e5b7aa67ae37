// SPDX-License-Identifier: Apache-2.0

package request

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
)

func TestWhatIsDecidedStaysSo(t *testing.T) {
	all := []State{Pending, Approved, Refused, Withdrawn, Expired}
	for _, from := range all {
		for _, to := range all {
			got, err := from.Then(to)
			if may := from == Pending && to != Pending; (err == nil) != may || may && got != to || !may && got != from {
				t.Errorf("%s to %s: %s, %v", from, to, got, err)
			}
		}
	}
}

func TestPartiesAreToldApartByName(t *testing.T) {
	ann := Party{control.MemberActor, "risk/ann"}
	for name, c := range map[string]struct {
		other Party
		same  bool
	}{
		"herself": {ann, true}, "elsewhere": {Party{control.MemberActor, "pay/ann"}, true}, "of the installation": {Party{control.MemberActor, "ann"}, true},
		"another": {Party{control.MemberActor, "risk/bob"}, false}, "a machine": {Party{control.TokenActor, "risk/ann"}, false},
	} {
		if got := ann.Same(c.other); got != c.same {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNobodyDecidedInTime(t *testing.T) {
	ends := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	r := Request{State: Pending, Ends: ends}
	if s := r.At(ends.Add(-time.Microsecond)).State; s != Pending {
		t.Errorf("before its end it is %s", s)
	}
	if r := r.At(ends); r.State != Expired || r.Decided != ends {
		t.Errorf("at its end it is %+v", r)
	}
	r.State = Approved
	if s := r.At(ends).State; s != Approved {
		t.Errorf("what is decided is %s", s)
	}
}
