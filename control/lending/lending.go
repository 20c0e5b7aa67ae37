// SPDX-License-Identifier: Apache-2.0

// Package lending is how grants come and go: by a request that the topic's owner approves, until either side, time, or the topic's end takes them back.
package lending

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/request"
	"github.com/causeway-mq/causeway/mq"
)

// Kind is that of requests for a grant.
const Kind request.Kind = "grant"

// MaxBorrowed bounds the topics that one tenant borrows.
const MaxBorrowed = 1000

// Wish is what a request for a grant asks for.
type Wish struct {
	Topic   mq.TopicName // of the tenant that decides
	As      mq.TopicName // what the tenant that asks will call it
	Rights  grant.Rights
	Expires time.Time // zero = never
}

// wish is a Wish as a request keeps it.
type wish struct {
	Topic     string    `json:"topic"`
	As        string    `json:"as"`
	Publish   bool      `json:"publish,omitempty"`
	Subscribe bool      `json:"subscribe,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
}

// Written is the wish as a request keeps it.
func (w Wish) Written() json.RawMessage {
	text, _ := json.Marshal(wish{w.Topic.String(), w.As.String(), w.Rights.Publish, w.Rights.Subscribe, w.Expires.UTC()}) // plain values always marshal
	return text
}

// WishOf reads what a request for a grant asks for.
func WishOf(r request.Request) (w Wish, err error) {
	var kept wish
	if err := json.Unmarshal(r.Wish, &kept); err != nil {
		return w, mq.Refuse(mq.Internal, "request %s cannot be read: %v", r.ID, err)
	}
	w = Wish{Rights: grant.Rights{Publish: kept.Publish, Subscribe: kept.Subscribe}, Expires: kept.Expires}
	if w.Topic, err = mq.ParseTopicName(kept.Topic); err != nil {
		return w, err
	}
	w.As, err = mq.ParseTopicName(kept.As)
	return w, err
}

// Office lends topics. It keeps nothing but in the plane's store and is safe for concurrent use.
type Office struct {
	plane *control.Plane
	desk  *request.Desk
	now   func() time.Time
}

// Open makes the office of a control plane, and adds what it does to the desk.
func Open(plane *control.Plane, desk *request.Desk, now func() time.Time) *Office {
	o := &Office{plane, desk, now}
	desk.Add(Kind, o)
	return o
}

// Check refuses a wish by what the tenant that asks knows itself.
func (o *Office) Check(r request.Request) error {
	w, err := WishOf(r)
	if err != nil {
		return err
	}
	_, deadTopic := w.Topic.DeadLettersOf()
	_, deadName := w.As.DeadLettersOf()
	switch {
	case r.From == r.To:
		return refuse(control.OutOfRange, mq.BadRequest, "topic: it is this tenant's own, which needs no grant").On("topic")
	case deadTopic:
		return refuse(control.Reserved, mq.BadRequest, "topic: dead letters are not lent").On("topic")
	case deadName:
		return refuse(control.Reserved, mq.BadRequest, "as: the name is one of dead letters").On("as")
	case w.Rights == (grant.Rights{}):
		return refuse(control.OutOfRange, mq.BadRequest, "publish, subscribe: at least one of them is needed").On("publish")
	case !w.Expires.IsZero() && !w.Expires.After(o.now()):
		return refuse(control.OutOfRange, mq.BadRequest, "expires: lies in the past").On("expires")
	}
	return o.vacant(place{r.From, r.To, w})
}

// place is where a grant is to stand.
type place struct {
	borrower, owner mq.Tenant
	wish            Wish
}

// vacant refuses a name that the borrower has already, a second name for a topic that it borrows, and one topic too many.
func (o *Office) vacant(at place) error {
	all := o.plane.Borrowed(at.borrower)
	for _, g := range all {
		same := g.Owner == at.owner && g.Topic == at.wish.Topic
		switch {
		case same && g.As == at.wish.As:
			return nil
		case same:
			return refuse(control.Exists, mq.Conflict, "as: the topic is borrowed as %q already: ask under that name, or end that grant first", g.As).On("as")
		case g.As == at.wish.As:
			return taken(at.wish.As)
		}
	}
	if _, err := o.plane.Topic(at.borrower, at.wish.As); err == nil {
		return taken(at.wish.As)
	}
	if len(all) >= MaxBorrowed {
		return refuse(control.Quota, mq.TooManyRequests, "as many topics as allowed are borrowed: %d", MaxBorrowed).Beyond(strconv.Itoa(MaxBorrowed))
	}
	return nil
}

func taken(name mq.TopicName) error {
	return refuse(control.Exists, mq.Conflict, "as: a topic %q exists already: choose another name", name).On("as")
}

// Ready refuses an approval whose grant could not be made.
func (o *Office) Ready(r request.Request) error {
	w, err := WishOf(r)
	if err == nil {
		err = o.lendable(r, w)
	}
	if err != nil {
		return err
	}
	if o.vacant(place{r.From, r.To, w}) != nil {
		return refuse(control.Exists, mq.Conflict, "the name that was asked for is in use by now: the request has to be made anew")
	}
	return nil
}

// lendable looks at the topic. One that was made after the decision is another one than was lent.
func (o *Office) lendable(r request.Request, w Wish) error {
	t, err := o.plane.Topic(r.To, w.Topic)
	switch {
	case err != nil:
		return err
	case !t.State.Visible(), !r.Decided.IsZero() && t.Created.After(r.Decided):
		return mq.Refuse(mq.TopicNotFound, "no topic %q", w.Topic)
	case w.Rights.Publish && t.Spec.Accepts.Lendable() == 0:
		return refuse(control.OutOfRange, mq.Conflict, "topic %q takes transactions alone, which are not lent: the grant could be used for nothing", w.Topic)
	case !w.Expires.IsZero() && !w.Expires.After(o.now()):
		return refuse(control.OutOfRange, mq.Conflict, "the grant would have ended by now")
	}
	return nil
}

// Do makes the grant that was approved.
func (o *Office) Do(ctx context.Context, by control.Actor, r request.Request) error {
	w, err := WishOf(r)
	if err == nil {
		err = o.lendable(r, w)
	}
	if err != nil {
		return err
	}
	g := grant.Grant{
		ID: r.ID, Request: r.ID, Borrower: r.From, As: w.As, Owner: r.To, Topic: w.Topic, Rights: w.Rights, Expires: w.Expires,
		Created: o.now().UTC().Truncate(time.Microsecond),
	}
	at := place{r.From, r.To, w}
	if err := o.vacant(at); err != nil {
		return err
	}
	for _, was := range o.plane.Borrowed(r.From) {
		switch {
		case was.As != w.As:
		case was.Request == r.ID:
			return nil // it was done before
		default:
			g.ID, g.Created, g.Revision = was.ID, was.Created, was.Revision
			_, err := o.plane.ChangeDocument(ctx, by, "update", document(g))
			return err
		}
	}
	_, err = o.plane.AddDocument(ctx, by, document(g), func() error { return o.vacant(at) })
	return err
}

func document(g grant.Grant) control.Document {
	return control.Document{Kind: grant.Kind, Tenant: g.Borrower.String(), Name: g.ID, Body: g.Body(), Revision: g.Revision}
}

// Grants lists what a tenant lends and borrows, by id.
func (o *Office) Grants(of mq.Tenant) ([]grant.Grant, error) {
	if _, err := o.plane.Tenant(of); err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(o.plane.Borrowed(mq.Tenant{}), func(g grant.Grant) bool { return !concerns(g, of) || !g.Live(o.now()) })
	slices.SortFunc(all, func(a, b grant.Grant) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func concerns(g grant.Grant, t mq.Tenant) bool { return g.Owner == t || g.Borrower == t }

// Grant finds a grant of a tenant that lends or borrows by its id, or by the borrower's name for the topic; to any other it is not there.
func (o *Office) Grant(of mq.Tenant, id string) (grant.Grant, error) {
	for _, g := range o.plane.Borrowed(of) {
		if g.As.String() == id && g.Live(o.now()) {
			return g, nil
		}
	}
	if d, ok := o.plane.DocumentNamed(grant.Kind, id); ok {
		g, err := d.Grant()
		if err != nil || concerns(g, of) && g.Live(o.now()) {
			return g, err
		}
	}
	return grant.Grant{}, mq.Refuse(mq.NotFound, "no such grant")
}

// End takes a grant back, or gives it back. seen is the revision that the caller saw, 0 = whatever there is. Proxies know of it when this returns, or within
// moments.
func (o *Office) End(ctx context.Context, by identity.Caller, at request.At, seen control.Version) error {
	g, err := o.Grant(at.Tenant, at.ID)
	if err != nil {
		return err
	}
	if seen != 0 && seen != g.Revision {
		return control.Outdated(g.Ref())
	}
	if err := o.desk.Finish(ctx, g.Request); err != nil { // else the grant would be made once more
		return err
	}
	if at.Tenant == g.Borrower {
		return o.plane.RemoveDocument(ctx, by.Actor, document(g))
	}
	on := control.Ref{Kind: grant.Kind, Tenant: g.Owner.String(), Name: g.ID}
	return o.plane.Attest(ctx, by.Actor, identity.DeleteGrant, on, func() error {
		return o.plane.RemoveDocument(ctx, control.Itself("grants").Because(by.Actor), document(g))
	})
}

// Sweep takes back what has expired. What another plane did first is no error.
func (o *Office) Sweep(ctx context.Context) error {
	var errs []error
	for _, g := range o.plane.Borrowed(mq.Tenant{}) {
		if g.Live(o.now()) {
			continue
		}
		err := o.plane.RemoveDocument(ctx, control.Itself("grants"), document(g))
		if k := mq.KindOf(err); k != mq.Conflict && k != mq.NotFound {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func refuse(reason control.Reason, k mq.Kind, format string, args ...any) *control.Refusal {
	return refusal.New(reason, k, format, args...)
}
