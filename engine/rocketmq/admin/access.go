// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"fmt"
	"strings"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// Users and rights are kept per broker and not copied to its secondaries: every change goes to every replica.

// User is someone whom brokers know. Brokers give the secret back in clear.
type User struct {
	Name   string
	Secret string
	Super  bool
	Off    bool
}

// ByUser is the header of requests about one user.
type ByUser struct{ Name string }

// Walk visits the fields.
func (h *ByUser) Walk(w *remoting.Walker) { w.TextIf("username", &h.Name) }

// Filter is the header of ListUsers.
type Filter struct{ Text string }

// Walk visits the fields.
func (h *Filter) Walk(w *remoting.Walker) { w.TextIf("filter", &h.Text) }

// AppendJSON appends the body of CreateUser and UpdateUser.
func (u User) AppendJSON(b []byte) []byte {
	kind, status := "Normal", "enable"
	if u.Super {
		kind = "Super"
	}
	if u.Off {
		status = "disable"
	}
	b = fastjson.AppendString(append(b, `{"username":`...), u.Name)
	if u.Secret != "" {
		b = fastjson.AppendString(append(b, `,"password":`...), u.Secret)
	}
	return fmt.Appendf(b, `,"userType":"%s","userStatus":"%s"}`, kind, status)
}

func userOf(v fastjson.Value) User {
	return User{
		Name: v.Get("username").String(), Secret: v.Get("password").String(), Super: v.Get("userType").String() == "Super",
		Off: v.Get("userStatus").String() == "disable",
	}
}

// ParseUser reads the answer to GetUser.
func ParseUser(body []byte) (User, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return User{}, fmt.Errorf("%w: user: %w", ErrAnswer, err)
	}
	return userOf(v), nil
}

// ParseUsers reads the answer to ListUsers: brokers that know no user answer with nothing at all.
func ParseUsers(body []byte) ([]User, error) {
	if len(body) == 0 {
		return nil, nil
	}
	v, err := fastjson.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: users: %w", ErrAnswer, err)
	}
	var all []User
	for _, u := range v.Items() {
		all = append(all, userOf(u))
	}
	return all, nil
}

// ACL is what one subject may.
type ACL struct {
	Subject string // "User:name"
	Entries []Entry
}

// Entry is one rule.
type Entry struct {
	Resource string   // "Topic:name", "Topic:prefix*", "Group:*", "Cluster:name"
	Actions  []string // Pub, Sub, Create, Update, Delete, Get, List, All
	Sources  []string // addresses, none = all
	Deny     bool
	Default  bool // of the default policy; the others are of the custom one
}

// BySubject is the header of CreateACL, UpdateACL and GetACL.
type BySubject struct{ Subject string }

// Walk visits the fields.
func (h *BySubject) Walk(w *remoting.Walker) { w.TextIf("subject", &h.Subject) }

// DropACL is the header of DeleteACL; without a resource all of the subject's rules go.
type DropACL struct{ Subject, Resource string }

// Walk visits the fields.
func (h *DropACL) Walk(w *remoting.Walker) {
	w.TextIf("subject", &h.Subject)
	w.TextIf("resource", &h.Resource)
}

// ListACLs is the header of ListACL.
type ListACLs struct{ Subject, Resource string }

// Walk visits the fields.
func (h *ListACLs) Walk(w *remoting.Walker) {
	w.TextIf("subjectFilter", &h.Subject)
	w.TextIf("resourceFilter", &h.Resource)
}

// AppendJSON appends the body of CreateACL and UpdateACL.
func (a ACL) AppendJSON(b []byte) []byte {
	b = fastjson.AppendString(append(b, `{"subject":`...), a.Subject)
	b = append(b, `,"policies":[{"policyType":"Custom","entries":[`...)
	for i, e := range a.Entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = fastjson.AppendString(append(b, `{"resource":`...), e.Resource)
		b = appendList(append(b, `,"actions":`...), e.Actions)
		if len(e.Sources) > 0 {
			b = appendList(append(b, `,"sourceIps":`...), e.Sources)
		}
		decision := "Allow"
		if e.Deny {
			decision = "Deny"
		}
		b = fmt.Appendf(b, `,"decision":"%s"}`, decision)
	}
	return append(b, "]}]}"...)
}

func appendList(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, t := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = fastjson.AppendString(b, t)
	}
	return append(b, ']')
}

func aclOf(v fastjson.Value) ACL {
	a := ACL{Subject: v.Get("subject").String()}
	for _, p := range v.Get("policies").Items() {
		for _, e := range p.Get("entries").Items() {
			a.Entries = append(a.Entries, Entry{
				Resource: e.Get("resource").String(), Actions: textsOf(e.Get("actions")), Sources: textsOf(e.Get("sourceIps")),
				Deny: e.Get("decision").String() == "Deny", Default: strings.EqualFold(p.Get("policyType").String(), "Default"),
			})
		}
	}
	return a
}

func textsOf(v fastjson.Value) []string {
	var all []string
	for _, x := range v.Items() {
		all = append(all, x.String())
	}
	return all
}

// ParseACL reads the answer to GetACL.
func ParseACL(body []byte) (ACL, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return ACL{}, fmt.Errorf("%w: rights: %w", ErrAnswer, err)
	}
	return aclOf(v), nil
}

// ParseACLs reads the answer to ListACL: brokers that hold no rule answer with nothing at all.
func ParseACLs(body []byte) ([]ACL, error) {
	if len(body) == 0 {
		return nil, nil
	}
	v, err := fastjson.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: rights: %w", ErrAnswer, err)
	}
	var all []ACL
	for _, a := range v.Items() {
		all = append(all, aclOf(a))
	}
	return all, nil
}

// NoUsers is why the users of a broker could not be read. Brokers that check nobody answer a general error and say no more.
func NoUsers(broker string, err error) error {
	why := mq.During("users and rules of broker "+broker, err)
	switch mq.KindOf(err) {
	case mq.Internal, mq.Unsupported:
		return mq.Refuse(mq.Unavailable, "the users are not known: is authenticationEnabled=true on the brokers?").Because(why)
	case mq.Forbidden:
		return mq.Refuse(mq.Unavailable, "the users are not known: the proxy's own user needs to be a super user").Because(why)
	}
	return why
}
