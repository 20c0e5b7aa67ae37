// SPDX-License-Identifier: Apache-2.0

package door

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/control"
)

// TagOf is the ETag of an answer that has a revision, "" of any other.
func TagOf(body any) string {
	v := reflect.ValueOf(body)
	if v.Kind() != reflect.Struct {
		return ""
	}
	f := v.FieldByName("Revision")
	if !f.IsValid() || f.Kind() != reflect.Uint64 {
		return ""
	}
	return `"` + strconv.FormatUint(f.Uint(), 10) + `"`
}

// Seen is the revision that a caller says he saw, in the header If-Match or in the body; 0 where he says nothing.
func (r *Request) Seen(body uint64) (control.Version, error) {
	text := strings.TrimSpace(r.Header.Get("If-Match"))
	if text == "" || text == "*" {
		return control.Version(body), nil
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`), 10, 64)
	if err != nil || len(text) < 3 || text[0] != '"' || n == 0 || len(r.Header.Values("If-Match")) > 1 {
		return 0, Bad("malformed", "If-Match", `If-Match: one ETag of this interface is wanted, for example "7"`)
	}
	if body != 0 && body != n {
		return 0, Bad("malformed", "revision", "revision: the body names another one than If-Match")
	}
	return control.Version(n), nil
}
