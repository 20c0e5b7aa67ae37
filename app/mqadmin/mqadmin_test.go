// SPDX-License-Identifier: Apache-2.0

package mqadmin

import (
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

func TestATopicAndAGroupAreMadeAsTheCatalogHasThem(t *testing.T) {
	tenant, err := mq.ParseTenant("pay")
	if err != nil {
		t.Fatal(err)
	}
	orders, err := mq.ParseTopicName("orders")
	if err != nil {
		t.Fatal(err)
	}
	booking, err := mq.ParseGroupName("booking")
	if err != nil {
		t.Fatal(err)
	}
	topic := mq.Topic{Name: mq.PhysicalTopic(tenant, orders), Accepts: mq.AcceptsOf(mq.FIFO), Queues: 8}
	if got, want := Topic("bank", topic), "mqadmin updateTopic -n NAMESERVER -c bank -t 'pay%orders' -a +message.type=FIFO -r 8 -w 8"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	topic.Accepts = mq.AcceptsOf(mq.FIFO, mq.Transaction)
	if got := Topic("bank", topic); !strings.Contains(got, "+message.type=MIXED") || !strings.Contains(got, "enableMixedMessageType=true") {
		t.Errorf("of several types: %s", got)
	}
	group := mq.Group{Name: mq.PhysicalGroup(tenant, booking), MaxAttempts: 16, Ordered: true}
	if got, want := Group("bank", group), "mqadmin updateSubGroup -n NAMESERVER -c bank -g 'pay%booking' -r 15 -o true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The paths are those of the API's operations that commands call.
func TestWhatAControlPlaneDoesIsDoneElsewhereBehindAProxy(t *testing.T) {
	for _, c := range []struct{ path, catalog, want string }{
		{"/v1/tenants/default/topics/orders", "", "mqadmin updateTopic -n NAMESERVER -c bank"},
		{"/v1/tenants/pay/topics", "catalog.yaml", "and named in the catalog file catalog.yaml: mqadmin updateTopic"},
		{"/v1/tenants/default/topics/orders/messages", "", "mqadmin queryMsgByKey"},
		{"/v1/tenants/default/groups/billing", "", "mqadmin updateSubGroup"},
		{"/v1/tenants/default/groups/billing/progress", "", "/metrics of this port has what each group has left that consumes here: rocketmq_consumer_ready_messages"},
		{"/v1/tenants/default/groups/billing/progress", "", "mqadmin consumerProgress"},
		{"/v1/tenants/default/groups/billing/reset", "", "mqadmin resetOffsetByTime"},
		{"/v1/tenants/default/groups/billing/dead-letters/redrive", "", "%DLQ%GROUP"},
		{"/v1/tenants/default/apps", "", "mqadmin createUser"},
		{"/v1/tenants/pay/apps/till/keys", "catalog.yaml", "stand in the catalog file catalog.yaml"},
		{"/v1/tenants", "catalog.yaml", "tenants stand in the catalog file"},
		{"/v1/tenants/default", "", "one tenant, default"},
		{"/v1/version", "", "it serves /healthz"},
	} {
		if got := Elsewhere(c.path, "bank", c.catalog); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.path, got, c.want)
		}
	}
}
