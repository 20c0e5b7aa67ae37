// SPDX-License-Identifier: Apache-2.0

package tally

// Limit bounds the lines otherwise than MaxLines.
func (t *Tally) Limit(n int) { t.limit = n }
