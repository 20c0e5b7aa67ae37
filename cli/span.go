// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// leadingDays finds the days that a duration of the command line may begin with: "7d", "1d12h".
var leadingDays = regexp.MustCompile(`^(\d{1,5})d(.*)$`)

// errSpan says how a duration is written.
var errSpan = errors.New(`a duration is a number with its unit (ms, s, m, h or d), for example "90s", "1h30m" or "7d"`)

// parseSpan reads a duration as Go writes it, with days in front where there are some.
func parseSpan(text string) (time.Duration, error) {
	var days time.Duration
	if m := leadingDays.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, errSpan
		}
		days = time.Duration(n) * 24 * time.Hour
		if text = m[2]; text == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || days > 0 && d < 0 {
		return 0, errSpan
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
	return tidy(time.Duration(*s).String())
}

// Set reads it from the command line.
func (s *span) Set(text string) error {
	d, err := parseSpan(text)
	*s = span(d)
	return err
}

// Type is what the help calls it.
func (s *span) Type() string { return "duration" }

// spanFlag adds a flag that takes a duration; what stands in to is its default.
func spanFlag(cmd *cobra.Command, to *time.Duration, name, help string) {
	cmd.Flags().Var((*span)(to), name, help)
}

// spanText is a duration for the API, which knows no days; "" stays.
func spanText(flag, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	d, err := parseSpan(text)
	if err != nil {
		return "", usage("%s %q: %v", flag, text, err)
	}
	return d.String(), nil
}
