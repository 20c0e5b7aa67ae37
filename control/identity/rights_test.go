// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/mq"
)

// matrix is the table of rights as somebody reads it who reviews it: v viewer, d developer, t tenant-admin, o operator, s security-admin,
// a auditor, b break-glass.
const matrix = `
installation.read    ...osab
installation.set     ...o..b
installation.debug   ...o..b
cluster.read         ...o.ab
cluster.import       ...o..b
tenant.read          vdtosab
tenant.create        ...o..b
tenant.update        ...o..b
tenant.delete        ...o..b
plan.read            ...osab
plan.create          ...o..b
plan.update          ...o..b
plan.delete          ...o..b
environment.read     ...osab
environment.create   ...o..b
environment.update   ...o..b
environment.delete   ...o..b
zone.read            ...osab
zone.create          ...o..b
zone.update          ...o..b
zone.delete          ...o..b
application.read     vdtosab
application.create   ..t...b
application.update   ..t.s.b
application.delete   ..t...b
key.read             .dt.sab
key.create           ..t...b
key.revoke           ..t.s.b
topic.read           vdtosab
topic.create         .dto..b
topic.update         .dto..b
topic.delete         ..to..b
group.read           vdtosab
group.create         .dto..b
group.update         .dto..b
group.delete         ..to..b
group.reset          .dto..b
group.redrive        .dto..b
client.read          vdtosab
client.disconnect    .dto..b
message.read         .dt...b
message.send         .dt...b
message.recall       .dt...b
message.settle       ..t...b
message.trace        vdto..b
job.read             vdtosab
job.cancel           .dto..b
member.read          ..t.sa.
member.create        ..t.s..
member.update        ..t.s..
member.delete        ..t.s..
token.read           ..t.sa.
token.create         ..t.s..
token.revoke         ..t.s..
request.read         vdtosab
request.create       .dt...b
request.comment      .dt.s.b
request.decide       ..t.s.b
request.answer       ...o..b
grant.read           vdtosab
grant.delete         ..t.s.b
audit.read           ..t.sa.
audit.verify         ....sa.
`

func TestEveryRoleHasTheRightsOfTheMatrix(t *testing.T) {
	var seen []control.Verb
	for _, line := range strings.Split(strings.TrimSpace(matrix), "\n") {
		parts := strings.Fields(line)
		v := control.Verb(parts[0])
		seen = append(seen, v)
		for i, r := range identity.Roles() {
			if want := parts[1][i] != '.'; r.May(v) != want {
				t.Errorf("%s, %s: %v, want %v", r, v, r.May(v), want)
			}
		}
	}
	if !slices.Equal(seen, identity.Verbs()) {
		t.Errorf("the matrix has %v, the table %v", seen, identity.Verbs())
	}
	for _, r := range identity.Roles() {
		if r.May("no.such") {
			t.Errorf("%s may do what nobody knows", r)
		}
	}
	if identity.Role("").May(identity.ReadTenant) {
		t.Error("nobody may do something")
	}
}

func TestRolesAreHeldWhereTheyBelong(t *testing.T) {
	shop, err := mq.ParseTenant("shop")
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[identity.Role][2]bool{ // in a tenant, in the installation
		identity.Viewer: {true, true}, identity.Auditor: {true, true}, identity.Developer: {true, false}, identity.TenantAdmin: {true, false},
		identity.Operator: {false, true}, identity.SecurityAdmin: {false, true}, identity.BreakGlass: {false, true}, "root": {false, false}, "": {false, false},
	} {
		_, inside := identity.ParseRole(string(role), shop)
		_, outside := identity.ParseRole(string(role), mq.Tenant{})
		if (inside == nil) != want[0] || (outside == nil) != want[1] {
			t.Errorf("%q: in a tenant %v, in the installation %v", role, inside, outside)
		}
	}
}
