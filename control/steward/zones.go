// SPDX-License-Identifier: Apache-2.0

package steward

import (
	"fmt"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/estate"
)

// Stands is something that says in which zone it stands; "" where it does not say.
type Stands struct{ What, Zone string }

// Lost finds what stands in a zone that nobody made: clusters, and proxies that were heard of.
func (s *Steward) Lost(proxies []Stands) control.Finding {
	all := slices.Clone(proxies)
	for _, c := range s.plane.Clusters() {
		all = append(all, Stands{"cluster " + c.Name.String(), c.Zone})
	}
	var lost []string
	for _, one := range all {
		if _, err := s.plane.Document(control.Ref{Kind: estate.Zone, Name: one.Zone}); one.Zone != "" && err != nil {
			lost = append(lost, fmt.Sprintf("%s says %q", one.What, one.Zone))
		}
	}
	if lost != nil {
		slices.Sort(lost)
		return control.Finding{Name: "zones", Status: control.Warn, Detail: "there is no such zone: " + strings.Join(lost, ", "), Fix: "causeway zone create NAME, or the right zone in its configuration"}
	}
	return control.Finding{Name: "zones", Status: control.Good, Detail: fmt.Sprintf("%d, and all that names one names one of them", len(s.plane.Documents(estate.Zone, "")))}
}
