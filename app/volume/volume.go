// SPDX-License-Identifier: Apache-2.0

// Package volume tells which volumes lose what was written to them.
package volume

// Risk says what a volume of this kind does to acknowledged messages.
func Risk(kind string) string {
	if kind == "memory" {
		return "it is in memory, and gone when the machine restarts"
	}
	return "it is on " + kind + ", where locks and syncs do not hold what they promise on a disk"
}
