// SPDX-License-Identifier: Apache-2.0

// Package identity says who may do what with the control plane: members are people, tokens are machines, each has one role in one place,
// which is a tenant or the installation, and a role is what the table of rights gives it.
package identity

import (
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

// The verbs of the API: the right that each operation needs. Where one changes a record, its row of audit has the same verb.
const (
	ReadInstallation  control.Verb = "installation.read"  // findings, figures, log level
	SetInstallation   control.Verb = "installation.set"   // the log level
	DebugInstallation control.Verb = "installation.debug" // profiles of the process

	ReadCluster   control.Verb = "cluster.read"   // where things are kept, and how it differs from what is wanted
	ImportCluster control.Verb = "cluster.import" // take over what a cluster has, for any tenant

	ReadTenant   control.Verb = "tenant.read"
	CreateTenant control.Verb = "tenant.create"
	UpdateTenant control.Verb = "tenant.update" // its plan, and whether anybody gets in
	DeleteTenant control.Verb = "tenant.delete"

	ReadPlan   control.Verb = "plan.read"
	CreatePlan control.Verb = "plan.create"
	UpdatePlan control.Verb = "plan.update"
	DeletePlan control.Verb = "plan.delete"

	ReadEnvironment   control.Verb = "environment.read"
	CreateEnvironment control.Verb = "environment.create"
	UpdateEnvironment control.Verb = "environment.update"
	DeleteEnvironment control.Verb = "environment.delete"

	ReadZone   control.Verb = "zone.read"
	CreateZone control.Verb = "zone.create"
	UpdateZone control.Verb = "zone.update"
	DeleteZone control.Verb = "zone.delete"

	ReadApplication   control.Verb = "application.read"
	CreateApplication control.Verb = "application.create"
	UpdateApplication control.Verb = "application.update"
	DeleteApplication control.Verb = "application.delete"

	ReadKey   control.Verb = "key.read" // never a secret
	CreateKey control.Verb = "key.create"
	RevokeKey control.Verb = "key.revoke"

	ReadTopic   control.Verb = "topic.read"
	CreateTopic control.Verb = "topic.create"
	UpdateTopic control.Verb = "topic.update"
	DeleteTopic control.Verb = "topic.delete"

	ReadGroup    control.Verb = "group.read"
	CreateGroup  control.Verb = "group.create"
	UpdateGroup  control.Verb = "group.update"
	DeleteGroup  control.Verb = "group.delete"
	ResetGroup   control.Verb = "group.reset"
	RedriveGroup control.Verb = "group.redrive"

	ReadClient       control.Verb = "client.read"       // who is connected; never a secret
	DisconnectClient control.Verb = "client.disconnect" // it may come back at once

	ReadMessage   control.Verb = "message.read"   // bodies and properties, dead letters among them
	SendMessage   control.Verb = "message.send"   // a new one, or a stored one again
	RecallMessage control.Verb = "message.recall" // one that waits for its time
	SettleMessage control.Verb = "message.settle" // end a transaction that nobody ended
	TraceMessage  control.Verb = "message.trace"  // where a message is; nothing of what is in it

	ReadJob   control.Verb = "job.read"
	CancelJob control.Verb = "job.cancel"

	ReadMember   control.Verb = "member.read"
	CreateMember control.Verb = "member.create"
	UpdateMember control.Verb = "member.update"
	DeleteMember control.Verb = "member.delete"

	ReadToken   control.Verb = "token.read" // never a secret
	CreateToken control.Verb = "token.create"
	RevokeToken control.Verb = "token.revoke"

	ReadRequest    control.Verb = "request.read"
	CreateRequest  control.Verb = "request.create" // to ask; the same right takes it back
	CommentRequest control.Verb = "request.comment"
	DecideRequest  control.Verb = "request.decide" // of what others ask of the tenant
	AnswerRequest  control.Verb = "request.answer" // of what tenants ask of the installation

	ReadGrant   control.Verb = "grant.read"
	DeleteGrant control.Verb = "grant.delete" // from either side

	ReadAudit   control.Verb = "audit.read"
	VerifyAudit control.Verb = "audit.verify"
)

// Role is what a member or a token is, in its tenant or in the installation.
type Role string

// The roles.
const (
	Viewer        Role = "viewer"         // sees how things are, no message
	Developer     Role = "developer"      // works with topics, groups and messages
	TenantAdmin   Role = "tenant-admin"   // everything in his tenant
	Operator      Role = "operator"       // runs the installation, reads no message and gives nobody rights
	SecurityAdmin Role = "security-admin" // gives and takes rights, and does nothing with them
	Auditor       Role = "auditor"        // sees who did what
	BreakGlass    Role = "break-glass"    // everything but giving rights, for hours, with a reason, each use of it audited
)

// Installation is what sessions and the audit call the holder of the installation. It is no role: nobody is given it, and it stands in no row of the table.
const Installation Role = "installation"

// Roles lists the roles that can be given.
func Roles() []Role {
	return []Role{Viewer, Developer, TenantAdmin, Operator, SecurityAdmin, Auditor, BreakGlass}
}

// right is one row of the table: who may do it. all is a right that every role has.
type right struct {
	verb  control.Verb
	roles []Role
}

// rights is the table of rights. What does not stand here nobody may do but the holder of the installation, who has its files anyway.
func rights() []right {
	all := Roles()
	work := []Role{Developer, TenantAdmin, Operator, BreakGlass}
	own := []Role{TenantAdmin, Operator, BreakGlass}
	people := []Role{TenantAdmin, SecurityAdmin}
	return []right{
		{ReadInstallation, []Role{Operator, SecurityAdmin, Auditor, BreakGlass}},
		{SetInstallation, []Role{Operator, BreakGlass}},
		{DebugInstallation, []Role{Operator, BreakGlass}},
		{ReadCluster, []Role{Operator, Auditor, BreakGlass}},
		{ImportCluster, []Role{Operator, BreakGlass}},
		{ReadTenant, all},
		{CreateTenant, []Role{Operator, BreakGlass}},
		{UpdateTenant, []Role{Operator, BreakGlass}},
		{DeleteTenant, []Role{Operator, BreakGlass}},
		{ReadPlan, []Role{Operator, SecurityAdmin, Auditor, BreakGlass}},
		{CreatePlan, []Role{Operator, BreakGlass}},
		{UpdatePlan, []Role{Operator, BreakGlass}},
		{DeletePlan, []Role{Operator, BreakGlass}},
		{ReadEnvironment, []Role{Operator, SecurityAdmin, Auditor, BreakGlass}},
		{CreateEnvironment, []Role{Operator, BreakGlass}},
		{UpdateEnvironment, []Role{Operator, BreakGlass}},
		{DeleteEnvironment, []Role{Operator, BreakGlass}},
		{ReadZone, []Role{Operator, SecurityAdmin, Auditor, BreakGlass}},
		{CreateZone, []Role{Operator, BreakGlass}},
		{UpdateZone, []Role{Operator, BreakGlass}},
		{DeleteZone, []Role{Operator, BreakGlass}},
		{ReadApplication, all},
		{CreateApplication, []Role{TenantAdmin, BreakGlass}},
		{UpdateApplication, []Role{TenantAdmin, SecurityAdmin, BreakGlass}},
		{DeleteApplication, []Role{TenantAdmin, BreakGlass}},
		{ReadKey, []Role{Developer, TenantAdmin, SecurityAdmin, Auditor, BreakGlass}},
		{CreateKey, []Role{TenantAdmin, BreakGlass}},
		{RevokeKey, []Role{TenantAdmin, SecurityAdmin, BreakGlass}},
		{ReadTopic, all},
		{CreateTopic, work},
		{UpdateTopic, work},
		{DeleteTopic, own},
		{ReadGroup, all},
		{CreateGroup, work},
		{UpdateGroup, work},
		{DeleteGroup, own},
		{ResetGroup, work},
		{RedriveGroup, work},
		{ReadClient, all},
		{DisconnectClient, work},
		{ReadMessage, []Role{Developer, TenantAdmin, BreakGlass}},
		{SendMessage, []Role{Developer, TenantAdmin, BreakGlass}},
		{RecallMessage, []Role{Developer, TenantAdmin, BreakGlass}},
		{SettleMessage, []Role{TenantAdmin, BreakGlass}},
		{TraceMessage, []Role{Viewer, Developer, TenantAdmin, Operator, BreakGlass}},
		{ReadJob, all},
		{CancelJob, work},
		{ReadMember, []Role{TenantAdmin, SecurityAdmin, Auditor}},
		{CreateMember, people},
		{UpdateMember, people},
		{DeleteMember, people},
		{ReadToken, []Role{TenantAdmin, SecurityAdmin, Auditor}},
		{CreateToken, people},
		{RevokeToken, people},
		{ReadRequest, all},
		{CreateRequest, []Role{Developer, TenantAdmin, BreakGlass}},
		{CommentRequest, []Role{Developer, TenantAdmin, SecurityAdmin, BreakGlass}},
		{DecideRequest, []Role{TenantAdmin, SecurityAdmin, BreakGlass}},
		{AnswerRequest, []Role{Operator, BreakGlass}},
		{ReadGrant, all},
		{DeleteGrant, []Role{TenantAdmin, SecurityAdmin, BreakGlass}},
		{ReadAudit, []Role{TenantAdmin, SecurityAdmin, Auditor}},
		{VerifyAudit, []Role{SecurityAdmin, Auditor}},
	}
}

// Verbs lists every right.
func Verbs() []control.Verb {
	var all []control.Verb
	for _, r := range rights() {
		all = append(all, r.verb)
	}
	return all
}

// Nouns lists what rights are about.
func Nouns() []string {
	var all []string
	for _, r := range rights() {
		if noun, _, _ := strings.Cut(string(r.verb), "."); !slices.Contains(all, noun) {
			all = append(all, noun)
		}
	}
	return all
}

// May tells whether a role has a right, in the place where it is held.
func (r Role) May(v control.Verb) bool {
	for _, one := range rights() {
		if one.verb == v {
			return slices.Contains(one.roles, r)
		}
	}
	return false
}

// Places tells where a role can be held.
func (r Role) Places() (tenant, installation bool) {
	switch r {
	case Viewer, Auditor:
		return true, true
	case Developer, TenantAdmin:
		return true, false
	case Operator, SecurityAdmin, BreakGlass:
		return false, true
	}
	return false, false
}

// gives tells whether who has a role may give another one, in the place that the right to do so reaches. Nobody gives more than his
// office is there for: a tenant's admin gives what its people need, a security admin everything.
func (r Role) gives(other Role) bool {
	switch r {
	case SecurityAdmin:
		return true
	case TenantAdmin:
		tenant, _ := other.Places()
		return tenant
	}
	return false
}

// ParseRole accepts a role that can be held in a place, the zero tenant being the installation, or refuses it with BadRequest.
func ParseRole(s string, in mq.Tenant) (Role, error) {
	var possible []string
	for _, r := range Roles() {
		tenant, installation := r.Places()
		if in == (mq.Tenant{}) && installation || in != (mq.Tenant{}) && tenant {
			possible = append(possible, string(r))
		}
	}
	if !slices.Contains(possible, s) {
		return "", refuse(control.OutOfRange, "role", "role: %s are possible here%s", strings.Join(possible, ", "), nearest.Hint(s, possible))
	}
	return Role(s), nil
}
