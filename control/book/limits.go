// SPDX-License-Identifier: Apache-2.0

package book

// Limits of one installation. The zero value of a field is its default.
type Limits struct {
	Tenants      int // 1,000
	Applications int // per tenant, 1,000
	Topics       int // per tenant, 10,000
	Groups       int // per tenant, 10,000
}

// OrDefaults fills in what is zero.
func (l Limits) OrDefaults() Limits {
	fill := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	fill(&l.Tenants, 1_000)
	fill(&l.Applications, 1_000)
	fill(&l.Topics, 10_000)
	fill(&l.Groups, 10_000)
	return l
}
