// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the protocol's own choice; HMAC does not need collision resistance
	"hash"
	"sync"

	"github.com/causeway-mq/causeway/proxy/catalog"
)

// verifiers holds the verifiers of one snapshot's keys. A new snapshot gets a
// new set, so nothing of a key outlives its place in the catalog.
type verifiers struct {
	snap *catalog.Snapshot
	keys sync.Map // *catalog.Key -> *verifier, made at first use
}

// verifier checks signatures of one secret. Setting up an HMAC takes longer
// than using it, so used ones are kept.
type verifier struct {
	idle sync.Pool // *signing
}

// signing is a hash state with room for what goes in and out, so that nothing
// is allocated for a call.
type signing struct {
	mac     hash.Hash
	in, out []byte
}

func newVerifier(secret string) *verifier {
	v := &verifier{}
	v.idle.New = func() any { return &signing{mac: hmac.New(sha1.New, []byte(secret))} }
	return v
}

// holds compares in a time that says nothing about where a signature differs.
func (v *verifier) holds(date string, signature *[sha1.Size]byte) bool {
	s := v.idle.Get().(*signing)
	s.mac.Reset()
	s.in = append(s.in[:0], date...)
	s.mac.Write(s.in)
	s.out = s.mac.Sum(s.out[:0])
	equal := hmac.Equal(s.out, signature[:])
	v.idle.Put(s)
	return equal
}

// verifier returns the verifier of a key of a snapshot.
func (g *Guard) verifier(snap *catalog.Snapshot, key *catalog.Key) *verifier {
	set := g.now.Load()
	if set == nil || set.snap != snap {
		if set != nil && set.snap.Version() > snap.Version() {
			// A call that began before the catalog changed: its snapshot is
			// on its way out.
			return newVerifier(key.Secret)
		}
		fresh := &verifiers{snap: snap}
		g.now.CompareAndSwap(set, fresh)
		set = fresh
	}
	if v, ok := set.keys.Load(key); ok {
		return v.(*verifier)
	}
	v, _ := set.keys.LoadOrStore(key, newVerifier(key.Secret))
	return v.(*verifier)
}
