// SPDX-License-Identifier: Apache-2.0

// Package app wires the rooms into processes.
//
// It is the only importer of adapters: which engine stands behind which port, which store behind which use case, is said here
// and nowhere else. Nothing is decided here that a test would want to change; a decision belongs to the room that it is about.
package app
