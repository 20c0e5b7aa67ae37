// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"strings"
	"unicode/utf8"

	"github.com/causeway-mq/causeway/mq"
)

// ActorKind says what kind of somebody acts.
type ActorKind string

// The kinds of actor.
const (
	MemberActor ActorKind = "member" // a person
	TokenActor  ActorKind = "token"  // a machine
	LocalActor  ActorKind = "local"  // whoever reaches an installation that asks nobody who he is, or shows its one token
	PlaneActor  ActorKind = "plane"  // the control plane's own work
)

// Actor is who acts. It travels with every call that changes something; the zero Actor may change nothing.
type Actor struct {
	Kind    ActorKind
	Name    string // id of the member or the token; of the plane, the part of it that is at work
	Role    string // under which he acts
	Remote  string // address of the connection, never of a header
	Request string // id of the request
}

// Itself is the control plane as an actor: part is what of it is at work, for example "repair".
func Itself(part string) Actor { return Actor{Kind: PlaneActor, Name: part} }

// String is "member m-7" or "plane repair".
func (a Actor) String() string { return string(a.Kind) + " " + a.Name }

// Because is the plane at work because of somebody's request.
func (a Actor) Because(of Actor) Actor { a.Request = of.Request; return a }

// Check refuses an actor without a name.
func (a Actor) Check() error {
	if a.Kind == "" || a.Name == "" {
		return mq.Refuse(mq.Internal, "nobody is named who makes this change")
	}
	return nil
}

// Clip makes text that a caller chose fit for a row: bounded, valid UTF-8, no NUL.
func Clip(s string, most int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= most {
		return s
	}
	s = s[:most]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
