// SPDX-License-Identifier: Apache-2.0

// Package file keeps a catalog in a file: what an operator writes for proxies without a control plane, and what a proxy remembers of the
// control plane's for the time when that is gone.
//
// The format is YAML, read strictly: a key that is unknown, stands twice or has a value of another kind is an error that names its line. A file
// is taken whole or not at all. Encode is deterministic, so equal catalogs are equal files.
package file

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/causeway-mq/causeway/internal/strictyaml"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// Format is the version of the format. A file of another one is refused: guessing at a catalog would be guessing at rights.
const Format = 1

// document is the file. Its keys are the format: what is renamed here needs another Format.
type document struct {
	Format  int     `yaml:"format" doc:"of this file: 1"`
	Version int     `yaml:"version" doc:"grows with each change; a proxy does not go back"`
	Shrinks bool    `yaml:"shrinks,omitempty" doc:"it is meant that more than half of the tenants are gone"`
	Sum     string  `yaml:"sum,omitempty" doc:"of all below, where a program wrote the file; who changes it by hand takes the sum out"`
	Tenants []owner `yaml:"tenants" doc:"who shares the clusters"`
}

type owner struct {
	ID           string        `yaml:"id" doc:"1 to 20 characters of a-z, 0-9 and -"`
	Unsigned     string        `yaml:"unsigned,omitempty" doc:"whose calls come in without a signature: nobody, loopback or anybody; empty: nobody"`
	Disabled     bool          `yaml:"disabled,omitempty" doc:"lets nobody in, and keeps what it has"`
	Applications []application `yaml:"applications,omitempty" doc:"who acts for the tenant"`
	Topics       []topic       `yaml:"topics,omitempty" doc:"what messages are sent to; each is made on its cluster by an operator"`
	Groups       []group       `yaml:"groups,omitempty" doc:"who consumes together; each is made on its cluster by an operator"`
	Borrows      []borrow      `yaml:"borrows,omitempty" doc:"topics of other tenants that this one may use"`
}

// borrow is a topic that another tenant lends: docs/adr/0013.
type borrow struct {
	As        string `yaml:"as" doc:"as clients and rights of this tenant call it"`
	Owner     string `yaml:"owner" doc:"the tenant whose topic it is"`
	Topic     string `yaml:"topic" doc:"as the owner calls it"`
	Publish   bool   `yaml:"publish,omitempty" doc:"to send to it"`
	Subscribe bool   `yaml:"subscribe,omitempty" doc:"to receive from it"`
	Expires   string `yaml:"expires,omitempty" doc:"a time such as 2027-12-31T00:00:00Z; empty: never"`
}

type application struct {
	Name     string   `yaml:"name" doc:"of the application"`
	Owner    bool     `yaml:"owner,omitempty" doc:"may everything within its tenant"`
	Disabled bool     `yaml:"disabled,omitempty" doc:"its keys let nobody in"`
	Publish  []string `yaml:"publish,omitempty" doc:"topics of the tenant that it may send to"`
	Consume  []string `yaml:"consume,omitempty" doc:"groups of the tenant that it may consume as"`
	Read     []string `yaml:"read,omitempty" doc:"topics of the tenant that it may consume from; %DLQ%GROUP for dead letters"`
	Keys     []key    `yaml:"keys,omitempty" doc:"what it signs with"`
}

type key struct {
	ID      string `yaml:"id" doc:"the access key, one of its kind in the file"`
	Secret  string `yaml:"secret" secret:"true" doc:"its secret"`
	Expires string `yaml:"expires,omitempty" doc:"a time such as 2027-12-31T00:00:00Z; empty: never"`
	Revoked bool   `yaml:"revoked,omitempty" doc:"it lets nobody in any more"`
}

type topic struct {
	Name       string   `yaml:"name" doc:"as clients of the tenant call it"`
	Physical   string   `yaml:"physical,omitempty" doc:"as the brokers call it; empty: TENANT%NAME, in the default tenant NAME"`
	Cluster    string   `yaml:"cluster" doc:"where it is, by the name that the proxy's configuration gives the cluster"`
	Accepts    []string `yaml:"accepts,omitempty" doc:"normal, fifo, delay, transaction; empty: normal"`
	Queues     int      `yaml:"queues,omitempty" doc:"1 to 256; 0: as on the brokers"`
	Durability string   `yaml:"durability,omitempty" doc:"sync, or a loss window such as window=20ms; brokers of RocketMQ have this for all topics alike, and nobody applies it there"`
	Retention  string   `yaml:"retention,omitempty" doc:"age after which a message may go; brokers of RocketMQ have this for all topics alike, and nobody applies it there"`
	Move       *move    `yaml:"move,omitempty" doc:"written by causeway catalog move"`
}

