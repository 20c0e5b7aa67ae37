// SPDX-License-Identifier: Apache-2.0

// Package catalog holds the versioned, immutable snapshot of tenants, applications, topics, groups that a proxy serves from.
//
// A Snapshot is built once by a Builder and never changed; readers take it from a Holder with one atomic load and may keep
// it for the length of a call, so that one call sees one world.
package catalog
