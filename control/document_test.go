// SPDX-License-Identifier: Apache-2.0

package control

import (
	"testing"

	"github.com/causeway-mq/causeway/control/grant"
)

// What proxies do not know wakes none of them: the use of a token, a member's new role, a topic that is being made.
func TestProxiesAreWokenByWhatTheyKnow(t *testing.T) {
	for name, c := range map[string]struct {
		record Record
		known  bool
	}{
		"a tenant": {Tenant{}, true}, "a key": {Key{}, true}, "a topic": {Topic{State: Ready}, true}, "a topic in the making": {Topic{State: Creating}, false},
		"a group that goes": {Group{State: Deleting}, false}, "a member": {Document{Kind: "member"}, false}, "a grant": {Document{Kind: grant.Kind}, true},
	} {
		if seen(c.record) != c.known {
			t.Errorf("%s: %v", name, !c.known)
		}
	}
}
