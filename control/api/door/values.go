// SPDX-License-Identifier: Apache-2.0

package door

import (
	"net/http"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

// Optional leaves out a time that is none.
func Optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// TimeOf is a time that may be left out, as precise as it is kept.
func TimeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Texts writes each of some.
func Texts[T interface{ String() string }](some []T) []string {
	all := make([]string, len(some))
	for i, s := range some {
		all[i] = s.String()
	}
	return all
}

// ParseAll reads each of some.
func ParseAll[T any](field string, some []string, parse func(string) (T, error)) ([]T, error) {
	var all []T
	for _, s := range some {
		one, err := parse(s)
		if err != nil {
			return nil, In(field, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// ParseSpan reads a duration, 0 where it is left out.
func ParseSpan(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, Bad("malformed", field, field+`: a duration has a unit, for example "72h" or "30s"`)
	}
	if d == 0 {
		return -1, nil // asked for as such: out of every range, where leaving it out is the default
	}
	return d, nil
}

// OptionalSpan reads a duration that may be left as it is.
func OptionalSpan(field string, text *string) (*time.Duration, error) {
	if text == nil {
		return nil, nil
	}
	if *text == "" {
		return nil, Bad("malformed", field, field+": the duration is empty")
	}
	d, err := ParseSpan(field, *text)
	return &d, err
}

// ParsePlace reads "earliest", "latest" or a time.
func ParsePlace(field, text string) (mq.StartKind, time.Time, error) {
	switch text {
	case "earliest":
		return mq.StartEarliest, time.Time{}, nil
	case "latest":
		return mq.StartLatest, time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, time.Time{}, Bad("malformed", field, field+": earliest, latest or a time such as 2026-11-23T09:00:00Z"+nearest.Hint(text, []string{"earliest", "latest"}))
	}
	return mq.StartAt, t.UTC().Truncate(time.Microsecond), nil
}

// ParseCluster reads a cluster's name, "" for none.
func ParseCluster(name string) (mq.Cluster, error) {
	if name == "" {
		return mq.Cluster{}, nil
	}
	c, err := mq.ParseCluster(name)
	return c, In("cluster", err)
}

// Moment is a time in the query, the zero time where there is none.
func (r *Request) Moment(name string) (time.Time, error) {
	v := r.URL.Query()
	if !v.Has(name) {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, v.Get(name))
	if err != nil {
		return t, Bad("malformed", name, name+": a time such as 2026-11-23T09:00:00Z")
	}
	return t, nil
}

// Confirmed reads ?confirm=NAME: the name once more says that the caller means it.
func (r *Request) Confirmed(name string) (bool, error) {
	q := r.URL.Query()
	if !q.Has("confirm") {
		return false, nil
	}
	if q.Get("confirm") != name {
		return false, &Refusal{Status: http.StatusConflict, Kind: mq.Conflict.String(), Reason: string(control.Confirm), Field: "confirm",
			Detail: "confirm: must repeat the name of what is to be deleted"}
	}
	return true, nil
}
