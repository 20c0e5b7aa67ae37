// SPDX-License-Identifier: Apache-2.0

package manifest

import "github.com/causeway-mq/causeway/control/estate"

// plan is limits that tenants share.
type plan struct {
	Head
	Note   *note   `yaml:"note" json:"note,omitempty"`
	Limits *limits `yaml:"limits" json:"limits,omitempty"`
}

// limits are all limits of a plan: what is left out of them the installation decides.
type limits struct {
	Topics       int `yaml:"topics" json:"topics,omitempty"`
	Groups       int `yaml:"groups" json:"groups,omitempty"`
	Applications int `yaml:"applications" json:"applications,omitempty"`
	Members      int `yaml:"members" json:"members,omitempty"`
	Tokens       int `yaml:"tokens" json:"tokens,omitempty"`
}

func (*plan) named(name string) error { return namedInEstate(name) }

func (p *plan) sound() (field, rule string) {
	if l := p.Limits; l != nil && min(l.Topics, l.Groups, l.Applications, l.Members, l.Tokens) < 0 {
		return "limits", "1 or more are possible, or 0 for no limit of the plan"
	}
	return "", ""
}

type environment struct {
	Head
	Note       *note `yaml:"note" json:"note,omitempty"`
	Production *bool `yaml:"production" json:"production,omitempty"`
}

func (*environment) named(name string) error { return namedInEstate(name) }

func (*environment) sound() (field, rule string) { return "", "" }

type zone struct {
	Head
	Note *note `yaml:"note" json:"note,omitempty"`
}

func (*zone) named(name string) error { return namedInEstate(name) }

func (*zone) sound() (field, rule string) { return "", "" }

func namedInEstate(name string) error {
	_, err := estate.ParseName("name", name)
	return err
}

// estateName is a plan or an environment that something names, "" for none.
type estateName string

func (n *estateName) UnmarshalText(text []byte) error {
	name, err := estate.OptionalName("it", string(text))
	*n = estateName(name.String())
	return err
}