// move is a topic's, or that of a group's dead letters, on its way between clusters: docs/adr/0009.
type move struct {
	Stage string `yaml:"stage" doc:"fencing or draining"`
	To    string `yaml:"to,omitempty" doc:"where it goes, while it is fenced"`
	From  string `yaml:"from,omitempty" doc:"where it comes from, while that is drained"`
}

type group struct {
	Name        string `yaml:"name" doc:"as clients of the tenant call it"`
	Physical    string `yaml:"physical,omitempty" doc:"as the brokers call it; empty: TENANT%NAME, in the default tenant NAME"`
	Cluster     string `yaml:"cluster" doc:"where it is"`
	Mode        string `yaml:"mode,omitempty" doc:"leases or pulls; empty: leases"`
	Ordered     bool   `yaml:"ordered,omitempty" doc:"messages of one message group come one after the other"`
	MaxAttempts int    `yaml:"max_attempts,omitempty" doc:"1 to 1000, then it is a dead letter; 0: 17"`
	Retry       *retry `yaml:"retry,omitempty" doc:"pauses between attempts: steps, or initial, max and multiplier"`
	Start       string `yaml:"start,omitempty" doc:"where it begins: earliest, latest, engine or a time; empty: earliest"`
	Hold        string `yaml:"hold,omitempty" doc:"how long a push consumer's messages stay with it; empty: the proxy's rule"`
	Move        *move  `yaml:"move,omitempty" doc:"written by causeway catalog move"`
}

type retry struct {
	Steps      []string `yaml:"steps,omitempty" doc:"one pause for each attempt, such as [1s, 5s, 30s]"`
	Initial    string   `yaml:"initial,omitempty" doc:"first pause"`
	Max        string   `yaml:"max,omitempty" doc:"longest pause"`
	Multiplier float64  `yaml:"multiplier,omitempty" doc:"by which each pause is longer than the one before"`
}

// Catalog is what a file holds.
type Catalog struct {
	catalog.Contents
	// Shrinks tells that the loss of more than half of the tenants is meant.
	Shrinks bool
}

// Parse reads a file. clusters are those that a topic or a group may be on; none lets any name pass. The error names every problem with
// its line.
func Parse(data []byte, clusters []mq.Cluster) (Catalog, error) {
	var d document
	places, err := strictyaml.Decode(data, &d)
	r := reader{places: places, clusters: clusters}
	c := r.catalog(d)
	if err := places.Together(err, r.problems...); err != nil {
		return Catalog{}, mq.Refuse(mq.BadRequest, "%v", err)
	}
	return c, nil
}

// Keys lists the keys at the top of a file.
func Keys() []string { return strictyaml.Keys(document{}) }

// Explain writes a file with every key explained and secrets redacted; an example where data is nil.
func Explain(data []byte) ([]byte, error) {
	if data == nil {
		return strictyaml.Encode(document{Format: Format, Version: 1, Tenants: []owner{{
			ID: "pay", Unsigned: "nobody",
			Applications: []application{{
				Name: "till", Publish: []string{"orders"}, Consume: []string{"booking"}, Read: []string{"orders"},
				Keys: []key{{ID: "AK-till-1", Secret: "change-me", Expires: "2030-12-31T00:00:00Z"}},
			}},
			Topics: []topic{{Name: "orders", Cluster: "east", Accepts: []string{"normal"}, Queues: 8}},
			Groups: []group{{Name: "booking", Cluster: "east", Mode: "leases", MaxAttempts: 16, Retry: &retry{Steps: []string{"1s", "5s", "30s"}}, Start: "earliest", Hold: "30s"}},
		}}})
	}
	if _, err := Parse(data, nil); err != nil {
		return nil, err
	}
	var d document
	if _, err := strictyaml.Decode(data, &d); err != nil {
		return nil, err
	}
	return strictyaml.Encode(d)
}

// Encode writes a catalog as Parse reads it, with its sum. Rules of a cluster's own users have no place in the format.
func Encode(c catalog.Contents) ([]byte, error) {
	d, err := describe(c)
	if err != nil {
		return nil, err
	}
	if d.Sum, err = sumOf(d); err != nil {
		return nil, err
	}
	return yaml.Marshal(d)
}

const sumPrefix = "sha256:"

// sumOf is the sum of a document without its sum.
func sumOf(d document) (string, error) {
	d.Sum = ""
	text, err := yaml.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("catalog: %w", err)
	}
	sum := sha256.Sum256(text)
	return sumPrefix + hex.EncodeToString(sum[:]), nil
}

// wanted tells whether a document is what was written; one without a sum was written by hand.
func (r *reader) whole(d document) {
	if d.Sum == "" {
		return
	}
	sum, err := sumOf(d)
	if err != nil || !strings.EqualFold(sum, d.Sum) {
		r.bad("sum", "the file is not what was written (its sum would be %s); who changes it by hand takes the sum out", sum)
	}
}
