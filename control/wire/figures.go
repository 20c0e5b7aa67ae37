// SPDX-License-Identifier: Apache-2.0

package wire

import "time"

// Rates is a curve: what passed, and for a group how far it is behind, in steps of the same length.
type Rates struct {
	Step   string      `json:"step"`   // time between two points, "10s" or "5m0s"
	Points []RatePoint `json:"points"` // oldest first
	// Incomplete says that there was no room to keep figures of everything: what is shown may lack something.
	Incomplete bool `json:"incomplete,omitempty"`
}

// RatePoint is one step. What nobody knows is left out, which is another thing than nothing.
type RatePoint struct {
	Time time.Time `json:"time"`          // when the step begins
	In   *Rate     `json:"in,omitempty"`  // stored
	Out  *Rate     `json:"out,omitempty"` // handed out
	// Lag is how many messages were not settled, at the step's worst; of a group alone. What consumers hold is not in it where the cluster does not tell that, as RocketMQ's do not.
	Lag        *int64   `json:"lag,omitempty"`
	LagSeconds *float64 `json:"lagSeconds,omitempty"` // age of the oldest of them
}

// Rate is what passed in a second, on average over a step.
type Rate struct {
	Messages float64 `json:"messages"`
	Bytes    float64 `json:"bytes"` // of bodies
}

// Usage is what a tenant used, day by day. A day without a row used nothing that is known.
type Usage struct {
	From string     `json:"from"` // a day of UTC, as in 2026-12-01
	To   string     `json:"to"`
	Days []UsageDay `json:"days"` // oldest first
}

// UsageDay is one day of UTC. Up to ten seconds of traffic around midnight may count for the next day.
type UsageDay struct {
	Day string `json:"day"`
	In  Amount `json:"in"`  // stored in the tenant's topics
	Out Amount `json:"out"` // handed out to the tenant's groups
}

// Amount is messages with the bytes of their bodies.
type Amount struct {
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"`
}

// ProxyStatus is a proxy that told this control plane within the last hour what it counted, or asks it for the catalog.
type ProxyStatus struct {
	Name  string    `json:"name"`
	Zone  string    `json:"zone,omitempty"`
	Heard time.Time `json:"heard"`        // of it, whatever it said
	In    *Rate     `json:"in,omitempty"` // of the minute before it last told what it counted; left out of one that tells nothing
	Out   *Rate     `json:"out,omitempty"`
	// Catalog is what it has of the catalog; left out of one that does not ask for it here.
	Catalog *ProxyCatalog `json:"catalog,omitempty"`
	// SharedUser names the clusters at whose brokers it signs as the control plane's own user, an administrator there; it is to have one of its own.
	SharedUser []string `json:"sharedUser,omitempty"`
}

// ProxyCatalog is the catalog that a proxy serves from.
type ProxyCatalog struct {
	Version uint64 `json:"version"` // 0: it has none yet
	Current bool   `json:"current"` // it is what this control plane has
	// By is by which way it came: poll (a control plane answered with it) or disk (it was kept from before the proxy's start); left out of a proxy that does not say.
	By         string     `json:"by,omitempty"`
	Since      *time.Time `json:"since,omitempty"`      // when the proxy began to serve from it
	AgeSeconds *float64   `json:"ageSeconds,omitempty"` // since then
	Asked      time.Time  `json:"asked"`                // when it asked last for something newer, or told of it
	Elsewhere  bool       `json:"elsewhere,omitempty"`  // it asks another control plane, and tells this one every ten seconds what it has
}

// ZoneFlow is what went through zones within some minutes: where producers' proxies, clusters and consumers' proxies stand.
type ZoneFlow struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// KnownSeconds is how much of that time some proxy told of; 0: nobody knows anything.
	KnownSeconds float64   `json:"knownSeconds"`
	Ways         []ZoneWay `json:"ways"`
	// Incomplete says that there was no room for some ways.
	Incomplete bool `json:"incomplete,omitempty"`
}

// ZoneWay is one way through zones. A zone that nobody knows is left out: a proxy or a cluster whose configuration does not say where it stands, and the zone where messages came from
// that were handed out, unless all of their topic came through the proxies of one zone within the last hour.
type ZoneWay struct {
	Leg     string `json:"leg"` // stored: from producers to where messages are kept; delivered: on to consumers
	Produce string `json:"produce,omitempty"`
	Store   string `json:"store,omitempty"`
	Consume string `json:"consume,omitempty"` // of what was delivered
	Rate    Rate   `json:"rate"`
	// Crosses says whether the way leads from one zone into another; left out where that is not known.
	Crosses *bool `json:"crosses,omitempty"`
	// Reason is why it does, where that is known. no-cluster: where the proxy stands there is no cluster; silent-cluster: none there answers; no-proxy: where the messages are kept no proxy
	// told of itself within a minute.
	Reason string `json:"reason,omitempty"`
}

// Scan is one piece of a search that looks at messages one by one.
type Scan struct {
	Items    []Message    `json:"items"`
	Progress ScanProgress `json:"progress"`
}

// ScanProgress is how far a scan has come. One that is not complete proves nothing about what it has not looked at.
type ScanProgress struct {
	Looked   int        `json:"looked"`            // messages that this call looked at
	From     time.Time  `json:"from"`              // of the window that is looked through
	To       time.Time  `json:"to"`                // its end
	Reached  *time.Time `json:"reached,omitempty"` // when the last message that was looked at was stored
	Complete bool       `json:"complete"`          // there is nothing more to look at
	Next     string     `json:"next,omitempty"`    // cursor to go on with
	// Trouble is what ended the scan before its time, "" for nothing: its budget was spent, or it has enough.
	Trouble string `json:"trouble,omitempty"`
}

// DeadLetterCauses is a group's dead letters by what they died of, the most frequent first.
type DeadLetterCauses struct {
	Causes   []DeadLetterCause `json:"causes"`
	Others   int               `json:"others,omitempty"` // of further causes, beyond those that are listed
	Total    *int64            `json:"total,omitempty"`  // dead letters that are stored; left out where nobody knows
	Progress ScanProgress      `json:"progress"`
}

// DeadLetterCause is dead letters of one topic that died of the same.
type DeadLetterCause struct {
	Why         string             `json:"why"`   // "attempts", or the consumer's own word
	Topic       string             `json:"topic"` // where they came from
	Count       int                `json:"count"`
	First       time.Time          `json:"first"` // when the first of them died
	Last        time.Time          `json:"last"`
	MinAttempts int                `json:"minAttempts"`
	MaxAttempts int                `json:"maxAttempts"`
	Samples     []DeadLetterSample `json:"samples"` // the newest
}

// DeadLetterSample is one dead letter with the message that it was.
type DeadLetterSample struct {
	ID     string    `json:"id"`     // of the dead letter
	Origin string    `json:"origin"` // of the message in its topic
	Stored time.Time `json:"stored"` // as a dead letter
}
