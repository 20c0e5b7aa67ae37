// SPDX-License-Identifier: Apache-2.0

package capital

import (
	"strings"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/feed"
)

// signers is as whom this control plane signs at the brokers, by cluster.
func (c *capital) signers() map[string]string {
	all := map[string]string{}
	for _, one := range c.config.Clusters {
		all[one.Name] = one.AccessKey
	}
	return all
}

// sharing are the proxies that sign at brokers as the control plane does.
func sharing(all []feed.Follower) (some []feed.Follower) {
	for _, one := range all {
		if len(one.Shared) > 0 {
			some = append(some, one)
		}
	}
	return some
}

// users tells whether proxies have users of their own at the brokers.
func (c *capital) users() control.Finding {
	found := control.Finding{Name: "users of proxies", Status: control.Good, Detail: "no proxy signs at the brokers as this control plane does, as far as proxies say"}
	var who []string
	for _, one := range sharing(c.feed.Followers()) {
		who = append(who, one.Name+" at "+strings.Join(one.Shared, ", "))
	}
	if len(who) == 0 {
		return found
	}
	found.Status = control.Warn
	if c.config.Production {
		found.Status = control.Bad
	}
	found.Detail = "signing at the brokers as this control plane's own user, an administrator there: " + strings.Join(who, "; ")
	found.Fix = "make the proxies a user of their own at the brokers, and name it in their configuration (clusters: access_key, secret_key): whoever takes such a proxy has this control plane's rights at the brokers, and its user cannot be ended for the proxy alone"
	return found
}
