// SPDX-License-Identifier: Apache-2.0

package durability_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// TestDamage changes bytes in every kind of file that the engine keeps: single bits, whole sectors gone to zero, sectors
// swapped, files cut short. The engine must start, must never serve a byte that was not written, must lose nothing
// without saying so, and nothing at all when what was hit is derived from the log.
func TestDamage(t *testing.T) {
	const rounds = 5000
	origin := damagedWorld(t)
	var sum damageTally
	t.Run("all", func(t *testing.T) {
		const shares = 8
		for share := range shares {
			t.Run(fmt.Sprint("share=", share), func(t *testing.T) {
				t.Parallel()
				dice := rand.New(rand.NewPCG(uint64(share), 3))
				for range rounds / shares {
					origin.hurt(t, dice, &sum)
				}
			})
		}
	})
	t.Logf("%d changes in %d kinds of files: %d log ranges reported as damaged, %d messages refused, wrong 0, unreported 0",
		rounds, len(sum.kinds), sum.ranges, sum.refused)
	for kind, n := range sum.kinds {
		t.Logf("  %s: %d", kind, n)
	}
}

// pristine is a disk in good order with all that its queues hold.
type pristine struct {
	disk     *memfs.FS
	files    []string
	plain    mq.Topic
	lanes    mq.Topic
	messages map[place]mq.Message
	now      time.Time
}

func damagedWorld(t *testing.T) *pristine {
	w := newWorld(t, "before the damage")
	disk := memfs.New()
	if _, err := w.open(disk); err != nil {
		w.fatalf("failed start: %v", err)
	}
	w.provision()
	w.play(1, 1, 400, func() bool { return false })
	p := &pristine{plain: w.plain, lanes: w.lanes}
	var refused int
	p.messages, refused = w.everything(w.plain, w.lanes)
	if refused > 0 || len(p.messages) < 200 {
		w.fatalf("%d messages, %d refused", len(p.messages), refused)
	}
	if err := w.engine.Close(w.ctx); err != nil {
		w.fatalf("close: %v", err)
	}
	p.disk, p.files, p.now = disk, disk.Files(), w.clock.Now()
	return p
}

// everything pulls all queues, one offset at a time where that fails, and counts the offsets that are refused or absent.
func (w *world) everything(topics ...mq.Topic) (map[place]mq.Message, int) {
	all, absent := map[place]mq.Message{}, 0
	for _, t := range topics {
		for q := range t.Queues {
			ref := mq.QueueRef{Topic: t, Queue: mq.QueueID(q)}
			at, hi, err := w.engine.Bounds(w.ctx, ref)
			if err != nil {
				w.fatalf("bounds of %s: %v", ref, err)
			}
			for at < hi {
				got, err := w.engine.Pull(w.ctx, ref, at, mq.ReadLimit{Messages: mq.MaxReceive, Bytes: 1 << 20}, mq.Filter{})
				if err != nil || got.Next <= at {
					absent++
					at++
					continue
				}
				absent += int(got.Next-at) - len(got.Messages)
				for _, m := range got.Messages {
					all[place{t.Name, ref.Queue, m.Offset}] = m.Message
				}
				at = got.Next
			}
		}
	}
	return all, absent
}

type damageTally struct {
	mu              sync.Mutex // guards the rest
	kinds           map[string]int
	ranges, refused int
}

func (d *damageTally) note(name string, ranges int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kinds == nil {
		d.kinds = map[string]int{}
	}
	kind := path.Base(name)
	if dot := strings.LastIndexByte(kind, '.'); dot >= 0 && kind != "causeway.log" {
		kind = "*" + kind[dot:]
	}
	d.kinds[path.Join(path.Dir(name), kind)]++
	d.ranges += ranges
}

func (d *damageTally) refuse(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused += n
}

