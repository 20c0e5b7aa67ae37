// SPDX-License-Identifier: Apache-2.0

package request

import (
	"context"
	"errors"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// carryOut brings about what was approved, and says in the request how it ended. What fails for now stays due.
func (d *Desk) carryOut(ctx context.Context, because control.Actor, r Request) (Request, error) {
	effect, ok := d.kinds[r.Kind]
	if !ok || !r.Due {
		return r, nil
	}
	by := control.Itself("requests").Because(because)
	err := effect.Do(ctx, by, r)
	action := "settle"
	switch {
	case err == nil:
	case mq.Outcome(err) == mq.Refused && site.Final(err):
		action, r.Failed = "fail", mq.Said(err)
	default:
		return r, nil // it stays due: the next look tries again
	}
	r.Due = false
	settled, err := d.keep(ctx, by, action, r)
	if err != nil { // the effect is there; whoever looks next says so
		r.Due = true
		return r, nil
	}
	return settled, nil
}

// Finish carries out what a request's approval left due. It is no error that there is no such request.
func (d *Desk) Finish(ctx context.Context, id string) error {
	doc, ok := d.plane.DocumentNamed(Record, id)
	if !ok {
		return nil
	}
	r, err := read(doc)
	if err != nil {
		return err
	}
	if r, err = d.carryOut(ctx, control.Actor{}, r); err == nil && r.Due {
		err = mq.Refuse(mq.Unavailable, "what request %s asked for is not known to be there yet: try again", id)
	}
	return err
}

// Sweep carries out what is due, ends requests that nobody decided in time, and forgets what was decided long ago. What another plane did
// first is no error.
func (d *Desk) Sweep(ctx context.Context) error {
	var errs []error
	by, now := control.Itself("requests"), d.now()
	for _, doc := range d.plane.EveryDocument(Record) {
		kept, err := read(doc)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		switch r := kept.At(now); {
		case r.Due:
			_, err = d.carryOut(ctx, control.Actor{}, r)
		case r.State != kept.State:
			_, err = d.keep(ctx, by, "expire", r)
		case r.State != Pending && now.Sub(r.Decided) >= Kept:
			err = d.plane.RemoveDocument(ctx, by, doc)
		}
		if k := mq.KindOf(err); k != mq.Conflict && k != mq.NotFound {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
