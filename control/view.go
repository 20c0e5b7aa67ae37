// SPDX-License-Identifier: Apache-2.0

package control

import "github.com/causeway-mq/causeway/control/audit"

// view is what the audit shows of a record: plain values under the names of the API, no secrets.
type view = audit.View

func (p *Plane) viewOf(r Record) string {
	if r == nil {
		return ""
	}
	shown := r.view()
	if t, ok := r.(Topic); ok {
		for _, name := range p.BrokerSettings(t.Spec.Cluster) {
			delete(shown.(view), name)
		}
	}
	return jsonOf(shown)
}

func (t Tenant) view() any {
	return view{"id": t.ID.String(), "note": t.Note, "labels": t.Labels.Map(), "plan": t.Plan.String(), "environment": t.Environment.String(), "disabled": t.Disabled, "loopbackUnsigned": t.LoopbackUnsigned, "created": t.Created}
}

func (a Application) view() any {
	return view{
		"name": a.Name.String(), "owner": a.Rights.Owner, "publish": audit.Texts(a.Rights.Publish), "read": audit.Texts(a.Rights.Read), "consume": audit.Texts(a.Rights.Consume),
		"note": a.Note, "labels": a.Labels.Map(), "disabled": a.Disabled, "created": a.Created,
	}
}

func (k Key) view() any {
	return view{"id": k.ID, "application": k.Application.String(), "created": k.Created, "expires": audit.Moment(k.Expires), "revoked": audit.Moment(k.Revoked)}
}

func (t Topic) view() any {
	s := t.Spec
	return view{
		"name": t.Name.String(), "physical": s.Name.String(), "cluster": s.Cluster.String(), "types": audit.Texts(s.Accepts.Types()), "queues": s.Queues,
		"durability": s.Durability.String(), "retention": s.Retention.String(), "note": t.Note, "labels": t.Labels.Map(), "takenOver": t.Taken, "state": t.State, "created": t.Created, "updated": t.Updated,
	}
}

func (g Group) view() any {
	s := g.Spec
	return view{
		"name": g.Name.String(), "physical": s.Name.String(), "cluster": s.Cluster.String(), "mode": s.Mode.String(), "ordered": s.Ordered,
		"maxAttempts": s.MaxAttempts, "retry": audit.Retry(s.Retry), "start": audit.Start(s.Start), "hold": s.Hold.String(),
		"note": g.Note, "labels": g.Labels.Map(), "paused": g.Paused, "takenOver": g.Taken, "state": g.State, "created": g.Created, "updated": g.Updated,
	}
}