// hurt makes one change and looks at what the engine makes of it.
func (p *pristine) hurt(t *testing.T, dice *rand.Rand, sum *damageTally) {
	disk := p.disk.Clone()
	name, what := p.change(t, dice, disk)
	if name == "" {
		return
	}
	w := newWorld(t, what)
	w.clock.AdvanceTo(p.now)
	var journal alarms
	w.logger = slog.New(&journal)
	report, err := w.open(disk)
	if err != nil {
		w.fatalf("failed start: %v", err)
	}
	defer w.engine.Close(w.ctx)
	w.provision()
	derived := strings.HasPrefix(name, "index/")
	for range 2 { // a damaged part of the index may be found by the first look, and must be whole for the second
		found, _ := w.everything(p.plain, p.lanes)
		missing := 0
		for at, m := range p.messages {
			got, there := found[at]
			if !there {
				missing++
				continue
			}
			if got.ID != m.ID || !bytes.Equal(got.Body, m.Body) {
				w.fatalf("wrong payload at %v: %s instead of %s", at, got.ID, m.ID)
			}
		}
		for at, m := range found {
			if _, known := p.messages[at]; !known && m.DeliverAt.IsZero() {
				w.fatalf("a message that nobody sent at %v: %s", at, m.ID)
			}
		}
		if missing == 0 {
			continue
		}
		if derived {
			w.pass(time.Second)
			continue
		}
		if len(report.Log.Damage) == 0 && report.Log.Torn == nil && journal.count.Load() == 0 {
			w.fatalf("%d messages are missing and nothing was reported: %+v", missing, report)
		}
		sum.refuse(missing)
	}
	if derived {
		w.whole(p)
	}
	sum.note(name, len(report.Log.Damage)+int(journal.count.Load()))
	sent := w.engine.Send(w.ctx, p.plain, w.messages(dice, 1))
	if sent[0].Err != nil {
		w.fatalf("send after the damage: %v", sent[0].Err)
	}
}

// alarms counts what the engine's journal says about damaged ranges of the log.
type alarms struct{ count atomic.Int64 }

func (a *alarms) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (a *alarms) WithAttrs([]slog.Attr) slog.Handler               { return a }
func (a *alarms) WithGroup(string) slog.Handler                    { return a }

func (a *alarms) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "range of the log is damaged") {
		a.count.Add(1)
	}
	return nil
}

// whole waits until the index serves all messages again; it is derived, so nothing may stay lost.
func (w *world) whole(p *pristine) {
	deadline := time.Now().Add(20 * time.Second)
	for {
		found, _ := w.everything(p.plain, p.lanes)
		missing := 0
		for at := range p.messages {
			if _, there := found[at]; !there {
				missing++
			}
		}
		if missing == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.fatalf("%d messages stay missing, and only what is derived was hit", missing)
		}
		w.pass(time.Second)
	}
}

// change damages one file and says how.
func (p *pristine) change(t *testing.T, dice *rand.Rand, disk *memfs.FS) (name, what string) {
	name = p.files[dice.IntN(len(p.files))]
	if path.Base(name) == "LOCK" || path.Base(name) == "reserve" {
		return "", "" // nothing in them is read
	}
	data, err := fsys.ReadFile(disk, name, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	used := int64(len(bytes.TrimRight(data, "\x00")))
	if used == 0 {
		return "", ""
	}
	at := dice.Int64N(used)
	switch kind := dice.IntN(8); {
	case kind < 5:
		bit := byte(1) << dice.IntN(8)
		what = fmt.Sprintf("bit %08b at %d of %s", bit, at, name)
		err = disk.Damage(name, at, 1, func(b []byte) { b[0] ^= bit })
	case kind == 5:
		what = fmt.Sprintf("zeros in the sector at %d of %s", at&^511, name)
		err = disk.Damage(name, at&^511, 512, func(b []byte) { clear(b) })
	case kind == 6:
		from := dice.Int64N(used) &^ 511
		what = fmt.Sprintf("the sector at %d of %s written over the one at %d", from, name, at&^511)
		donor := data[from:min(from+512, int64(len(data)))]
		err = disk.Damage(name, at&^511, 512, func(b []byte) { copy(b, donor) })
	default:
		if strings.HasSuffix(name, "causeway.log") {
			return "", "" // a cut identity is refused by name, which a test of the log shows
		}
		what = fmt.Sprintf("%s cut to %d bytes", name, at)
		var f fsys.File
		if f, err = disk.Open(name); err == nil {
			err = f.Truncate(at)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return name, what
}
