// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/mq"
)

// Limits of applications.
const (
	MaxApplicationName = 64
	MaxRights          = 1000 // names in each list of an application's rights
)

// ApplicationName is what an application is called within its tenant: 1 to 64 characters of A-Z, a-z, 0-9, '_' and '-'.
type ApplicationName struct{ s string }

// ParseApplicationName accepts a name or refuses it with BadRequest.
func ParseApplicationName(s string) (ApplicationName, error) {
	ok := s != "" && len(s) <= MaxApplicationName
	for _, c := range []byte(s) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if !ok {
		return ApplicationName{}, refuse(OutOfRange, mq.BadRequest,
			"application name: 1 to %d characters of A-Z, a-z, 0-9, '_' and '-' are required", MaxApplicationName).On("name").Beyond(itoa(MaxApplicationName))
	}
	return ApplicationName{s}, nil
}

// String is the name, "" for none.
func (n ApplicationName) String() string { return n.s }

// Rights is what an application may do within its tenant.
type Rights struct {
	Owner   bool           // everything
	Publish []mq.TopicName // topics it may send to
	Read    []mq.TopicName // topics it may receive from, under the groups below
	Consume []mq.GroupName
}

// Application acts for a tenant: keys belong to it, rights are given to it.
type Application struct {
	Tenant   mq.Tenant
	Name     ApplicationName
	Rights   Rights
	Note     string
	Labels   label.Labels
	Disabled bool
	Created  time.Time
	Revision Version
}

// Ref names the record.
func (a Application) Ref() Ref {
	return Ref{Kind: ApplicationRecord, Tenant: a.Tenant.String(), Name: a.Name.String()}
}
func (a Application) revision() Version   { return a.Revision }
func (a Application) at(v Version) Record { a.Revision = v; return a }

// CreateApplication makes an application with its first key. The key's secret is shown this once.
func (p *Plane) CreateApplication(ctx context.Context, by Actor, a Application) (Application, Key, error) {
	if _, err := p.Tenant(a.Tenant); err != nil {
		return Application{}, Key{}, err
	}
	if err := checkRights(a.Rights, a.Note); err != nil {
		return Application{}, Key{}, err
	}
	a.Created, a.Disabled, a.Revision = p.now(), false, 0
	if err := p.addIf(ctx, by, a, p.room(ApplicationRecord, a.Tenant, p.opt.Limits.Applications)); err != nil {
		return Application{}, Key{}, During("create application", err)
	}
	k, err := p.CreateKey(ctx, by, a.Tenant, a.Name, time.Time{})
	if err != nil {
		return Application{}, Key{}, err
	}
	a, err = p.Application(a.Tenant, a.Name)
	return a, k, err
}

// Application finds an application.
func (p *Plane) Application(t mq.Tenant, n ApplicationName) (Application, error) {
	a, ok := lookup[Application](p.book, Application{Tenant: t, Name: n}.Ref())
	if !ok {
		return Application{}, mq.Refuse(mq.NotFound, "no application %q%s", n, p.near(ApplicationRecord, t, n.String()))
	}
	return a, nil
}

// Applications lists a tenant's applications by name.
func (p *Plane) Applications(t mq.Tenant) ([]Application, error) {
	if _, err := p.Tenant(t); err != nil {
		return nil, err
	}
	return of[Application](p.book, t.String()), nil
}

// ApplicationChange names what to change; nil leaves a thing as it is.
type ApplicationChange struct {
	Rights   *Rights
	Note     *string
	Labels   *label.Labels // all of them
	Disabled *bool
	Revision Version // that the caller saw; 0 = whatever there is
}

// UpdateApplication changes rights or switches an application off. Proxies see it at once.
func (p *Plane) UpdateApplication(ctx context.Context, by Actor, t mq.Tenant, n ApplicationName, c ApplicationChange) (Application, error) {
	a, err := p.Application(t, n)
	if err != nil {
		return Application{}, err
	}
	if c.Revision != 0 && c.Revision != a.Revision {
		return Application{}, stale("application", n.String())
	}
	assign(&a.Rights, c.Rights)
	assign(&a.Note, c.Note)
	assign(&a.Labels, c.Labels)
	assign(&a.Disabled, c.Disabled)
	if err := checkRights(a.Rights, a.Note); err != nil {
		return Application{}, err
	}
	if err := p.put(ctx, what(by, "update", a)); err != nil {
		return Application{}, During("update application", err)
	}
	p.Visible(ctx)
	return p.Application(t, n)
}

// DeleteApplication forgets an application with its keys; nothing has to be confirmed. Who used them is a stranger from then on.
func (p *Plane) DeleteApplication(ctx context.Context, by Actor, t mq.Tenant, n ApplicationName, d Deletion) error {
	a, err := p.Application(t, n)
	if err == nil {
		err = d.of(a)
	}
	if err != nil {
		return err
	}
	if err := p.remove(ctx, what(by, "delete", a)); err != nil {
		return During("delete application", err)
	}
	p.Visible(ctx)
	return nil
}

func checkRights(r Rights, note string) error {
	for field, n := range map[string]int{"publish": len(r.Publish), "read": len(r.Read), "consume": len(r.Consume)} {
		if n > MaxRights {
			return refuse(OutOfRange, mq.BadRequest, "%s: %d names, the limit is %d", field, n, MaxRights).On(field).Beyond(itoa(MaxRights))
		}
	}
	if slices.ContainsFunc(r.Publish, func(n mq.TopicName) bool { _, dead := n.DeadLettersOf(); return dead }) {
		return refuse(Reserved, mq.BadRequest, "publish: dead letters are written by the platform alone").On("publish")
	}
	return checkNote(note)
}

func stale(what, name string) error {
	return refuse(Stale, mq.Conflict, "%s %q was changed by somebody else since you read it: read it again", what, name)
}

func assign[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
