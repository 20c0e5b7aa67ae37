// SPDX-License-Identifier: Apache-2.0

package wire

import "time"

// TenantChange changes a tenant; what is left out stays.
type TenantChange struct {
	Note        *string            `json:"note,omitempty"`
	Labels      *map[string]string `json:"labels,omitempty"`      // all of them: one that is left out goes
	Plan        *string            `json:"plan,omitempty"`        // "" for none
	Environment *string            `json:"environment,omitempty"` // "" for none
	Disabled    *bool              `json:"disabled,omitempty"`    // nobody gets in, and what it has stays
	Revision    uint64             `json:"revision,omitempty"`    // refused when it is another one by now
}

// Plan is limits that tenants share.
type Plan struct {
	Name     string     `json:"name"`
	Note     string     `json:"note,omitempty"`
	Limits   PlanLimits `json:"limits"`
	Created  time.Time  `json:"created"`
	Revision uint64     `json:"revision"`
}

// PlanLimits is how many of each noun a tenant of a plan may have. What is left out, or 0, the installation's own limits decide.
type PlanLimits struct {
	Topics       int `json:"topics,omitempty"`
	Groups       int `json:"groups,omitempty"`
	Applications int `json:"applications,omitempty"`
	Members      int `json:"members,omitempty"`
	Tokens       int `json:"tokens,omitempty"`
}

// NewPlan makes a plan.
type NewPlan struct {
	Name   string     `json:"name"`
	Note   string     `json:"note,omitempty"`
	Limits PlanLimits `json:"limits,omitempty"`
}

// PlanChange changes a plan; what is left out stays.
type PlanChange struct {
	Note     *string     `json:"note,omitempty"`
	Limits   *PlanLimits `json:"limits,omitempty"` // all of them: one that is left out goes
	Revision uint64      `json:"revision,omitempty"`
}

// Environment is what tenants are there for.
type Environment struct {
	Name       string    `json:"name"`
	Note       string    `json:"note,omitempty"`
	Production bool      `json:"production"` // it is the real thing
	Created    time.Time `json:"created"`
	Revision   uint64    `json:"revision"`
}

// NewEnvironment makes an environment.
type NewEnvironment struct {
	Name       string `json:"name"`
	Note       string `json:"note,omitempty"`
	Production bool   `json:"production,omitempty"`
}

// EnvironmentChange changes an environment; what is left out stays.
type EnvironmentChange struct {
	Note       *string `json:"note,omitempty"`
	Production *bool   `json:"production,omitempty"`
	Revision   uint64  `json:"revision,omitempty"`
}

// Zone is where clusters and proxies stand.
type Zone struct {
	Name     string    `json:"name"`
	Note     string    `json:"note,omitempty"`
	Clusters []string  `json:"clusters"` // that stand there
	Proxies  []string  `json:"proxies"`  // that do, and told of themselves within the last minute
	Created  time.Time `json:"created"`
	Revision uint64    `json:"revision"`
}

// NewZone makes a zone.
type NewZone struct {
	Name string `json:"name"`
	Note string `json:"note,omitempty"`
}

// ZoneChange changes a zone; what is left out stays.
type ZoneChange struct {
	Note     *string `json:"note,omitempty"`
	Revision uint64  `json:"revision,omitempty"`
}

// Quota is what a tenant may have and has.
type Quota struct {
	Plan  string      `json:"plan,omitempty"` // of the tenant
	Items []QuotaItem `json:"items"`
}

// QuotaItem is one limit.
type QuotaItem struct {
	Noun  string `json:"noun"` // topic, group, application, member or token
	Used  int    `json:"used"`
	Limit int    `json:"limit"`
	From  string `json:"from"` // where the limit comes from: installation or plan
}
