// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"strconv"

	"github.com/causeway-mq/causeway/mq"
)

func filterCases() []Case {
	return []Case{
		{Name: "filter/tags", Play: tagFilter},
		{Name: "filter/sql", Play: sqlFilter},
		{Name: "filter/what-it-holds-back-blocks-nothing", Play: heldBackBlocksNothing},
		{Name: "filter/a-bad-one-is-refused", Play: badFilterIsRefused},
	}
}

func tagFilter(s *Scene) {
	t := s.topic(2)
	red, blue, none := s.messages(4, tagged("red")), s.messages(4, tagged("blue")), s.messages(4)
	for i := range red {
		s.send(t, none[i], red[i], blue[i])
	}
	expect := func(expr string, ms ...mq.Message) {
		g := s.group()
		w := want(t, g, tags(expr))
		got := s.collect(w, len(ms))
		s.areAll(got, ms...)
		s.ack(got...)
		s.noneWhile(rest, w, "all that the filter lets pass is acknowledged")
	}
	expect("red", red...)
	expect("red || blue", append(append([]mq.Message(nil), red...), blue...)...)
	expect("green")
	expect("*", append(append(append([]mq.Message(nil), red...), blue...), none...)...)
}

func sqlFilter(s *Scene) {
	t := s.topic(2)
	var all, dear []mq.Message
	for i := range 10 {
		m := s.message(tagged("order"), with("price", strconv.Itoa(i)), with("region", []string{"eu", "us"}[i%2]))
		all = append(all, m)
		if i > 4 && i%2 == 0 {
			dear = append(dear, m)
		}
	}
	all = append(all, s.message()) // has no price at all
	s.sendEach(t, all...)
	w := want(t, s.group(), sql("price > 4 AND region = 'eu' AND TAGS = 'order'"))
	got := s.collect(w, len(dear))
	s.areAll(got, dear...)
	s.ack(got...)
	s.none(w, "the filter holds all others back")
}

func heldBackBlocksNothing(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(150, tagged("noise"))...)
	ms := s.messages(2, tagged("signal"))
	s.send(t, ms[0])
	s.send(t, s.messages(150, tagged("noise"))...)
	s.send(t, ms[1])
	w := want(t, g, tags("signal"), most(1))
	got := s.collect(w, 2)
	s.areExactly(got, ms...)
	s.ack(got...)
	s.noneWhile(rest, w, "nothing else passes")
}

func badFilterIsRefused(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	_, err := s.engine().Take(s.ctx, want(t, g, sql("price >")))
	s.refused(err, "take with half an expression", mq.IllegalFilter)
	s.collect(want(t, g), 1) // and it took nothing away
}
