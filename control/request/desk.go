// SPDX-License-Identifier: Apache-2.0

package request

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// Effect is what a kind of request means.
type Effect interface {
	// Check refuses a wish that could never be granted, by what the tenant that asks knows: the answer must tell nothing of anybody else.
	Check(r Request) error
	// Ready refuses an approval whose effect could not come about now. Whoever decides reads the answer.
	Ready(r Request) error
	// Do brings the effect about. It may be repeated; what it refuses is refused for good, see site.Final.
	Do(ctx context.Context, by control.Actor, r Request) error
}

// Desk takes requests and decisions. It keeps nothing but in the plane's store, so several desks do no harm. It is safe for concurrent use once the kinds are added.
type Desk struct {
	plane *control.Plane
	who   *identity.Directory // nil where nobody is let in
	now   func() time.Time
	kinds map[Kind]Effect
}

// NewDesk makes the desk of a control plane; now is its time.
func NewDesk(plane *control.Plane, who *identity.Directory, now func() time.Time) *Desk {
	return &Desk{plane: plane, who: who, now: func() time.Time { return now().UTC().Truncate(time.Microsecond) }, kinds: map[Kind]Effect{}}
}

// Add says what a kind means. It belongs to the start.
func (d *Desk) Add(k Kind, e Effect) { d.kinds[k] = e }

// New is what is asked.
type New struct {
	Kind     Kind
	From, To mq.Tenant
	Reason   string
	Wish     json.RawMessage
}

// Ask takes a request. Whether the tenant that decides, or what is asked of it, is there shows nowhere.
func (d *Desk) Ask(ctx context.Context, by identity.Caller, n New) (Request, error) {
	if _, err := d.plane.Tenant(n.From); err != nil {
		return Request{}, err
	}
	effect, ok := d.kinds[n.Kind]
	if !ok {
		return Request{}, refuse(control.OutOfRange, mq.BadRequest, "kind: nothing is known of %.40q", n.Kind).On("kind")
	}
	if err := checkText("reason", n.Reason, true); err != nil {
		return Request{}, err
	}
	now := d.now()
	r := Request{
		ID: strings.ToLower(rand.Text()), Kind: n.Kind, From: n.From, To: n.To, By: partyOf(by), Reason: n.Reason, Wish: n.Wish,
		State: Pending, Created: now, Ends: now.Add(Life),
	}
	if err := effect.Check(r); err != nil {
		return Request{}, err
	}
	doc, err := d.plane.AddDocument(ctx, by.Actor, r.document(), func() error { return d.room(r) })
	if err != nil {
		return Request{}, err
	}
	return read(doc)
}

// room refuses one more request than may be, and a second one for the same.
func (d *Desk) room(r Request) error {
	all, err := d.ofTenant(r.From)
	if err != nil {
		return err
	}
	pending := 0
	for _, one := range all {
		if one.State != Pending {
			continue
		}
		if one.Kind == r.Kind && one.To == r.To && bytes.Equal(one.Wish, r.Wish) {
			return refuse(control.Exists, mq.Conflict, "request %s asks for the same and is pending", one.ID)
		}
		pending++
	}
	switch {
	case pending >= MaxPending:
		return refuse(control.Quota, mq.TooManyRequests, "as many requests of this tenant as allowed are pending: %d", MaxPending).Beyond(strconv.Itoa(MaxPending))
	case len(all) >= MaxRequests:
		return refuse(control.Quota, mq.TooManyRequests, "as many requests of this tenant as allowed are kept: %d; decided ones go after %d days", MaxRequests, int(Kept/(24*time.Hour))).Beyond(strconv.Itoa(MaxRequests))
	}
	return nil
}

// At names a request as a tenant that takes part sees it.
type At struct {
	Tenant mq.Tenant // zero = the installation
	ID     string
}

// right is the one that whoever decides there needs.
func (at At) right() control.Verb {
	if at.Tenant == (mq.Tenant{}) {
		return identity.AnswerRequest
	}
	return identity.DecideRequest
}

