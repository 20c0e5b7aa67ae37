// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Record is what the audit calls a client.
const Record control.RecordKind = "client"

// disconnect parts with a client at every proxy. Proxies are asked whoever is said to be connected: what they tell of that is up to ten seconds old.
func disconnect(r *door.Request) (door.Answer, error) {
	whom, err := named(r)
	if err != nil {
		return door.Answer{}, err
	}
	told, err := find(r, whom.Tenant)
	if err != nil {
		return door.Answer{}, err
	}
	known := false
	for _, c := range told.Clients {
		known = known || whom.Covers(c.ID)
	}
	out := wire.Disconnected{ID: whom.Client.String(), Complete: true, Unknown: []wire.SilentProxy{}}
	e := control.Entry{Actor: r.Actor(), Action: identity.DisconnectClient, Target: control.Ref{Kind: Record, Tenant: whom.Tenant.String(), Name: out.ID}}
	err = r.Plane.Audited(r.Context(), e, func() (any, error) {
		var outcomes []errand.Outcome
		if r.Disconnect != nil {
			outcomes = r.Disconnect(r.Context(), whom)
		}
		known = count(&out, outcomes) || known
		switch {
		case known:
			return out, nil
		case !out.Complete:
			return nil, mq.Refuse(mq.NotFound, "no client %q is connected to a proxy that answers; %d did not", door.Clip(out.ID), len(out.Unknown))
		}
		return nil, mq.Refuse(mq.NotFound, "no client %q is connected", door.Clip(out.ID))
	})
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(out)
}

// named reads whom the path and the body name.
func named(r *door.Request) (w session.Whom, err error) {
	if w.Tenant, err = r.Tenant(); err != nil {
		return w, err
	}
	if w.Client, err = mq.ParseClientID(r.PathValue("client")); err != nil {
		return w, door.In("client", err)
	}
	var want wire.Disconnect
	if err := r.Decode(&want); err != nil {
		return w, err
	}
	if w.AnyApp = want.App == nil; !w.AnyApp && *want.App != "" {
		app, err := control.ParseApplicationName(*want.App)
		if err != nil {
			return w, door.In("app", err)
		}
		w.App = app.String()
	}
	return w, nil
}

// count adds up what proxies said. known says that the client was at one of them.
func count(out *wire.Disconnected, outcomes []errand.Outcome) (known bool) {
	for _, o := range outcomes {
		if !o.Answered {
			out.Complete = false
			out.Unknown = append(out.Unknown, wire.SilentProxy{Heard: o.Heard.UTC()})
			continue
		}
		known = known || o.Known
		out.Streams += o.Streams
		if o.Streams > 0 {
			out.Proxies++
		}
	}
	return known
}
