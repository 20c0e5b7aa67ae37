// SPDX-License-Identifier: Apache-2.0

// Package catalog holds the versioned, immutable snapshot of tenants, applications, topics, groups that a proxy serves from.
//
// A Snapshot is never changed: With lays a Difference over it and gives another one, which shares what is the same in both, so that
// a change costs as much as it changes (docs/adr/0012). Readers take a snapshot from a Holder with one atomic load and may keep it for
// the length of a call, so that one call sees one world.
package catalog
