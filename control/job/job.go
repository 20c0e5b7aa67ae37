// SPDX-License-Identifier: Apache-2.0

// Package job is long work that somebody asked for: kept in the store, done by one plane at a time, and gone on with by another one when
// that plane dies.
//
// A job is a document. Who asks for one adds it and does it, under a claim; the row of audit that goes with the document tells who
// that was. While it runs, its figures are in memory and are written down now and then. A plane that finds a job that runs nowhere, since
// its process was stopped or its claim ended, takes the claim and begins its next turn. Whatever a job does can be repeated, so a
// turn may do again what the one before had done and not written down.
//
// A claim is no lock: whoever was frozen may write a last word. The document counts the turns, and only the newest one writes.
//
// Rejected: a row for every step. Figures are worth less than the audit's room: they are written when a job begins and ends, and between
// these the more seldom the longer it runs.
package job

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Record is the kind under which jobs are kept.
const Record control.RecordKind = "job"

// Kind says what a job does.
type Kind string

// The kinds.
const (
	Redrive      Kind = "redrive"       // of a group
	DeleteTenant Kind = "delete-tenant" // of the installation
)

// State is how far a job is.
type State string

// The states of a job.
const (
	Running    State = "running"
	Cancelling State = "cancelling" // somebody wants it to end, and it has not yet
	Done       State = "done"
	Partial    State = "partial" // done, but some things were left: see Detail
	Failed     State = "failed"
	Cancelled  State = "cancelled" // what was done until then stays done
)

// Live tells whether a job in this state has not ended.
func (s State) Live() bool { return s == Running || s == Cancelling }

// Job is long work that somebody asked for.
type Job struct {
	ID     string
	Place  mq.Tenant // whose it is, zero = the installation's
	Kind   Kind
	Target string // what it is about: a group, a tenant
	State  State
	Total  int64 // things to do, as far as is known; -1 unknown
	Moved  int64 // things that are done
	// Skipped is things that were looked at and left.
	Skipped int64
	Rate    float64 // things a second lately, 0 = not known
	Detail  string  // of what goes on, or of how it ended
	By      string  // who asked for it
	Turn    int     // how often a plane began with it
	Begun   time.Time
	Told    time.Time // when the figures were written down
	Ended   time.Time // zero while it is live

	Revision control.Version
}

// Percent is how much of the work is through, 0 to 100; -1 when the total is not known.
func (j Job) Percent() int {
	switch {
	case j.State == Done || j.State == Partial:
		return 100
	case j.Total < 0:
		return -1
	case j.Total == 0:
		return 0
	}
	return int(min(100, (j.Moved+j.Skipped)*100/j.Total))
}

// Left is how long the job may still take at its rate; 0 when that is not known.
func (j Job) Left() time.Duration {
	rest := j.Total - j.Moved - j.Skipped
	if j.State != Running || j.Total < 0 || rest <= 0 || j.Rate <= 0 {
		return 0
	}
	const longest = 1000 * 24 * 3600 // seconds
	return time.Duration(min(float64(rest)/j.Rate, longest) * float64(time.Second))
}

// body is how a job is kept, and what the audit shows of it.
type body struct {
	Kind    Kind      `json:"kind"`
	Target  string    `json:"target"`
	State   State     `json:"state"`
	Total   int64     `json:"total"`
	Moved   int64     `json:"moved"`
	Skipped int64     `json:"skipped"`
	Rate    float64   `json:"rate,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	By      string    `json:"by"`
	Turn    int       `json:"turn"`
	Begun   time.Time `json:"begun"`
	Told    time.Time `json:"told"`
	Ended   time.Time `json:"ended,omitzero"`
}

func (j Job) ref() control.Ref {
	return control.Ref{Kind: Record, Tenant: j.Place.String(), Name: j.ID}
}

func (j Job) document() control.Document {
	text, _ := json.Marshal(body{ // plain values always marshal
		j.Kind, j.Target, j.State, j.Total, j.Moved, j.Skipped, j.Rate, j.Detail, j.By, j.Turn, j.Begun, j.Told, j.Ended,
	})
	return control.Document{Kind: Record, Tenant: j.Place.String(), Name: j.ID, Body: string(text), Revision: j.Revision}
}

func jobOf(d control.Document) (Job, error) {
	var b body
	if err := json.Unmarshal([]byte(d.Body), &b); err != nil {
		return Job{}, mq.Refuse(mq.Internal, "job %q cannot be read: %v", d.Name, err)
	}
	j := Job{
		ID: d.Name, Kind: b.Kind, Target: b.Target, State: b.State, Total: b.Total, Moved: b.Moved, Skipped: b.Skipped, Rate: b.Rate, Detail: b.Detail,
		By: b.By, Turn: b.Turn, Begun: b.Begun, Told: b.Told, Ended: b.Ended, Revision: d.Revision,
	}
	if d.Tenant == "" {
		return j, nil
	}
	var err error
	j.Place, err = mq.ParseTenant(d.Tenant)
	return j, err
}

// jobsOf reads documents, oldest job first. One that cannot be read is left out: it stops nobody.
func jobsOf(some []control.Document) []Job {
	var all []Job
	for _, d := range some {
		if j, err := jobOf(d); err == nil {
			all = append(all, j)
		}
	}
	slices.SortFunc(all, func(a, b Job) int { return cmp.Compare(a.Order(), b.Order()) })
	return all
}

// Order is a text by which jobs are sorted, the oldest first.
func (j Job) Order() string { return j.Begun.UTC().Format("20060102T150405.000000") + " " + j.ID }
