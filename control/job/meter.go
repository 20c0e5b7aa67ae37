// SPDX-License-Identifier: Apache-2.0

package job

import "time"

// span is the time over which a rate is taken: what was faster or slower before is soon forgotten.
const span = 5 * time.Second

// meter measures how many things a second are done.
type meter struct {
	since time.Time
	from  int64 // things done at since
	rate  float64
}

// at notes how many things are done by now, and gives the rate of the last whole span, or of the time until now while there is none.
func (m *meter) at(now time.Time, done int64) float64 {
	passed := now.Sub(m.since)
	if m.since.IsZero() || passed < 0 {
		m.since, m.from = now, done
		return m.rate
	}
	if passed < span {
		if m.rate == 0 && passed > 0 {
			return float64(done-m.from) / passed.Seconds()
		}
		return m.rate
	}
	m.rate = float64(done-m.from) / passed.Seconds()
	m.since, m.from = now, done
	return m.rate
}
