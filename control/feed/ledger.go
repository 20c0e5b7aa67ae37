// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

// ledger is the catalog in lines, with the version that each one was last changed at. It is not safe for concurrent use. A change costs as much as it changes: lines
// stand in the order of their changes as well.
type ledger struct {
	epoch   wire.Epoch
	version catalog.Version // that proxies see: of the last change of any line
	looked  control.Version // of the plane, when it was looked at last
	floor   catalog.Version // deltas go over this version or a newer one
	entries map[wire.ID]*entry
	order   []stamp // of the changes since floor
	live    int     // entries that are not gone
	bytes   int     // of their lines
	sum     wire.Sum
	ready   bool
}

// entry is one record. What is gone is remembered for deltas.
type entry struct {
	line    string
	changed catalog.Version
	gone    bool
}

// stamp is a change of an entry, its last one if the versions are the same.
type stamp struct {
	version catalog.Version
	entry   *entry
}

// minGone is how many records that are gone, and changes that others followed, are remembered, whatever the size of the rest.
const minGone = 1000

// take brings the ledger to the plane's newest version by the news since the one that was looked at; it tells whether a proxy would see a difference.
func (l *ledger) take(n control.News, epoch wire.Epoch) (changed bool, err error) {
	if l.entries == nil {
		l.entries = make(map[wire.ID]*entry)
	}
	t := taking{ledger: l, version: catalog.Version(n.Version)}
	if err := t.news(n); err != nil {
		return false, err
	}
	l.looked = n.Version
	first, moved := !l.ready, l.epoch != epoch
	if first || moved || t.changed {
		l.version = t.version
	}
	if first || moved {
		l.rise()
	}
	l.epoch, l.ready = epoch, true
	l.forget()
	return first || moved || t.changed, nil
}

// taking is one call of take.
type taking struct {
	*ledger
	version catalog.Version
	changed bool
}

func (t *taking) news(n control.News) error {
	there := make(map[wire.ID]bool)
	for _, r := range n.Now {
		id, text, err := line(r)
		if err != nil {
			return err
		}
		if id.Kind == "" {
			continue
		}
		t.put(id, text)
		if n.Whole {
			there[id] = true
		}
	}
	for _, r := range n.Gone {
		id, _, err := line(r)
		if err != nil {
			return err
		}
		if err := t.remove(id); err != nil {
			return err
		}
	}
	if !n.Whole {
		return nil
	}
	for id := range t.entries {
		if there[id] {
			continue
		}
		if err := t.remove(id); err != nil {
			return err
		}
	}
	return nil
}

// put notes a record's line.
func (t *taking) put(id wire.ID, text string) {
	e := t.entries[id]
	switch {
	case e == nil:
		e = &entry{}
		t.entries[id] = e
	case !e.gone && e.line == text: // what changed is nothing that proxies know
		return
	case !e.gone:
		t.drop(e)
	}
	e.line, e.gone = text, false
	t.stamp(e)
	t.live++
	t.bytes += len(text) + 1
	t.sum.Add(text)
}

// remove notes that a record is gone.
func (t *taking) remove(id wire.ID) error {
	e := t.entries[id]
	if e == nil || e.gone {
		return nil
	}
	text, err := wire.Gone(id)
	if err != nil {
		return err
	}
	t.drop(e)
	e.line, e.gone = text, true
	t.stamp(e)
	return nil
}

func (t *taking) stamp(e *entry) {
	e.changed, t.changed = t.version, true
	t.order = append(t.order, stamp{t.version, e})
}

// drop counts an entry out.
func (l *ledger) drop(e *entry) {
	l.live--
	l.bytes -= len(e.line) + 1
	l.sum.Take(e.line)
}

// rise puts the floor to the newest version: who is behind gets a snapshot.
func (l *ledger) rise() { l.floor, l.order = l.version, nil }

// forget drops what is gone once that is much, and changes that others of the same records followed.
func (l *ledger) forget() {
	if gone := len(l.entries) - l.live; gone > max(minGone, l.live/2) {
		maps.DeleteFunc(l.entries, func(_ wire.ID, e *entry) bool { return e.gone })
		l.rise()
	}
	if len(l.order) > max(minGone, 2*len(l.entries)) {
		l.order = slices.DeleteFunc(l.order, func(s stamp) bool { return s.entry.changed != s.version })
	}
}

// since gives the lines that changed after a version, which is not below the floor.
func (l *ledger) since(v catalog.Version) (lines []string, bytes int) {
	from := sort.Search(len(l.order), func(i int) bool { return l.order[i].version > v })
	for _, s := range l.order[from:] {
		if s.entry.changed == s.version {
			lines = append(lines, s.entry.line)
			bytes += len(s.entry.line) + 1
		}
	}
	return lines, bytes
}

// holding is what a proxy says that it has.
type holding struct {
	epoch   string
	version catalog.Version
	sum     string
}

// news tells whether there is something for a proxy.
func (l *ledger) news(h holding) bool {
	return l.ready && (h.epoch != l.epoch.ID || h.version < l.version)
}

// draft gathers what a proxy is to get: a delta where one is possible and smaller.
func (l *ledger) draft(h holding) *document {
	d := &document{head: wire.Head{Epoch: l.epoch, Version: l.version, Sum: l.sum.Of(l.epoch, l.version)}}
	switch {
	case h.epoch != l.epoch.ID || h.version == 0 || h.version > l.version:
	case h.sum == l.sum.String(): // the same under another number, as after a restart of the control plane
		d.head.After = h.version
		return d
	case h.version >= l.floor:
		lines, size := l.since(h.version)
		if size < l.bytes {
			d.head.After, d.lines = h.version, lines
			return d
		}
	}
	d.lines = make([]string, 0, l.live)
	for _, e := range l.entries {
		if !e.gone {
			d.lines = append(d.lines, e.line)
		}
	}
	return d
}

// document is what one or many proxies get, written once.
type document struct {
	head  wire.Head
	lines []string

	once    sync.Once
	plain   []byte
	gzipped []byte // nil where it is not worth it
	err     error
}

// worthGzip is the size in bytes from which a document is compressed.
const worthGzip = 4 << 10

// written is the document as it goes out.
func (d *document) written() error {
	d.once.Do(func() {
		slices.SortFunc(d.lines, strings.Compare)
		if d.plain, d.err = wire.Encode(d.head, d.lines); d.err != nil || len(d.plain) < worthGzip {
			return
		}
		d.lines = nil
		var out bytes.Buffer
		z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
		if err == nil {
			_, err = z.Write(d.plain)
		}
		if err == nil {
			err = z.Close()
		}
		if err != nil {
			d.err = err
			return
		}
		d.gzipped = out.Bytes()
	})
	return d.err
}