// Decision is what is done about a request.
type Decision struct {
	Why      string          // needed for a refusal
	Revision control.Version // that the caller saw; 0 = whatever there is
}

// Approve says yes, and lets what was asked for come about. Where that takes longer, the answer says that it is due.
func (d *Desk) Approve(ctx context.Context, by identity.Caller, at At, c Decision) (Request, error) {
	r, err := d.deciding(ctx, by, at, c)
	if err != nil {
		return Request{}, err
	}
	effect, ok := d.kinds[r.Kind]
	if !ok {
		return Request{}, mq.Refuse(mq.Unsupported, "this process does not know the kind %q of requests", r.Kind)
	}
	if err := effect.Ready(r); err != nil {
		return Request{}, err
	}
	r.Due = true
	r, err = d.settle(ctx, by, verdict{r, at.Tenant, Approved, "approve", c.Why})
	if err != nil {
		return Request{}, err
	}
	return d.carryOut(ctx, by.Actor, r)
}

// Refuse says no.
func (d *Desk) Refuse(ctx context.Context, by identity.Caller, at At, c Decision) (Request, error) {
	r, err := d.deciding(ctx, by, at, c)
	if err == nil {
		err = checkText("why", c.Why, true)
	}
	if err != nil {
		return Request{}, err
	}
	return d.settle(ctx, by, verdict{r, at.Tenant, Refused, "refuse", c.Why})
}

// Withdraw takes a request back; anybody of the tenant that asked may.
func (d *Desk) Withdraw(ctx context.Context, by identity.Caller, at At, c Decision) (Request, error) {
	r, err := d.seen(at, c.Revision)
	if err == nil && r.From != at.Tenant {
		err = refuse(NotAsked, mq.Conflict, "another tenant asked for it: refuse it")
	}
	if err == nil {
		err = checkText("why", c.Why, false)
	}
	if err != nil {
		return Request{}, err
	}
	return d.settle(ctx, by, verdict{r, at.Tenant, Withdrawn, "withdraw", c.Why})
}

// Comment says something about a request, as long as it is pending.
func (d *Desk) Comment(ctx context.Context, by identity.Caller, at At, text string) (Request, error) {
	r, err := d.seen(at, 0)
	if err == nil {
		err = checkText("text", text, true)
	}
	if err == nil {
		_, err = r.State.Then(Refused)
	}
	if err != nil {
		return Request{}, err
	}
	if len(r.Comments) >= MaxComments {
		return Request{}, refuse(control.Quota, mq.TooManyRequests, "as many comments on this request as allowed exist: %d", MaxComments).Beyond(strconv.Itoa(MaxComments))
	}
	r.Comments = append(slices.Clip(r.Comments), Comment{partyOf(by), at.Tenant, d.now(), text})
	return d.act(ctx, by, deed{at.Tenant, "comment", r})
}

// deciding finds a request that a caller may decide.
func (d *Desk) deciding(ctx context.Context, by identity.Caller, at At, c Decision) (Request, error) {
	r, err := d.seen(at, c.Revision)
	if err == nil && r.To != at.Tenant {
		err = refuse(NotAsked, mq.Conflict, "%s decides this request: it can be withdrawn here", r.decides())
	}
	if err == nil {
		err = checkText("why", c.Why, false)
	}
	if err == nil && !by.Holder && r.By.Same(partyOf(by)) {
		err = d.who.Forbid(ctx, by, identity.Wish{Right: at.right(), On: control.Ref{Kind: Record, Tenant: at.Tenant.String(), Name: r.ID}}, identity.Ban{Reason: OwnRequest, Why: "nobody decides his own request"})
	}
	return r, err
}

// seen finds a request that has the revision that a caller saw, 0 = whatever there is.
func (d *Desk) seen(at At, revision control.Version) (Request, error) {
	r, err := d.Request(at)
	if err == nil && revision != 0 && revision != r.Revision {
		err = control.Outdated(r.Ref())
	}
	return r, err
}

