// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Bounds of jobs: so many run at a time, so many finished ones are remembered.
const (
	maxRunning    = 8
	maxRemembered = 100
)

// JobState is how far a job is.
type JobState string

// The states of a job.
const (
	JobRunning JobState = "running"
	JobDone    JobState = "done"
	JobPartial JobState = "partial" // done, but some things were left: see Detail
	JobFailed  JobState = "failed"
)

// Job is long work that somebody asked for. Jobs live as long as the process; what a job moved stays moved.
type Job struct {
	ID      string
	Tenant  mq.Tenant
	Kind    string // "redrive"
	Group   mq.GroupName
	State   JobState
	Total   int64 // things to do, as far as known at the start; -1 unknown
	Moved   int64
	Skipped int64
	Detail  string
	Started time.Time
	Ended   time.Time
}

// Percent is how much of the work is through, 0 to 100; -1 when the total is not known.
func (j Job) Percent() int {
	switch {
	case j.State == JobDone || j.State == JobPartial:
		return 100
	case j.Total < 0:
		return -1
	case j.Total == 0:
		return 0
	}
	return int(min(100, (j.Moved+j.Skipped)*100/j.Total))
}

// jobs runs and remembers. Its goroutines are joined by the Plane.
type jobs struct {
	life  context.Context
	done  *sync.WaitGroup
	clock clock.Clock

	mu  sync.Mutex // guards all
	all []*Job     // oldest first
}

func newJobs(life context.Context, done *sync.WaitGroup, c clock.Clock) *jobs {
	return &jobs{life: life, done: done, clock: c}
}

// start runs work unless the same kind runs for the same group, or too many run. work reports through update, which takes a
// function that changes the job.
func (js *jobs) start(j Job, work func(ctx context.Context, update func(func(*Job)))) (Job, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	running := 0
	for _, other := range js.all {
		if other.State != JobRunning {
			continue
		}
		running++
		if other.Kind == j.Kind && other.Tenant == j.Tenant && other.Group == j.Group {
			return Job{}, refuse(Busy, mq.Conflict, "job %s does this already", other.ID)
		}
	}
	if running >= maxRunning {
		return Job{}, refuse(TooManyRun, mq.TooManyRequests, "%d jobs run, the limit is %d: wait for one to end", running, maxRunning).limit(itoa(maxRunning))
	}
	j.ID, j.State, j.Started = random(12), JobRunning, js.clock.Now().UTC()
	mine := &j
	js.all = append(js.all, mine)
	js.forget()
	update := func(change func(*Job)) {
		js.mu.Lock()
		defer js.mu.Unlock()
		change(mine)
		if mine.State != JobRunning && mine.Ended.IsZero() {
			mine.Ended = js.clock.Now().UTC()
		}
	}
	js.done.Go(func() { work(js.life, update) })
	return *mine, nil
}

func (js *jobs) forget() {
	for len(js.all) > maxRemembered {
		i := slices.IndexFunc(js.all, func(j *Job) bool { return j.State != JobRunning })
		if i < 0 {
			return
		}
		js.all = slices.Delete(js.all, i, i+1)
	}
}

// Job finds a tenant's job.
func (p *Plane) Job(tenant mq.Tenant, id string) (Job, error) {
	p.jobs.mu.Lock()
	defer p.jobs.mu.Unlock()
	for _, j := range p.jobs.all {
		if j.ID == id && j.Tenant == tenant {
			return *j, nil
		}
	}
	return Job{}, mq.Refuse(mq.NotFound, "no such job: jobs are forgotten when the process ends")
}

// Jobs lists a tenant's jobs, oldest first.
func (p *Plane) Jobs(tenant mq.Tenant) ([]Job, error) {
	if _, err := p.Tenant(tenant); err != nil {
		return nil, err
	}
	p.jobs.mu.Lock()
	defer p.jobs.mu.Unlock()
	var some []Job
	for _, j := range p.jobs.all {
		if j.Tenant == tenant {
			some = append(some, *j)
		}
	}
	return some, nil
}
