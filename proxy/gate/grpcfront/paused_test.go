// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"testing"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/proxy/catalog"
)

// paused puts a catalog in place in which tenant bank's groups are paused, or go on.
func (w *world) paused(version catalog.Version, paused bool) {
	w.changed(version, func(c *catalog.Contents) {
		for i, g := range c.Groups {
			c.Groups[i].Paused = paused && g.Tenant.String() == "bank"
		}
	})
}

func TestCallsOfAPausedGroupAreHeldAndAnsweredEmpty(t *testing.T) {
	w := newWorld(t, worldOptions{})
	parked, pulls, rival := w.ask(w.owner("bank"), "billing", "orders"), w.askPull(w.owner("bank"), "puller", "orders"), w.ask(w.owner("rival"), "billing", "orders")
	w.parked(3)
	w.paused(2, true)
	answered(t, "a receive that waited", parked, v2.Code_MESSAGE_NOT_FOUND)
	answered(t, "a pull that waited", pulls, v2.Code_MESSAGE_NOT_FOUND)
	waits(t, "another tenant's group", rival)
	w.parked(1)
	parked, pulls = w.ask(w.owner("bank"), "billing", "orders"), w.askPull(w.owner("bank"), "puller", "orders")
	w.parked(3) // they are held for as long as they may wait
	want(t, w.send(w.owner("bank"), normal("orders", "meanwhile")).Status, v2.Code_OK)
	waits(t, "a receive of a paused group", parked)
	w.paused(3, false)
	answered(t, "a receive when the group goes on", parked, v2.Code_MESSAGE_NOT_FOUND)
	answered(t, "a pull when the group goes on", pulls, v2.Code_MESSAGE_NOT_FOUND)
	w.parked(1)
}

func TestAPausedGroupSettlesWhatItHolds(t *testing.T) {
	w := newWorld(t, worldOptions{})
	want(t, w.send(w.owner("bank"), normal("orders", "first")).Status, v2.Code_OK)
	status, held := w.receive(w.owner("bank"), simpleReceive("billing", "orders"))
	want(t, status, v2.Code_OK)
	if len(held) != 1 {
		t.Fatalf("%d messages", len(held))
	}
	w.paused(2, true)
	want(t, w.send(w.owner("bank"), normal("orders", "second")).Status, v2.Code_OK)
	status, _ = w.receive(w.owner("bank"), simpleReceive("billing", "orders"))
	want(t, status, v2.Code_MESSAGE_NOT_FOUND)
	ack, err := w.client.AckMessage(w.owner("bank"), &v2.AckMessageRequest{Group: res("billing"), Topic: res("orders"), Entries: []*v2.AckMessageEntry{
		{MessageId: held[0].GetSystemProperties().GetMessageId(), ReceiptHandle: held[0].GetSystemProperties().GetReceiptHandle()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, ack.GetStatus(), v2.Code_OK)
	w.paused(3, false)
	status, got := w.receive(w.owner("bank"), simpleReceive("billing", "orders"))
	want(t, status, v2.Code_OK)
	if len(got) != 1 || string(got[0].Body) != "second" {
		t.Errorf("it goes on with %v", got)
	}
}