// verdict is how a request ends.
type verdict struct {
	request Request
	side    mq.Tenant // on whose behalf
	state   State
	action  string
	why     string
}

func (d *Desk) settle(ctx context.Context, by identity.Caller, v verdict) (Request, error) {
	state, err := v.request.State.Then(v.state)
	if err != nil {
		return Request{}, err
	}
	r := v.request
	r.State, r.Decider, r.Why, r.Decided = state, partyOf(by), v.why, d.now()
	return d.act(ctx, by, deed{v.side, v.action, r})
}

// deed is a change of a request on behalf of one side.
type deed struct {
	side    mq.Tenant
	action  string
	request Request
}

// act changes a request. The record is the asking tenant's: what the other side does stands in that one's own audit under the name of who does it, and
// in the asking tenant's as a change that came about.
func (d *Desk) act(ctx context.Context, by identity.Caller, what deed) (r Request, err error) {
	if what.side == what.request.From {
		return d.keep(ctx, by.Actor, what.action, what.request)
	}
	on := control.Ref{Kind: Record, Tenant: what.side.String(), Name: what.request.ID}
	err = d.plane.Attest(ctx, by.Actor, control.Verb(string(Record)+"."+what.action), on, func() error {
		r, err = d.keep(ctx, control.Itself("requests").Because(by.Actor), what.action, what.request)
		return err
	})
	return r, err
}

func (d *Desk) keep(ctx context.Context, by control.Actor, action string, r Request) (Request, error) {
	doc, err := d.plane.ChangeDocument(ctx, by, action, r.document())
	if err != nil {
		return Request{}, err
	}
	return read(doc)
}

// Request finds a request of a tenant that takes part; to any other it is not there.
func (d *Desk) Request(at At) (Request, error) {
	doc, ok := d.plane.DocumentNamed(Record, at.ID)
	if ok {
		r, err := read(doc)
		if err != nil || d.concerns(r, at.Tenant) {
			return r.At(d.now()), err
		}
	}
	return Request{}, mq.Refuse(mq.NotFound, "no such request")
}

// concerns tells whether a tenant takes part in a request: no other one knows of it, nor one that was made after it, under a name that another tenant had.
func (d *Desk) concerns(r Request, t mq.Tenant) bool {
	if r.To != t || t == (mq.Tenant{}) {
		return r.From == t || r.To == t
	}
	now, err := d.plane.Tenant(t)
	return err == nil && !now.Created.After(r.Created)
}

// Requests lists what a tenant asks and what it is asked, the zero one being the installation; by id.
func (d *Desk) Requests(of mq.Tenant) ([]Request, error) {
	if of != (mq.Tenant{}) {
		if _, err := d.plane.Tenant(of); err != nil {
			return nil, err
		}
	}
	all, err := d.all(func(doc control.Document) bool {
		return of != (mq.Tenant{}) && doc.Tenant == of.String() || strings.HasPrefix(doc.Body, `{"to":"`+of.String()+`"`)
	})
	all = slices.DeleteFunc(all, func(r Request) bool { return !d.concerns(r, of) })
	slices.SortFunc(all, func(a, b Request) int { return strings.Compare(a.ID, b.ID) })
	return all, err
}

func (d *Desk) ofTenant(t mq.Tenant) ([]Request, error) {
	return d.readAll(d.plane.Documents(Record, t.String()))
}

func (d *Desk) all(pick func(control.Document) bool) ([]Request, error) {
	return d.readAll(slices.DeleteFunc(d.plane.EveryDocument(Record), func(doc control.Document) bool { return !pick(doc) }))
}

func (d *Desk) readAll(some []control.Document) ([]Request, error) {
	all := make([]Request, 0, len(some))
	for _, doc := range some {
		r, err := read(doc)
		if err != nil {
			return nil, err
		}
		all = append(all, r.At(d.now()))
	}
	return all, nil
}

func refuse(reason control.Reason, k mq.Kind, format string, args ...any) *control.Refusal {
	return refusal.New(reason, k, format, args...)
}
