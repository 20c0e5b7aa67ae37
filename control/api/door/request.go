// SPDX-License-Identifier: Apache-2.0

package door

import (
	"context"
	"net/http"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/roster"
	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/control/trace"
	"github.com/causeway-mq/causeway/control/usage"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Request is a request of a caller who was let in, with what it is answered from.
type Request struct {
	*http.Request
	Caller identity.Caller // nobody, who has no right, where the operation is open
	// Stands is nil while the caller would be let in again as who he is; to ask is no use of his credential. Unauthorized: he would not.
	Stands func(context.Context) error
	*Kept
}

// Kept is what a server answers every request from.
type Kept struct {
	Plane   *control.Plane
	Jobs    *job.Board
	Who     *identity.Directory
	Clock   clock.Clock
	Cursors Cursors
	Series  *series.Series
	Usage   usage.Table
	Roster  *roster.Roster
	Witness trace.Witness
	// Disconnect has proxies part with clients; nil: there are none.
	Disconnect func(context.Context, session.Whom) []errand.Outcome
	// Follows tells which proxies follow the catalog; nil: this process serves it to none.
	Follows func() Following
}

// Following is how proxies follow the catalog.
type Following struct {
	Version uint64 // that they are to have
	Epoch   string
	Proxies []Follower
}

// Follower is a proxy that asked for the catalog of late.
type Follower struct {
	Name, Epoch string
	Version     uint64
	Heard       time.Time // when it asked last
	By          string    // by which way it has that version, "" where it does not say
	Since       time.Time // it has it; zero where it does not say
	Shared      []string  // clusters at which it signs as the control plane's own user
	Elsewhere   bool      // it asks another control plane, and tells of it here every ten seconds
}

// Handler answers a request. An error becomes a problem.
type Handler func(*Request) (Answer, error)

// Answer is what a handler gives: a status with a body to render as JSON, nil for none.
type Answer struct {
	Status   int
	Body     any
	Replayed bool // it was given before
	Cookies  []*http.Cookie
	Location string // where a browser goes, with a status of 3xx
	Text     string // in the place of a body, for what is no JSON
	Media    string // of Text
	// Stream goes on answering, in the place of a body: it returns when the stream is over, at the latest when its context ends. over is closed when the server stops.
	Stream func(w http.ResponseWriter, over <-chan struct{})
}

// OK answers with what was asked for.
func OK(body any) (Answer, error) { return Answer{Status: http.StatusOK, Body: body}, nil }

// Created answers with what was made.
func Created(body any) (Answer, error) { return Answer{Status: http.StatusCreated, Body: body}, nil }

// Accepted answers with what was begun.
func Accepted(body any) (Answer, error) { return Answer{Status: http.StatusAccepted, Body: body}, nil }

// None answers that it is done.
func None() (Answer, error) { return Answer{Status: http.StatusNoContent}, nil }

// Actor is who makes the request, for the audit.
func (r *Request) Actor() control.Actor { return r.Caller.Actor }

// Tenant is the tenant that the path names.
func (r *Request) Tenant() (mq.Tenant, error) { return mq.ParseTenant(r.PathValue("tenant")) }

// Application is the tenant and the application of the path. A name that can't be one is not there.
func (r *Request) Application() (mq.Tenant, control.ApplicationName, error) {
	t, err := r.Tenant()
	if err != nil {
		return t, control.ApplicationName{}, err
	}
	n, err := control.ParseApplicationName(r.PathValue("app"))
	return t, n, err
}

// Topic is the tenant and the topic of the path.
func (r *Request) Topic() (mq.Tenant, mq.TopicName, error) {
	t, err := r.Tenant()
	if err != nil {
		return t, mq.TopicName{}, err
	}
	n, err := mq.ParseTopicName(r.PathValue("topic"))
	return t, n, In("topic", err)
}

// Group is the tenant and the group of the path.
func (r *Request) Group() (mq.Tenant, mq.GroupName, error) {
	t, err := r.Tenant()
	if err != nil {
		return t, mq.GroupName{}, err
	}
	n, err := mq.ParseGroupName(r.PathValue("group"))
	return t, n, In("group", err)
}

// Placed is a handler of what is in a tenant or, where the path names none, in the installation.
func Placed(handle func(r *Request, place mq.Tenant) (Answer, error)) Handler {
	return func(r *Request) (Answer, error) {
		var place mq.Tenant
		if r.PathValue("tenant") != "" {
			t, err := r.Tenant()
			if err != nil {
				return Answer{}, err
			}
			place = t
		}
		return handle(r, place)
	}
}
