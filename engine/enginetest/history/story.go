// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// story tells all that a group did with a message, and how its transaction was settled, so that an accusation can be judged without playing it again. Numbers are
// the order of beginnings and ends of calls.
func (g *groupFacts) story(id mq.MessageID, verdicts []verdictOp) string {
	at := func(t time.Time) string { return t.UTC().Format("15:04:05.000") }
	var b strings.Builder
	told := map[*lease]bool{}
	for _, one := range g.grants[id] {
		fmt.Fprintf(&b, "; %d-%d %s delivered to %q as attempt %d", one.take.Call, one.take.Return, at(one.take.To), one.take.attempt, one.attempt)
		if told[one.lease] {
			continue
		}
		told[one.lease] = true
		fmt.Fprintf(&b, " until %s", at(one.until))
		for _, m := range one.moves {
			fmt.Fprintf(&b, "; %d-%d %s moved to %s (outcome %d)", m.Call, m.Return, at(m.To), at(m.until), m.result)
		}
		for _, s := range one.settles {
			what := "acknowledged"
			if s.dead {
				what = "buried"
			}
			fmt.Fprintf(&b, "; %d-%d %s %s (outcome %d)", s.Call, s.Return, at(s.To), what, s.result)
		}
	}
	if n := g.dead[id]; n > 0 {
		fmt.Fprintf(&b, "; %d copies among the dead letters", n)
	}
	for _, v := range verdicts {
		fmt.Fprintf(&b, "; %d-%d %s to %s settled with %s (outcome %d)", v.Call, v.Return, at(v.From), at(v.To), v.verdict, v.result)
	}
	return fmt.Sprintf("%s%s", id, b.String())
}
