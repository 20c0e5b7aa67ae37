// SPDX-License-Identifier: Apache-2.0

package wire

import "time"

// Member is a person with one role, in a tenant or in the installation.
type Member struct {
	Name     string     `json:"name"`
	Role     string     `json:"role"` // in a tenant viewer, developer, tenant-admin or auditor; in the installation viewer, operator, security-admin, auditor or break-glass
	Note     string     `json:"note,omitempty"`
	Disabled bool       `json:"disabled"`
	Expires  *time.Time `json:"expires,omitempty"`
	Reason   string     `json:"reason,omitempty"` // of the role break-glass
	Created  time.Time  `json:"created"`
	External *External  `json:"external,omitempty"` // none: he never came from the identity provider
	Granted  bool       `json:"granted"`            // he is a member because of a group there, and his role is that group's; who changes the role keeps him by hand
	Revision uint64     `json:"revision"`
}

// External is a person as the identity provider knows him. A member is tied to the one who came first.
type External struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// NewMember makes a member.
type NewMember struct {
	Name    string     `json:"name"` // unique in its place, for example a mail address
	Role    string     `json:"role"`
	Note    string     `json:"note,omitempty"`
	Expires *time.Time `json:"expires,omitempty"` // four hours ahead at most with the role break-glass, which needs it
	Reason  string     `json:"reason,omitempty"`  // with the role break-glass, which needs it
	// Password lets the member log in at a browser, 12 to 128 bytes; it is kept as an argon2id hash and never shown.
	Password string `json:"password,omitempty"`
}

// MemberChange changes a member; what is left out stays.
type MemberChange struct {
	Role     *string    `json:"role,omitempty"`
	Note     *string    `json:"note,omitempty"`
	Disabled *bool      `json:"disabled,omitempty"`
	Expires  *time.Time `json:"expires,omitempty"`
	Reason   *string    `json:"reason,omitempty"`
	Password *string    `json:"password,omitempty"` // ends the member's sessions; "" for none
	Untie    bool       `json:"untie,omitempty"`    // from the person at the identity provider: the next one of that name is taken for him
	Revision uint64     `json:"revision,omitempty"`
}

// Token is a machine's credential with one role, in a tenant or in the installation.
type Token struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Role     string     `json:"role"`
	Secret   string     `json:"secret,omitempty"` // what goes behind Bearer; only in the answer to its creation
	Reason   string     `json:"reason,omitempty"` // of the role break-glass
	By       string     `json:"by"`               // who made it
	Created  time.Time  `json:"created"`
	Expires  time.Time  `json:"expires"`
	Revoked  *time.Time `json:"revoked,omitempty"`
	LastUsed *time.Time `json:"lastUsed,omitempty"` // exact for what this process saw, else to the day
	Revision uint64     `json:"revision"`
}

// NewToken makes a token.
type NewToken struct {
	Name    string     `json:"name"` // what people call it
	Role    string     `json:"role"`
	Expires *time.Time `json:"expires,omitempty"` // 90 days ahead when it is left out, four hours with the role break-glass
	Reason  string     `json:"reason,omitempty"`  // with the role break-glass, which needs it
}

// Session is who calls.
type Session struct {
	Kind    string     `json:"kind"` // member, token, or local: whoever holds the installation itself, with the role installation, which nobody is given
	Name    string     `json:"name"`
	Role    string     `json:"role"`
	Tenant  string     `json:"tenant,omitempty"`  // none: of the installation
	Rights  []string   `json:"rights"`            // within the tenant, or everywhere
	CSRF    string     `json:"csrf,omitempty"`    // of a browser's session: to be shown in X-CSRF-Token with what changes something
	Expires *time.Time `json:"expires,omitempty"` // of a session, at a browser or at a terminal
	Logout  string     `json:"logout,omitempty"`  // where the identity provider ends its own session, with the id token that began it (id_token_hint): go there after the end of this one
}

// Logins are the ways in which members log in here.
type Logins struct {
	Password bool           `json:"password"`           // by POST /v1/session
	Provider *LoginProvider `json:"provider,omitempty"` // none: there is no identity provider
}

// LoginProvider is where members log in at an identity provider.
type LoginProvider struct {
	Label    string `json:"label"`    // what people are shown
	Path     string `json:"path"`     // a browser that goes there, with tenant and return, logs in
	Terminal string `json:"terminal"` // a browser that goes to this URL logs in for a terminal that waits on the loopback interface
}

// Login begins a session.
type Login struct {
	Tenant   string `json:"tenant,omitempty"` // none: of the installation
	Name     string `json:"name"`
	Password string `json:"password"`
}

// AuditRow is who did what. Number, version and hash stand in the installation's audit alone.
type AuditRow struct {
	Number  uint64    `json:"number,omitempty"`  // place in the chain
	Version uint64    `json:"version,omitempty"` // that the change made
	Time    time.Time `json:"time"`
	Actor   string    `json:"actor"` // "installation" in a tenant's audit, where it is nobody of the tenant
	Kind    string    `json:"kind"`  // of actor: member, token, local or plane
	Role    string    `json:"role,omitempty"`
	Remote  string    `json:"remote,omitempty"` // address of the connection
	Request string    `json:"request,omitempty"`
	Action  string    `json:"action"`
	Noun    string    `json:"noun"` // of what it was done to
	Tenant  string    `json:"tenant,omitempty"`
	Name    string    `json:"name"`
	Before  string    `json:"before,omitempty"` // the record as JSON
	After   string    `json:"after,omitempty"`
	Outcome string    `json:"outcome"` // done, denied, begun or failed
	Why     string    `json:"why,omitempty"`
	Hash    string    `json:"hash,omitempty"`
}

// AuditReport is what a look at the whole chain of the audit found.
type AuditReport struct {
	Holds  bool         `json:"holds"` // the whole chain: broken is empty
	Rows   uint64       `json:"rows"`
	Head   uint64       `json:"head"` // number of the newest row
	Hash   string       `json:"hash"` // of the newest row
	Broken []AuditBreak `json:"broken"`
}

// AuditBreak is a place where the chain does not hold.
type AuditBreak struct {
	Number uint64 `json:"number"`
	Why    string `json:"why"`
}
