// SPDX-License-Identifier: Apache-2.0

package wire

import "time"

// ClientPage is clients that are connected, as far as the proxies said. Who is not known is left out, and may be there all the same.
type ClientPage struct {
	Items    []Client      `json:"items"`
	Total    int           `json:"total"`          // of all pieces, as far as they are known
	Next     string        `json:"next,omitempty"` // cursor to go on with
	Complete bool          `json:"complete"`       // every proxy said who is connected to it
	Unknown  []SilentProxy `json:"unknown"`        // proxies that said nothing lately
}

// SilentProxy is a proxy that did not say who is connected to it for so long that nobody knows.
type SilentProxy struct {
	Zone  string    `json:"zone,omitempty"`
	Heard time.Time `json:"heard"` // when it last said anything
}

// Client is a producer or a consumer that is connected. It keeps a connection to several proxies as a rule.
type Client struct {
	ID       string        `json:"id"`            // as it calls itself
	App      string        `json:"app,omitempty"` // left out for callers without a key
	Key      string        `json:"key,omitempty"` // the access key that it signs with; only for those who may see keys
	Kind     string        `json:"kind"`          // producer, push_consumer, simple_consumer or pull_consumer
	Group    string        `json:"group,omitempty"`
	Topics   []ClientTopic `json:"topics"`           // that it announced or subscribes to; borrowed ones under the tenant's name for them
	Untold   int           `json:"untold,omitempty"` // further topics that are not listed
	Language string        `json:"language,omitempty"`
	Version  string        `json:"version,omitempty"` // of its SDK
	Since    time.Time     `json:"since"`
	Heard    time.Time     `json:"heard"` // its last heartbeat or receive, to the minute
	Proxies  []ClientProxy `json:"proxies"`
}

// ClientTopic is a topic of a client.
type ClientTopic struct {
	Topic      string `json:"topic"`
	FilterType string `json:"filterType,omitempty"` // tag or sql, of a consumer with a filter
	Filter     string `json:"filter,omitempty"`     // "" passes everything; a long one is cut
}

// ClientProxy is a client's connection to one proxy.
type ClientProxy struct {
	Name    string    `json:"name"`
	Zone    string    `json:"zone,omitempty"`
	Address string    `json:"address,omitempty"` // the client's, as the proxy sees it
	Since   time.Time `json:"since"`
	Heard   time.Time `json:"heard"`
}

// Disconnect names a client further than its id does.
type Disconnect struct {
	App *string `json:"app,omitempty"` // the application whose client it is, "" for callers without a key; left out: clients of that id of whichever application
}

// Disconnected is what came of it. A client opens its next stream as it does after any that ended: at once, or, as Go's, with its next settings, within five minutes. Until then it may send and receive, and is
// not listed.
type Disconnected struct {
	ID       string        `json:"id"`
	Proxies  int           `json:"proxies"`  // that ended a stream of it
	Streams  int           `json:"streams"`  // that ended
	Complete bool          `json:"complete"` // every proxy answered
	Unknown  []SilentProxy `json:"unknown"`  // proxies that did not: the client may still be connected to them
}

// GroupClients is a group's members, and whether they subscribe alike.
type GroupClients struct {
	Items    []Client      `json:"items"`
	Total    int           `json:"total"`          // of all pieces, as far as they are known
	Next     string        `json:"next,omitempty"` // cursor to go on with
	Complete bool          `json:"complete"`       // every proxy said who is connected to it
	Unknown  []SilentProxy `json:"unknown"`        // proxies that said nothing lately
	// Differences are topics that the members do not take alike. What the filter of one member does not pass counts as consumed for the whole group, so each such topic
	// loses messages without a word.
	Differences []SubscriptionDifference `json:"differences"`
}

// SubscriptionDifference is a topic that the members of a group do not take alike.
type SubscriptionDifference struct {
	Topic string            `json:"topic"`
	Ways  []SubscriptionWay `json:"ways"` // the most frequent first
}

// SubscriptionWay is how some members of a group take a topic.
type SubscriptionWay struct {
	Subscribed bool     `json:"subscribed"` // false: they do not name the topic
	FilterType string   `json:"filterType,omitempty"`
	Filter     string   `json:"filter,omitempty"`
	Clients    int      `json:"clients"`
	Examples   []string `json:"examples"` // some of them
}
