// SPDX-License-Identifier: Apache-2.0

// Package control holds the use cases of the control plane: who owns which tenants, applications, topics, groups.
//
// A Plane keeps everything in memory as it stands in its Store, so reading never touches a disk, and gives proxies one
// versioned Catalog. A change goes through three places in this order, and a crash between any two of them is repaired by
// the next start, which puts whole specs again:
//
//  1. the Store keeps the intent (a topic that is being created, updated or deleted),
//  2. the engine is made to follow (Provisioner, idempotent),
//  3. the Store settles the intent, and proxies see a newer Catalog.
//
// A deletion leaves the Catalog at step 1 already: nobody is to send to what is about to go.
//
// Every change names its Actor, and is one transaction of the Store with its row of audit: see Entry.
//
// Changes of one topic or group are held apart by a claim on it, for which the next one waits a moment, and by its State: what
// an engine does not follow yet is not changed again. A look at a cluster that mends something claims it, too, and goes before
// changes that wait. Changes of different nouns are held apart only by the Store's single writer.
package control
