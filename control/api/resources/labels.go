// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"slices"

	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/label"
)

// byLabel are the parameters of a listing of what has labels.
func byLabel() []door.Parameter {
	return append(door.Pieces(door.MaxPage), door.Parameter{Name: "label", About: "key=value: what has this label alone", Kind: "string"})
}

// labelled keeps those of some that have the label that the query asks for.
func labelled[R any](r *door.Request, some []R, of func(R) label.Labels) ([]R, error) {
	q := r.URL.Query()
	if !q.Has("label") {
		return some, nil
	}
	want, err := label.ParsePair(q.Get("label"))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(some, func(one R) bool { return !of(one).Has(want) }), nil
}

// optionalLabels reads labels that may be left as they are.
func optionalLabels(all *map[string]string) (*label.Labels, error) {
	if all == nil {
		return nil, nil
	}
	l, err := label.Of(*all)
	return &l, err
}
