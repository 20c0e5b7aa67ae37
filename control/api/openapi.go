// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/schema"
	"github.com/causeway-mq/causeway/control/wire"
)

// Document is the OpenAPI 3.1 document of the interface, made from the table of operations and the types of package wire, whose comments
// describe them. Its version is that of the interface, which stands in the paths.
func Document() (map[string]any, error) {
	s, err := schema.New(wire.Source)
	if err != nil {
		return nil, err
	}
	paths := map[string]any{}
	for _, o := range Operations() {
		item, ok := paths[o.Path].(map[string]any)
		if !ok {
			item = map[string]any{"parameters": pathParameters(o.Path)}
			if len(pathParameters(o.Path)) == 0 {
				delete(item, "parameters")
			}
			paths[o.Path] = item
		}
		item[strings.ToLower(o.Method)] = document(o, s)
	}
	s.Of(wire.Problem{}, schema.Answering)
	return map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title":   "Causeway",
			"version": "v1",
			"license": map[string]any{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "The control plane's interface. Times are RFC 3339 in UTC, durations are text with units (\"72h0m0s\"), a figure that nobody knows is -1. " +
				"What is not there and what is not yours read the same. Fields are only ever added.",
		},
		"servers":    []any{map[string]any{"url": "/"}},
		"tags":       tags(),
		"paths":      paths,
		"components": map[string]any{"schemas": s.Components(), "securitySchemes": map[string]any{"bearer": map[string]any{"type": "http", "scheme": "bearer"}}},
	}, nil
}

func tags() []any {
	return []any{
		map[string]any{"name": string(door.Open), "description": "Needs no credential."},
		map[string]any{"name": string(door.Known), "description": "Needs a credential; the answer holds what it reaches."},
		map[string]any{"name": string(door.Installation), "description": "About the installation as a whole."},
		map[string]any{"name": string(door.InTenant), "description": "About one tenant."},
	}
}

func document(o door.Operation, s *schema.Schemas) map[string]any {
	out := map[string]any{"operationId": o.ID, "summary": o.Summary, "tags": []any{string(o.Scope)}, "responses": responses(o, s)}
	if o.Right != "" {
		out["x-right"] = string(o.Right)
	}
	if o.Scope != door.Open {
		out["security"] = []any{map[string]any{"bearer": []any{}}}
	}
	var all []any
	for _, p := range o.Query {
		all = append(all, parameter(p))
	}
	if o.Once() {
		all = append(all, headerParameter(onceHeader, "a name for this request that nobody else has: sent again, it gets the first answer", maxOnceKey))
	}
	if len(o.Events) > 0 {
		all = append(all, headerParameter("Last-Event-ID", "id of the last event that came: the stream goes on behind it", 0))
	}
	if o.Matches() {
		all = append(all, headerParameter("If-Match", "ETag of what is to be changed: refused with 412 when it has another one by now", 0))
	}
	if len(all) > 0 {
		out["parameters"] = all
	}
	if o.Request != nil {
		out["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": s.Of(o.Request, schema.Asking)}}}
	}
	return out
}

func headerParameter(name, about string, most int) map[string]any {
	of := map[string]any{"type": "string"}
	if most > 0 {
		of["maxLength"] = most
	}
	return map[string]any{"name": name, "in": "header", "description": about, "schema": of}
}

func responses(o door.Operation, s *schema.Schemas) map[string]any {
	id := map[string]any{"X-Request-Id": map[string]any{"description": "names the request in the server's log", "schema": map[string]any{"type": "string"}}}
	done := map[string]any{"description": http.StatusText(o.Status), "headers": id}
	switch {
	case len(o.Events) > 0:
		done["content"] = map[string]any{o.Media: map[string]any{"schema": map[string]any{"type": "string"}, "x-events": events(o.Events, s)}}
	case o.Media != "":
		done["content"] = map[string]any{o.Media: map[string]any{"schema": map[string]any{"type": "string"}}}
	case o.Answer != nil:
		if door.TagOf(o.Answer) != "" {
			done["headers"] = map[string]any{"X-Request-Id": id["X-Request-Id"], "ETag": map[string]any{"description": "the revision, for If-Match", "schema": map[string]any{"type": "string"}}}
		}
		done["content"] = map[string]any{"application/json": map[string]any{"schema": s.Of(o.Answer, schema.Answering)}}
	}
	return map[string]any{
		strconv.Itoa(o.Status): done,
		"default": map[string]any{
			"description": "the request was refused, or failed",
			"headers":     id,
			"content":     map[string]any{wire.ProblemType: map[string]any{"schema": s.Of(wire.Problem{}, schema.Answering)}},
		},
	}
}

// events describes what a stream tells: OpenAPI 3.1 has no words for it, so a schema of the whole would say nothing.
func events(some []door.Event, s *schema.Schemas) map[string]any {
	all := map[string]any{}
	for _, e := range some {
		all[e.Name] = map[string]any{"description": e.About, "data": s.Of(e.Data, schema.Answering)}
	}
	return all
}

func parameter(p door.Parameter) map[string]any {
	of := map[string]any{"type": "string"}
	switch p.Kind {
	case "integer":
		of = map[string]any{"type": "integer", "minimum": p.Min, "maximum": p.Max}
	case "date-time":
		of["format"] = "date-time"
	}
	return map[string]any{"name": p.Name, "in": "query", "description": p.About, "schema": of}
}

// pathParameters are the parts of a path that stand in braces.
func pathParameters(path string) []any {
	var all []any
	for _, found := range regexp.MustCompile(`{([a-z]+)}`).FindAllStringSubmatch(path, -1) {
		all = append(all, map[string]any{"name": found[1], "in": "path", "required": true, "description": aboutPath(found[1]), "schema": map[string]any{"type": "string", "minLength": 1}})
	}
	return all
}

func aboutPath(name string) string {
	switch name {
	case "id":
		return "id of the message, escaped"
	case "profile":
		return "which one: heap, goroutine, profile, trace, ..."
	case "topic":
		return "name of the topic; %DLQ%GROUP, escaped, holds a group's dead letters"
	}
	return "name or id of the " + strings.Replace(name, "app", "application", 1)
}

// document answers with the document itself, which is made once.
func (s *server) document(*door.Request) (door.Answer, error) {
	d, err := s.openapi()
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(d)
}
