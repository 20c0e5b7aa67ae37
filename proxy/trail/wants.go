// SPDX-License-Identifier: Apache-2.0

package trail

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/causeway-mq/causeway/mq"
)

// Which filters the consumers of a group asked with, and when. Engines pass over what a filter holds back without a word, so that a message was filtered is known only by
// holding it against the filters of that time.

const (
	// wantBytes bounds what filters take.
	wantBytes = 1 << 20
	// wantIdle is how long a filter is kept that nobody asks with, once there is no room.
	wantIdle = time.Hour
)

type want struct {
	owner, tenant, topic, group string
	sql                         bool
	expression                  string
}

func (w *want) cost() int64 {
	return int64(len(w.owner)+len(w.tenant)+len(w.topic)+len(w.group)+len(w.expression)) + 3*int64(unsafe.Sizeof(want{})) + 64
}

// span is when consumers asked with a filter, in microseconds since 1970.
type span struct {
	first int64
	last  atomic.Int64
}

type wants struct {
	mu     sync.RWMutex // guards all below
	all    map[want]*span
	bytes  int64
	swept  int64
	missed int64 // when a filter was asked with last that is not kept; 0: never
}

// Wanted notes that a consumer asks with a filter, and is to be called again when the call ends.
func (t *Trail) Wanted(s *Scope, f mq.Filter) {
	if t == nil {
		return
	}
	if f.All() {
		f = mq.Filter{}
	}
	w := want{s.Owner.String(), s.Tenant.String(), s.Topic.String(), s.Group.String(), f.SQL, f.Expression}
	now := t.clock.Now().UnixMicro()
	t.wants.mu.RLock()
	at, ok := t.wants.all[w]
	t.wants.mu.RUnlock()
	if !ok {
		at = t.wants.learn(w, now)
	}
	if at != nil {
		at.last.Store(now)
	}
}

// learn is nil where there is no room.
func (k *wants) learn(w want, now int64) *span {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at, ok := k.all[w]; ok {
		return at
	}
	if k.bytes+w.cost() > wantBytes {
		k.sweep(now)
	}
	if k.bytes+w.cost() > wantBytes {
		k.missed = now
		return nil
	}
	at := &span{first: now}
	at.last.Store(now)
	mine := want{strings.Clone(w.owner), strings.Clone(w.tenant), strings.Clone(w.topic), strings.Clone(w.group), w.sql, strings.Clone(w.expression)}
	k.all[mine] = at
	k.bytes += w.cost()
	return at
}

// sweep forgets what nobody asks with any more, at most once a minute. It needs mu.
func (k *wants) sweep(now int64) {
	if now-k.swept < time.Minute.Microseconds() {
		return
	}
	k.swept = now
	for w, at := range k.all {
		if now-at.last.Load() > wantIdle.Microseconds() {
			k.missed = max(k.missed, at.last.Load())
			delete(k.all, w)
			k.bytes -= w.cost()
		}
	}
}

// of gives the filters of the asking tenant's groups on a topic, and from when on they are whole.
func (k *wants) of(q Question) (all []Want, whole time.Time) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for w, at := range k.all {
		if w.owner != q.Tenant.String() || w.topic != q.Topic.String() || w.tenant != q.Tenant.String() {
			continue
		}
		g, err := groupOf(w.group)
		if err != nil {
			continue
		}
		all = append(all, Want{Group: g, Filter: mq.Filter{SQL: w.sql, Expression: w.expression}, First: micros(at.first), Last: micros(at.last.Load())})
		if len(all) == MaxWants {
			return all, later(micros(k.missed), all[0].Last) // others are left out
		}
	}
	return all, micros(k.missed)
}
