// SPDX-License-Identifier: Apache-2.0

// Package door is what every handler of the HTTP interface stands on: the row of an operation, the request with what reads it, the
// answer, the refusal. It knows no noun.
package door

import (
	"net/http"
	"slices"

	"github.com/causeway-mq/causeway/control"
)

// Scope says what an operation is about, and with it whose credentials reach it.
type Scope string

// The scopes.
const (
	Open         Scope = "open"         // whoever can open a connection: nothing is told but that the process is alive, and what the API looks like
	Known        Scope = "known"        // whoever has a name; the answer holds what is his
	Installation Scope = "installation" // the installation as a whole
	InTenant     Scope = "tenant"       // the tenant that the path names
)

// Operation is one method of one path, with all that documents, authorization and tests want to know of it. There is no other way to serve
// anything: what has no row here does not exist.
type Operation struct {
	ID           string // unique, as the name of a method in generated clients
	Method, Path string
	Summary      string
	Scope        Scope
	Right        control.Verb // that the caller needs; "" with Open, and with Known where everybody has it
	Query        []Parameter
	Request      any    // a value of control/wire that the body is read into; nil = no body
	Answer       any    // a value of control/wire; nil = an empty answer
	Media        string // of an answer that is no JSON
	Status       int    // of success
	// Events are what a stream tells, where Media is text/event-stream.
	Events []Event
	// Foreign says that browsers come from pages of other sites, with whatever those add to the query. It is for GET, and what it begins must be tied to the browser.
	Foreign bool
	// Handle answers with JSON, Raw gives what answers with something else; one of them is set.
	Handle Handler
	Raw    func() http.Handler // giving nil: not served by this process
}

// Event is a kind of event of a stream.
type Event struct {
	Name  string
	About string
	Data  any // a value of control/wire
}

// EventStream is the media type of streams.
const EventStream = "text/event-stream"

// Parameter is a parameter of a query.
type Parameter struct {
	Name  string
	About string
	// Kind is string, integer or date-time.
	Kind     string
	Min, Max int64 // of an integer
}

// Once tells whether the operation takes an Idempotency-Key: a caller without a name has none of his own.
func (o Operation) Once() bool { return o.Method == http.MethodPost && o.Scope != Open }

// Matches tells whether the operation takes If-Match.
func (o Operation) Matches() bool {
	never := []string{"revokeKey", "endSession", "endOtherSessions", "endMemberSessions", "endInstallationMemberSessions"} // keys and sessions are not changed
	return o.Method == http.MethodPatch || o.Method == http.MethodDelete && !slices.Contains(never, o.ID)
}

// Paths that others begin with.
const (
	OfTenant = "/v1/tenants/{tenant}"
	OfApp    = OfTenant + "/apps/{app}"
	OfTopic  = OfTenant + "/topics/{topic}"
	OfGroup  = OfTenant + "/groups/{group}"
)

// Pieces are the parameters of every listing that comes in pieces.
func Pieces(most int64) []Parameter {
	return []Parameter{
		{Name: "limit", About: "how many at most", Kind: "integer", Min: 1, Max: most},
		{Name: "cursor", About: "next of the piece before", Kind: "string"},
	}
}

// Confirm is the parameter of what loses something.
func Confirm() []Parameter {
	return []Parameter{{Name: "confirm", About: "the name once more, where something would be lost", Kind: "string"}}
}
