// SPDX-License-Identifier: Apache-2.0

package access

import "time"

// fresh checks that a signed date is about now.
func (g *Guard) fresh(date string) error {
	if date == "" {
		return unauthorized("auth_malformed: the header x-mq-date-time is missing")
	}
	signed, zoned, ok := parseDate(date)
	if !ok {
		return unauthorized("auth_malformed: x-mq-date-time is neither like 20060102T150405Z nor RFC 3339")
	}
	now := g.clock.Now()
	ahead := signed.Sub(now)
	if zoned {
		ok = g.near(ahead, 0)
	} else {
		ok = g.nearInSomeZone(ahead)
	}
	if !ok {
		return unauthorized("clock_skew: the call was signed at %s, the server's time is %s; %v apart is the limit, in every time zone",
			signed.Format(time.RFC3339), now.UTC().Format(time.RFC3339), g.window)
	}
	return nil
}

// near tells whether a date that is so far ahead of UTC is about now in a zone.
func (g *Guard) near(ahead, zone time.Duration) bool {
	return ahead-zone >= -g.window && ahead-zone <= g.window
}

// nearInSomeZone does the same for all zones: those of the configuration, or
// the nearest quarter of an hour, since the window is narrower than its half.
func (g *Guard) nearInSomeZone(ahead time.Duration) bool {
	if len(g.zones) == 0 {
		zone := min(max(ahead.Round(zoneStep), westmost), eastmost)
		return g.near(ahead, zone)
	}
	for _, zone := range g.zones {
		if g.near(ahead, zone) {
			return true
		}
	}
	return false
}

// parseDate reads a signed date. The short form has no zone, whatever its Z
// pretends, and is returned as if it were UTC.
func parseDate(s string) (at time.Time, zoned, ok bool) {
	if len(s) == len("20060102T150405Z") && s[8] == 'T' && s[15] == 'Z' {
		at, ok = parseShort(s)
		return at, false, ok
	}
	const longest = 40 // bytes: nine decimals, and then some
	if len(s) > longest {
		return time.Time{}, false, false
	}
	at, err := time.Parse(time.RFC3339, s)
	return at, true, err == nil
}

// parseShort reads the form that nearly all clients send, by hand: it is on
// the way of every call, and time.Parse takes longer than the signature.
func parseShort(s string) (time.Time, bool) {
	year, month, day := number(s[0:4]), number(s[4:6]), number(s[6:8])
	hour, minute, second := number(s[9:11]), number(s[11:13]), number(s[13:15])
	if year < 1 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return time.Time{}, false
	}
	at := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	// A day that its month does not have became one of the next month.
	return at, at.Day() == day || second == 60
}

// number reads digits, -1 if there are others.
func number(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}
