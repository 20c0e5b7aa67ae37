// SPDX-License-Identifier: Apache-2.0

package mq

// Node is one server of a cluster, as it and those beside it see it. A figure that nobody tells is -1.
type Node struct {
	Broker   string // the name that copies of one log share
	ID       int64  // among them; -1 where the engine gives none
	Address  string // "" within this process
	Primary  bool   // takes sends
	Version  string // of its software
	PutRate  float64
	GetRate  float64 // messages a second, of late
	Disk     float64 // how full its volume is, 0 to 1
	From, To int64   // of its log, in bytes since the log began
	Behind   int64   // bytes that it has less than its primary; 0 of a primary
	InSync   Sync
	Why      string // it does not answer, or not with what was asked
}

// Sync tells whether a copy counts as complete, so that it may become the primary.
type Sync uint8

// What is known of a copy.
const (
	SyncUnknown Sync = iota // nobody keeps a list: there are no controllers, or none answers
	InSync
	NotInSync
)

// Controller is one of the servers that elect primaries.
type Controller struct {
	Address string
	Leader  bool
	Why     string // it does not answer
}

// Nodes is the servers of a cluster: brokers by name and id, controllers by address, of which an engine may have none.
type Nodes struct {
	Nodes       []Node
	Controllers []Controller
}
