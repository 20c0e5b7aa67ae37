// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package fsys

// Sync asks for more than fdatasync would, which not every system has.
func (o osFile) Sync() error { return o.f.Sync() }

// Preallocate makes a sparse file: space is not promised, and a full volume shows up as a failed write.
func (o osFile) Preallocate(size int64) error { return o.extend(size) }
