// SPDX-License-Identifier: Apache-2.0

package door

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/control/api/strict"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

// Limits of a request.
const (
	MaxRequest = 1 << 20 // bytes of a body
	MaxDepth   = strict.MaxDepth
)

// Decode reads the request's JSON object into the struct that into points to.
func (r *Request) Decode(into any) error {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return &Refusal{Status: http.StatusUnsupportedMediaType, Kind: "unsupported_media_type", Detail: "the body must be application/json"}
	}
	data, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &Refusal{Status: http.StatusRequestEntityTooLarge, Kind: mq.PayloadTooLarge.String(), Limit: fmt.Sprint(MaxRequest),
			Detail: fmt.Sprintf("the body has more than %d bytes", MaxRequest)}
	}
	if err != nil {
		return Bad("", "", "the body could not be read to its end")
	}
	var f *strict.Fault
	err = strict.Read(data, into)
	if errors.As(err, &f) {
		return &Refusal{Status: http.StatusBadRequest, Kind: mq.BadRequest.String(), Reason: f.Reason, Field: f.Field, Limit: f.Limit, Detail: f.Detail}
	}
	return err
}

// Clip shortens what a caller said, to be said again.
func Clip(s string) string {
	const glance = 80
	if len(s) <= glance {
		return s
	}
	return strings.ToValidUTF8(s[:glance], "") + "..."
}

// CheckQuery refuses parameters that the operation does not know, or that stand twice.
func CheckQuery(r *http.Request, known []Parameter) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Bad("malformed", "", "the query string is malformed")
	}
	names := make([]string, 0, len(known))
	for _, k := range known {
		names = append(names, k.Name)
	}
	for name, values := range q {
		if !slices.Contains(names, name) {
			return Bad("unknown_parameter", Clip(name), Clip(name)+": unknown parameter"+nearest.Hint(name, names))
		}
		if len(values) > 1 {
			return Bad("duplicate_parameter", name, name+": stands twice")
		}
	}
	return nil
}
