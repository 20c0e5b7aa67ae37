// SPDX-License-Identifier: Apache-2.0

package wire

import "time"

// Request is what a tenant asks of another one, or of the installation, with what became of it. Both sides see it.
type Request struct {
	ID       string           `json:"id"`
	Kind     string           `json:"kind"`            // grant, quota
	State    string           `json:"state"`           // pending, approved, refused, withdrawn, expired
	From     string           `json:"from"`            // the tenant that asks
	To       string           `json:"to"`              // the tenant that decides; "" = the installation
	By       string           `json:"by"`              // who asked
	Reason   string           `json:"reason"`          // that he gave
	Grant    *GrantWish       `json:"grant,omitempty"` // what is asked for, with the kind grant
	Quota    *QuotaChange     `json:"quota,omitempty"` // what is asked for, with the kind quota
	Created  time.Time        `json:"created"`
	Ends     time.Time        `json:"ends"`              // if nobody decides until then
	Decided  *time.Time       `json:"decided,omitempty"` // or withdrawn, or expired
	Decider  string           `json:"decider,omitempty"` // shown to the tenant that decided, and to that which withdrew
	Why      string           `json:"why,omitempty"`
	Due      bool             `json:"due,omitempty"`    // approved; what was asked for is not there yet, and comes by itself
	Failed   string           `json:"failed,omitempty"` // approved; why what was asked for never came
	Comments []RequestComment `json:"comments,omitempty"`
	Revision uint64           `json:"revision"`
}

// RequestComment is what somebody said about a request.
type RequestComment struct {
	Side string    `json:"side"`         // the tenant for which it was said; "" = the installation
	By   string    `json:"by,omitempty"` // who said it; shown to his own side
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// NewRequest asks for something.
type NewRequest struct {
	Kind   string     `json:"kind"`            // grant, quota
	To     string     `json:"to,omitempty"`    // the tenant that is to decide, with the kind grant; a quota is decided by the installation
	Reason string     `json:"reason"`          // 1 to 500 bytes
	Grant  *GrantWish `json:"grant,omitempty"` // with the kind grant
	Quota  *QuotaWish `json:"quota,omitempty"` // with the kind quota
}

// QuotaWish is another quota plan that is asked for.
type QuotaWish struct {
	Plan string `json:"plan"` // whose limits are to hold; whether there is such a plan is not told
}

// QuotaChange is the move from one quota plan to another that is asked for.
type QuotaChange struct {
	Plan string `json:"plan"`          // that is wanted
	Was  string `json:"was,omitempty"` // that the tenant had when it asked
}

// GrantWish is a topic of another tenant that is asked for.
type GrantWish struct {
	Topic     string     `json:"topic"`               // as its owner calls it
	As        string     `json:"as"`                  // the name that it is to have among the tenant's own topics
	Publish   bool       `json:"publish,omitempty"`   // to send to it
	Subscribe bool       `json:"subscribe,omitempty"` // to receive from it
	Expires   *time.Time `json:"expires,omitempty"`   // when the grant ends by itself; never when it is left out
}

// Decision is what is said with the end of a request.
type Decision struct {
	Why      string `json:"why,omitempty"` // up to 500 bytes; needed for a refusal
	Revision uint64 `json:"revision,omitempty"`
}

// NewComment says something about a request.
type NewComment struct {
	Text string `json:"text"` // 1 to 500 bytes
}

// Grant is a topic that one tenant lends to another. Both sides see it.
type Grant struct {
	ID        string     `json:"id"`
	Owner     string     `json:"owner"`    // the tenant whose topic it is
	Topic     string     `json:"topic"`    // as its owner calls it
	Borrower  string     `json:"borrower"` // the tenant that may use it
	As        string     `json:"as"`       // as the borrower's applications and rights call it
	Publish   bool       `json:"publish"`
	Subscribe bool       `json:"subscribe"`
	Holds     bool       `json:"holds"`             // the topic can be used now
	Cluster   string     `json:"cluster,omitempty"` // where the topic is, and the borrower's consumer groups have to be
	Types     []string   `json:"types,omitempty"`   // of messages that the borrower can send
	Expires   *time.Time `json:"expires,omitempty"`
	Created   time.Time  `json:"created"`
	Request   string     `json:"request"` // that brought it
	Revision  uint64     `json:"revision"`
}
