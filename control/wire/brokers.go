// SPDX-License-Identifier: Apache-2.0

package wire

// Brokers is the servers of a cluster, each asked now. A figure that nobody tells is left out; it is not 0.
type Brokers struct {
	Cluster     string       `json:"cluster"`
	Items       []Broker     `json:"items"`       // by name and id
	Controllers []Controller `json:"controllers"` // that elect primaries; a cluster may have none
}

// Broker is one process: the primary of a broker name, or a secondary.
type Broker struct {
	Name    string   `json:"name"`         // that the copies of one log share
	ID      *int64   `json:"id,omitempty"` // among them
	Address string   `json:"address,omitempty"`
	Role    string   `json:"role"` // primary or secondary
	Version string   `json:"version,omitempty"`
	PutRate *float64 `json:"putRate,omitempty"` // messages stored a second, of late
	GetRate *float64 `json:"getRate,omitempty"` // messages given out a second, of late
	DiskUse *float64 `json:"diskUse,omitempty"` // how full the log's volume is, 0 to 1
	LogFrom *int64   `json:"logFrom,omitempty"` // where its log begins, in bytes since the first one
	LogTo   *int64   `json:"logTo,omitempty"`   // where it ends
	Behind  *int64   `json:"behind,omitempty"`  // bytes that it lacks of what its primary has, nearly exact
	InSync  *bool    `json:"inSync,omitempty"`  // whether the controllers count it as a complete copy
	Why     string   `json:"why,omitempty"`     // it does not answer
}

// Controller is a server that elects primaries.
type Controller struct {
	Address string `json:"address"`
	Leader  bool   `json:"leader"`
	Why     string `json:"why,omitempty"` // it does not answer
}
