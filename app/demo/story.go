// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// story is a tenant of the demo.
type story struct {
	tenant, note string
	apps         []app
	topics       []topic
}

// app is an application; publish, read and consume are names, apart by spaces.
type app struct{ name, note, publish, read, consume string }

// topic is a topic with its messages and who reads them.
type topic struct {
	name, note string
	kind       mq.MessageType
	key        string // of each message, with a number that counts from first
	first      int
	bodies     []string
	groups     []string      // message groups, of an ordered topic
	after      time.Duration // between deliveries, of a topic with delays
	readers    []reader
}

// reader is a group: of all messages it settles some, gives up some as dead for these reasons, and gives some back. The rest is its backlog.
type reader struct {
	group, note string
	done        int
	dead        []string
	back        int
}

// stories are the tenants of the demo: a shop that falls behind with its bills, and a payment service that is up to date.
func stories() []story {
	return []story{
		{
			tenant: "shop", note: "demo: an online shop",
			apps: []app{
				{name: "storefront", note: "takes orders", publish: "orders reminders"},
				{name: "backoffice", note: "bills and ships", publish: "shipments", read: "orders shipments reminders", consume: "billing warehouse tracking mailer"},
			},
			topics: []topic{
				{name: "orders", note: "orders as they come in", kind: mq.Normal, key: "order", first: 4711, bodies: orders(24), readers: []reader{
					{group: "billing", note: "falls behind, with dead letters and messages that were given back", done: 5, back: 3, dead: []string{
						"payment provider: timeout after 30s", "payment provider: timeout after 30s", "unknown currency XTS", "attempts",
					}},
					{group: "warehouse", note: "is up to date", done: 24},
				}},
				{name: "shipments", note: "in order for each parcel", kind: mq.FIFO, key: "parcel", first: 1, groups: []string{"parcel-1", "parcel-2"},
					bodies: []string{"packed", "packed", "handed over", "handed over", "delivered", "delivered"}, readers: []reader{{group: "tracking", note: "has not begun yet"}}},
				{name: "reminders", note: "mails that wait for their time", kind: mq.Delay, key: "cart", first: 1, after: 6 * time.Hour,
					bodies: []string{"your cart is waiting", "still thinking about the apples?"}, readers: []reader{{group: "mailer", note: "waits for the first reminder"}}},
			},
		},
		{
			tenant: "payments", note: "demo: a payment service",
			apps: []app{{name: "core", note: "the only writer", publish: "settlements", read: "settlements", consume: "ledger"}},
			topics: []topic{
				{name: "settlements", note: "written in transactions", kind: mq.Transaction, key: "settlement", first: 100, bodies: []string{
					`{"account":"A-1","cents":1250}`, `{"account":"A-2","cents":-400}`, `{"account":"A-1","cents":99}`,
				}, readers: []reader{{group: "ledger", note: "is up to date", done: 3}}},
			},
		},
	}
}

func orders(n int) (all []string) {
	fruit := []string{"apples", "pears", "plums", "cherries"}
	for i := range n {
		all = append(all, fmt.Sprintf(`{"order":%d,"item":%q,"count":%d}`, 4711+i, fruit[i%len(fruit)], i%5+1))
	}
	return all
}
