// SPDX-License-Identifier: Apache-2.0

package call

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// leadingDays finds the days that a duration of the command line may begin with: "7d", "1d12h".
var leadingDays = regexp.MustCompile(`^(\d{1,5})d(.*)$`)

// ErrSpan says how a duration is written.
var ErrSpan = errors.New(`a duration is a number with its unit (ms, s, m, h or d), for example "90s", "1h30m" or "7d"`)

// ParseSpan reads a duration as Go writes it, with days in front where there are some.
func ParseSpan(text string) (time.Duration, error) {
	var days time.Duration
	if m := leadingDays.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, ErrSpan
		}
		days = time.Duration(n) * 24 * time.Hour
		if text = m[2]; text == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || days > 0 && d < 0 {
		return 0, ErrSpan
	}
	return days + d, nil
}

// span is a flag that takes a duration.
type span time.Duration

// String is the duration without its zero units; "0" is what the help takes for none.
func (s *span) String() string {
	if *s == 0 {
		return "0"
	}
	return Tidy(time.Duration(*s).String())
}

// Set reads it from the command line.
func (s *span) Set(text string) error {
	d, err := ParseSpan(text)
	*s = span(d)
	return err
}

// Type is what the help calls it.
func (s *span) Type() string { return "duration" }

// SpanFlag adds a flag that takes a duration; what stands in to is its default.
func SpanFlag(cmd *cobra.Command, to *time.Duration, name, help string) {
	cmd.Flags().Var((*span)(to), name, help)
}

// SpanText is a duration for the API, which knows no days; "" stays.
func SpanText(flag, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	d, err := ParseSpan(text)
	if err != nil {
		return "", Usage("%s %q: %v", flag, text, err)
	}
	return d.String(), nil
}

// Place reads a position for the API: earliest, latest, RFC 3339, "2026-11-23 09:00" in local time, or "-10m" before now.
func Place(flag, s string, now time.Time) (string, error) {
	if s == "earliest" || s == "latest" {
		return s, nil
	}
	t, err := Moment(flag, s, now)
	if err != nil {
		return "", Usage("%s %q: earliest, latest, a time such as 2026-11-23T09:00:00Z or '2026-11-23 09:00' (local), or -10m", flag, s)
	}
	return t.UTC().Format(time.RFC3339Nano), nil
}

// Moment reads a time as people write it.
func Moment(flag, s string, now time.Time) (time.Time, error) {
	if back, ok := strings.CutPrefix(s, "-"); ok {
		if d, err := ParseSpan(back); err == nil {
			return now.Add(-d), nil
		}
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, Usage("%s %q: a time such as 2026-11-23T09:00:00Z, '2026-11-23 09:00' (local), or -10m", flag, s)
}
