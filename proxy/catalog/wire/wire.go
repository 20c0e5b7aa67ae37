// SPDX-License-Identifier: Apache-2.0

// Package wire is the catalog on its way from the control plane to a proxy, and on the proxy's disk.
//
// A Document is lines of JSON: a Head, then one record a line, each whole. It is a snapshot, or a delta: the records that
// are new or changed since a version, and the names of those that are gone.
//
// What must hold:
//
//   - The head's sum is over everything that the receiver has after it took the document, and over what the head says. So
//     a damaged line, a lost one, and a delta that was laid over the wrong base all show before anything is served.
//   - A record that cannot be read is a document that cannot be read: an unknown key is refused, since guessing at a catalog
//     would be guessing at rights. Proxies are updated before the control plane that says more.
//
// The sum of a state is the sum of its lines' SHA-256, in four numbers of 64 bits: it does not depend on an order and is
// changed by a delta at the cost of that delta. It is there for damage and mistakes; against somebody who wants to deceive
// stand TLS and the token.
package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// Format is the version of the format. A document of another one is refused.
const Format = 1

// MaxBytes bounds a document: some 500,000 records.
const MaxBytes = 128 << 20

// What is said beside documents.
const (
	Path          = "/feed/v1/catalog"
	VersionHeader = "Causeway-Catalog-Version" // where the control plane stands, in an answer without a document
	EpochHeader   = "Causeway-Catalog-Epoch"
	ProxyHeader   = "Causeway-Proxy" // what a proxy calls itself

	// By which way a proxy has what it has, and since when, in seconds since 1970: parameters of its question.
	ByParameter    = "by"
	SinceParameter = "since"
	ByFeed         = "poll" // a control plane answered with it
	ByDisk         = "disk" // it was kept from before the start
)

// Epoch is within which versions follow each other. A new one begins when an operator says that the catalog is meant as it is,
// whatever proxies hold: after the control plane's database was restored, or when most tenants are to go.
type Epoch struct {
	ID     string `json:"id"`
	Forced int64  `json:"forced,omitempty"` // when the operator said so, in microseconds of Unix time; 0 for the first epoch
}

// Head is the first line.
type Head struct {
	Format  int             `json:"format"`
	Epoch   Epoch           `json:"epoch"`
	Version catalog.Version `json:"version"`
	After   catalog.Version `json:"after,omitempty"` // the version that a delta goes over; 0 for a snapshot
	Lines   int             `json:"lines"`           // records that follow
	Sum     string          `json:"sum"`             // see Sum.Of
}

// Sum is the sum of a state: of all its lines, in no order. The zero value is that of nothing.
type Sum [4]uint64

// Add counts a line in.
func (s *Sum) Add(line string) {
	for i, n := range parts(line) {
		s[i] += n
	}
}

// Take counts a line out.
func (s *Sum) Take(line string) {
	for i, n := range parts(line) {
		s[i] -= n
	}
}

func parts(line string) (out Sum) {
	h := sha256.Sum256([]byte(line))
	for i := range out {
		out[i] = binary.BigEndian.Uint64(h[8*i:])
	}
	return out
}

// String is the sum in hex.
func (s Sum) String() string {
	var b [32]byte
	for i, n := range s {
		binary.BigEndian.PutUint64(b[8*i:], n)
	}
	return hex.EncodeToString(b[:])
}

// Of is what a head says of a state: the state's sum with the epoch and the version.
func (s Sum) Of(e Epoch, v catalog.Version) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%d %q %d %d %s", Format, e.ID, e.Forced, v, s))
	return "sha256:" + hex.EncodeToString(h[:])
}

// Encode writes a document; h.Format and h.Lines are set here.
func Encode(h Head, lines []string) ([]byte, error) {
	h.Format, h.Lines = Format, len(lines)
	head, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	size := len(head) + 1
	for _, l := range lines {
		size += len(l) + 1
	}
	out := append(make([]byte, 0, size), head...)
	out = append(out, '\n')
	for _, l := range lines {
		out = append(out, l...)
		out = append(out, '\n')
	}
	return out, nil
}

// Document is what Decode read: its records are as they should be, whether it fits a state is for State.Apply to say.
type Document struct {
	Head
	records []read
}

// read is one line with what it says in a difference.
type read struct {
	id   ID
	line string
	gone bool
	say  func(*catalog.Difference)
}

// Difference is what the document says, for catalog.Snapshot.With: of a snapshot everything, over nothing; of a delta what it changes. It can be asked for once: the
// difference has the records then.
func (d Document) Difference() catalog.Difference {
	out := catalog.Difference{Version: d.Version}
	for _, r := range d.records {
		r.say(&out)
	}
	return out
}

// Decode reads a document. It refuses with BadRequest what is no whole one, naming the line.
func Decode(data []byte) (Document, error) {
	var d Document
	if len(data) > MaxBytes {
		return d, mq.Refuse(mq.BadRequest, "catalog: %d bytes, the limit is %d", len(data), MaxBytes)
	}
	text := string(data) // lines are kept, as pieces of this
	head, rest, whole := strings.Cut(text, "\n")
	if err := strict(head, &d.Head); err != nil || !whole {
		return d, mq.Refuse(mq.BadRequest, "catalog: the first line is no head: %v", err)
	}
	if d.Format != Format {
		return d, mq.Refuse(mq.BadRequest, "catalog: format %d, this program reads format %d", d.Format, Format)
	}
	if n := strings.Count(rest, "\n"); n != d.Lines || rest != "" && !strings.HasSuffix(rest, "\n") {
		return d, mq.Refuse(mq.BadRequest, "catalog: %d whole lines follow the head, it says %d", n, d.Lines)
	}
	d.records = make([]read, 0, d.Lines)
	seen := make(map[ID]bool, d.Lines)
	dec := json.NewDecoder(strings.NewReader(rest))
	dec.DisallowUnknownFields()
	for at := 0; at < len(rest); {
		end := at + strings.IndexByte(rest[at:], '\n')
		r, err := parse(dec, rest[at:end])
		if err == nil && dec.InputOffset() != int64(end) {
			err = errors.New("a line is one record")
		}
		if err == nil && seen[r.id] {
			err = fmt.Errorf("%s %s of tenant %s stands there twice", r.id.Kind, r.id.Name, r.id.Tenant)
		}
		if err != nil {
			return d, mq.Refuse(mq.BadRequest, "catalog: line %d: %v", len(d.records)+2, err)
		}
		seen[r.id] = true
		d.records = append(d.records, r)
		at = end + 1
	}
	return d, nil
}

func strict(text string, into any) error {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if dec.InputOffset() != int64(len(text)) {
		return errors.New("something follows behind it")
	}
	return nil
}
