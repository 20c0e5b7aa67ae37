// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

// An epoch is known by the chain of audit: by its first row, until an operator forces the catalog on proxies, then by the row that says so. A database that
// was restored from a backup continues an older chain, so versions that proxies know come a second time with another content; proxies refuse to go back
// until the operator says that it is meant, and that row makes the new epoch.

// Record is the kind of the feed as a target of audit; there is no record of that kind.
const Record control.RecordKind = "feed"

// The actions on it.
const (
	begin control.Verb = "feed.begin"
	force control.Verb = "feed.force"
)

const (
	target   = "catalog" // the feed's name as a target
	epochID  = 16        // as much of a row's hash as tells epochs apart
	maxWhy   = 1000      // bytes
	readTime = 10 * time.Second
)

// Ledger is the part of the control plane's store that tells epochs apart.
type Ledger interface {
	Append(ctx context.Context, e control.Entry) error
	Entries(ctx context.Context, q control.AuditQuery) ([]control.Entry, error)
}

func idOf(e control.Entry) string { return e.Hash[:min(epochID, len(e.Hash))] }

// epoch reads the epoch.
func (f *Feed) epoch(ctx context.Context) (wire.Epoch, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	e, err := read(ctx, f.opt.Ledger)
	if err != nil || e.ID != "" {
		return e, err
	}
	// Nothing was changed since the chain is kept.
	if err := note(ctx, f.opt.Ledger, control.Entry{Time: f.opt.Clock.Now(), Actor: control.Itself("feed"), Action: begin, Outcome: control.Begun}); err != nil {
		return wire.Epoch{}, err
	}
	return read(ctx, f.opt.Ledger)
}

// read gives the epoch; one without an ID where the chain is empty.
func read(ctx context.Context, l Ledger) (wire.Epoch, error) {
	forced, err := l.Entries(ctx, control.AuditQuery{Kind: Record, Name: target, Outcome: control.Done, Limit: 1})
	if err != nil {
		return wire.Epoch{}, err
	}
	if len(forced) > 0 {
		return wire.Epoch{ID: idOf(forced[0]), Forced: forced[0].Time.UnixMicro()}, nil
	}
	first, err := l.Entries(ctx, control.AuditQuery{Below: 2, Limit: 1})
	if err != nil || len(first) == 0 {
		return wire.Epoch{}, err
	}
	return wire.Epoch{ID: idOf(first[0])}, nil
}

func note(ctx context.Context, l Ledger, e control.Entry) error {
	e.Target = control.Ref{Kind: Record, Name: target}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	return l.Append(ctx, e)
}

// Forced is an operator's word that the catalog is meant as it is.
type Forced struct {
	By   control.Actor
	Why  string // kept in the audit; required
	When time.Time
	// Version is the one that he looked at, for the audit.
	Version catalog.Version
}

// Force makes proxies take the catalog as it is now, whatever they have: also an older version, and one that lacks most tenants. Every control plane on the
// same store begins the new epoch within some seconds. BadRequest without a reason.
func Force(ctx context.Context, l Ledger, w Forced) (wire.Epoch, error) {
	if strings.TrimSpace(w.Why) == "" || len(w.Why) > maxWhy {
		return wire.Epoch{}, mq.Refuse(mq.BadRequest, "why: 1 to %d bytes that say why proxies are to take the catalog as it is", maxWhy)
	}
	after, err := json.Marshal(map[string]catalog.Version{"version": w.Version})
	if err != nil {
		return wire.Epoch{}, err
	}
	err = note(ctx, l, control.Entry{Time: w.When, Actor: w.By, Action: force, Outcome: control.Done, Why: strings.ToValidUTF8(w.Why, "?"), After: string(after)})
	if err != nil {
		return wire.Epoch{}, control.During("force the feed", err)
	}
	return read(ctx, l)
}

// Force is Force on this feed's store, and looks at once.
func (f *Feed) Force(ctx context.Context, by control.Actor, why string) (wire.Epoch, error) {
	_, v := f.Now()
	e, err := Force(ctx, f.opt.Ledger, Forced{by, why, f.opt.Clock.Now(), v})
	select {
	case f.forced <- struct{}{}:
	default:
	}
	return e, err
}
