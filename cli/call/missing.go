// SPDX-License-Identifier: Apache-2.0

package call

import (
	"fmt"
	"strings"

	"github.com/causeway-mq/causeway/control/wire"
)

// WarnOfMissing tells what an application's rights name and its tenant does not have: most often it is a name that somebody mistyped.
func (c *Call) WarnOfMissing(a wire.Application) {
	for _, m := range []struct {
		noun  string
		names []string
	}{{"topic", a.MissingTopics}, {"group", a.MissingGroups}} {
		if len(m.names) > 0 {
			fmt.Fprintf(c.Env.Err, "warning: application %s has rights to what is not there: %s %s; they hold as soon as somebody makes it\n", a.Name, m.noun, strings.Join(m.names, ", "))
		}
	}
}
