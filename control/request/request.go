// SPDX-License-Identifier: Apache-2.0

// Package request is requests with approval: somebody asks for what he may not do himself, another one decides, and what was approved comes about,
// whoever dies meanwhile. docs/adr/0013 says why it is as it is.
//
// A request is a document of the tenant that asks. Its approval is one change, its effect another one, which can be repeated; the request says that the effect is
// due until it is known to be there. So a plane that dies between the two leaves what any plane finishes.
package request

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/mq"
)

// Record is the kind under which requests are kept.
const Record control.RecordKind = "request"

// Kind is what is asked for. What a kind means is its Effect's.
type Kind string

// State is what became of a request.
type State string

// The states. All but the first are for good.
const (
	Pending   State = "pending"
	Approved  State = "approved"
	Refused   State = "refused"
	Withdrawn State = "withdrawn" // by who asked
	Expired   State = "expired"   // nobody decided in time
)

// Then is the state after another one, or a refusal: what is decided stays so.
func (s State) Then(next State) (State, error) {
	if s != Pending || next == Pending {
		return s, refuse(Decided, mq.Conflict, "the request is %s: nothing more happens to it", s)
	}
	return next, nil
}

// Party is who did something, as the audit calls him.
type Party struct {
	Kind control.ActorKind `json:"kind"`
	Name string            `json:"name"`
}

func partyOf(c identity.Caller) Party { return Party{c.Actor.Kind, c.Actor.Name} }

// person is a name without the tenant that stands before it.
func (p Party) person() string {
	if _, bare, ok := strings.Cut(p.Name, "/"); ok {
		return bare
	}
	return p.Name
}

// Same tells whether two are one, as far as names tell: also a member of two tenants under one name.
func (p Party) Same(other Party) bool {
	return p == other || p.Kind == control.MemberActor && other.Kind == control.MemberActor && p.person() == other.person()
}

// Comment is what somebody said about a request.
type Comment struct {
	By   Party
	Side mq.Tenant // on whose behalf; zero = the installation's
	At   time.Time
	Text string
}

// Request is one request.
type Request struct {
	ID       string // random
	Kind     Kind
	From     mq.Tenant // asks
	To       mq.Tenant // decides; zero = the installation
	By       Party
	Reason   string
	Wish     json.RawMessage // what is asked for, as the kind's Effect reads it
	State    State
	Created  time.Time
	Ends     time.Time // without a decision
	Decider  Party     // set with Decided
	Why      string    // the decider's reason
	Decided  time.Time // also of a withdrawal and of an end
	Due      bool      // approved, and the effect not known to be there yet
	Failed   string    // approved, and why the effect never came
	Comments []Comment
	Revision control.Version
}

// Limits of requests.
const (
	Life        = 14 * 24 * time.Hour // without a decision
	Kept        = 90 * 24 * time.Hour // after it; the audit keeps it longer
	MaxPending  = 50                  // of one tenant that asks
	MaxRequests = 500                 // of one tenant that asks, in whatever state
	MaxComments = 50
	MaxText     = control.MaxNote // bytes of a reason, a comment
)

// Reasons of refusals.
const (
	OwnRequest control.Reason = "own_request"     // nobody decides his own
	NotAsked   control.Reason = "not_asked"       // another tenant decides
	Decided    control.Reason = "already_decided" // what is decided stays so
)

// decides says in words who decides, as who asks may know it.
func (r Request) decides() string {
	if r.To == (mq.Tenant{}) {
		return "the installation"
	}
	return "another tenant"
}

// Ref names the record.
func (r Request) Ref() control.Ref {
	return control.Ref{Kind: Record, Tenant: r.From.String(), Name: r.ID}
}

// At is the request as it is at a time: one that nobody decided in time has expired.
func (r Request) At(now time.Time) Request {
	if r.State == Pending && !now.Before(r.Ends) {
		r.State, r.Decided = Expired, r.Ends
	}
	return r
}

// hidden is what the audit of the tenant that asks must not show: people of the tenant that decides.
type hidden struct {
	Decider  Party   `json:"decider,omitzero"`
	Comments []Party `json:"comments,omitempty"` // by whom each is
}

// body is how a request is kept.
type body struct {
	To       string          `json:"to"`
	Kind     Kind            `json:"kind"`
	By       Party           `json:"by"`
	Reason   string          `json:"reason"`
	Wish     json.RawMessage `json:"wish"`
	State    State           `json:"state"`
	Created  time.Time       `json:"created"`
	Ends     time.Time       `json:"ends"`
	Why      string          `json:"why,omitempty"`
	Decided  time.Time       `json:"decided,omitzero"`
	Due      bool            `json:"due,omitempty"`
	Failed   string          `json:"failed,omitempty"`
	Comments []comment       `json:"comments,omitempty"`
}

type comment struct {
	Side string    `json:"side,omitempty"`
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

func (r Request) document() control.Document {
	b := body{r.To.String(), r.Kind, r.By, r.Reason, r.Wish, r.State, r.Created, r.Ends, r.Why, r.Decided, r.Due, r.Failed, nil}
	h := hidden{Decider: r.Decider}
	for _, c := range r.Comments {
		b.Comments = append(b.Comments, comment{c.Side.String(), c.At, c.Text})
		h.Comments = append(h.Comments, c.By)
	}
	text, _ := json.Marshal(b) // plain values always marshal
	names, _ := json.Marshal(h)
	return control.Document{Kind: Record, Tenant: r.From.String(), Name: r.ID, Body: string(text), Hidden: string(names), Revision: r.Revision}
}

func read(d control.Document) (r Request, err error) {
	var b body
	var h hidden
	if err := errors.Join(json.Unmarshal([]byte(d.Body), &b), json.Unmarshal([]byte(d.Hidden), &h)); err != nil || len(h.Comments) != len(b.Comments) {
		return r, mq.Refuse(mq.Internal, "request %q cannot be read: %v", d.Name, err)
	}
	r = Request{
		ID: d.Name, Kind: b.Kind, By: b.By, Reason: b.Reason, Wish: b.Wish, State: b.State, Created: b.Created, Ends: b.Ends,
		Decider: h.Decider, Why: b.Why, Decided: b.Decided, Due: b.Due, Failed: b.Failed, Revision: d.Revision,
	}
	if r.From, err = place(d.Tenant); err != nil {
		return r, err
	}
	if r.To, err = place(b.To); err != nil {
		return r, err
	}
	for i, c := range b.Comments {
		side, err := place(c.Side)
		if err != nil {
			return r, err
		}
		r.Comments = append(r.Comments, Comment{h.Comments[i], side, c.At, c.Text})
	}
	return r, nil
}

// place is a tenant, or the installation for "".
func place(id string) (mq.Tenant, error) {
	if id == "" {
		return mq.Tenant{}, nil
	}
	return mq.ParseTenant(id)
}

// checkText refuses what people say about a request where it is empty, although it is needed, or too long.
func checkText(field, text string, needed bool) error {
	switch {
	case needed && strings.TrimSpace(text) == "":
		return refuse(control.OutOfRange, mq.BadRequest, "%s: say why, in up to %d bytes", field, MaxText).On(field)
	case len(text) > MaxText || !utf8.ValidString(text):
		return refuse(control.OutOfRange, mq.BadRequest, "%s: %d bytes, the limit is %d bytes of UTF-8", field, len(text), MaxText).On(field).Beyond("500")
	}
	return nil
}
