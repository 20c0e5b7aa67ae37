// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/causeway-mq/causeway/engine/rocketmq/inspect"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
)

// cluster answers as brokers and controllers do, by address and request; what is not in it cannot be reached.
type cluster map[string]map[remoting.Code]string

func (c cluster) call(_ context.Context, address string, q remoting.Request) (*remoting.Frame, error) {
	body, ok := c[address][q.Code]
	if !ok {
		return nil, mq.Refuse(mq.Unavailable, "it cannot be reached").Because(errors.New(address + ": connection refused"))
	}
	f := &remoting.Frame{Body: []byte(body)}
	if q.Code == remoting.ControllerMetadata {
		f.Body = nil
		f.Fields.Add("isLeader", body)
	}
	if q.Code == remoting.SyncStateSet && (!q.JSON || string(q.Body) != `["broker-a","broker-b"]`) {
		return nil, mq.Refuse(mq.BadRequest, "it is asked for %s", q.Body)
	}
	return f, nil
}

func brokers() []request.Broker {
	return []request.Broker{
		{Name: "broker-b", Addresses: map[int64]string{0: "b0"}},
		{Name: "broker-a", Addresses: map[int64]string{0: "a0", 2: "a2", 3: "a3"}},
	}
}

const (
	controlled = "enableControllerMode=true\ncontrollerAddr=c1:9878;c2:9878\nbrokerRole="
	figures    = `{"table":{"brokerVersionDesc":"V5_5_0","putTps":"12.5 10.1 9.8","getTransferredTps":"7.0 6.0 5.0","commitLogDiskRatio":"0.42","commitLogMinOffset":"1000","commitLogMaxOffset":"`
)

func TestEveryProcessIsAskedAndWhoDoesNotAnswerIsInTheListToo(t *testing.T) {
	c := cluster{
		"a0":      {remoting.GetBrokerConfig: controlled + "SYNC_MASTER\n", remoting.BrokerRuntime: figures + `9000"}}`},
		"a2":      {remoting.GetBrokerConfig: controlled + "SLAVE\n", remoting.BrokerRuntime: figures + `8200"}}`},
		"b0":      {remoting.GetBrokerConfig: controlled + "ASYNC_MASTER\n", remoting.BrokerRuntime: `{"table":{"brokerVersionDesc":"V5_3_0","putTps":"NaN"}}`},
		"c1:9878": {remoting.ControllerMetadata: "false"},
		"c2:9878": {remoting.ControllerMetadata: "true", remoting.SyncStateSet: `{"replicasInfoTable":{"broker-a":{"masterAddress":"a0","inSyncReplicas":[{"brokerId":0,"brokerAddress":"a0","alive":true}],` +
			`"notInSyncReplicas":[{"brokerId":2,"brokerAddress":"a2","alive":true},{"brokerId":3,"brokerAddress":"a3","alive":false}]},"broker-b":{"inSyncReplicas":[{"brokerAddress":"b0"}]}}}`},
	}
	got := inspect.Nodes(t.Context(), brokers(), c.call)
	want := []mq.Node{
		{Broker: "broker-a", ID: 0, Address: "a0", Primary: true, Version: "V5_5_0", PutRate: 12.5, GetRate: 7, Disk: 0.42, From: 1000, To: 9000, Behind: 0, InSync: mq.InSync},
		{Broker: "broker-a", ID: 2, Address: "a2", Version: "V5_5_0", PutRate: 12.5, GetRate: 7, Disk: 0.42, From: 1000, To: 8200, Behind: 800, InSync: mq.NotInSync},
		{Broker: "broker-a", ID: 3, Address: "a3", PutRate: -1, GetRate: -1, Disk: -1, From: -1, To: -1, Behind: -1, InSync: mq.NotInSync, Why: "it cannot be reached"},
		{Broker: "broker-b", ID: 0, Address: "b0", Primary: true, Version: "V5_3_0", PutRate: -1, GetRate: -1, Disk: -1, From: -1, To: -1, Behind: -1, InSync: mq.InSync},
	}
	if !slices.Equal(got.Nodes, want) {
		t.Errorf("%+v", got.Nodes)
	}
	if want := []mq.Controller{{Address: "c1:9878"}, {Address: "c2:9878", Leader: true}}; !slices.Equal(got.Controllers, want) {
		t.Errorf("%+v", got.Controllers)
	}
}

// Without controllers, or while none of them answers, nobody knows who is in sync; a secondary may stand in the primary's place, which its settings tell.
func TestWithoutControllersNobodyIsSaidToBeInSync(t *testing.T) {
	c := cluster{
		"a0": {remoting.GetBrokerConfig: "brokerRole=SLAVE\n", remoting.BrokerRuntime: figures + `10"}}`},
		"a2": {remoting.GetBrokerConfig: "brokerRole=SLAVE\ncontrollerAddr=c1:9878\n", remoting.BrokerRuntime: "["},
		"b0": {remoting.GetBrokerConfig: "brokerRole=SYNC_MASTER\n", remoting.BrokerRuntime: figures + `-1"}}`},
	}
	got := inspect.Nodes(t.Context(), brokers(), c.call)
	if len(got.Nodes) != 4 || len(got.Controllers) != 0 {
		t.Fatalf("%+v", got)
	}
	for i, primary := range []bool{false, false, false, true} {
		if n := got.Nodes[i]; n.Primary != primary || n.InSync != mq.SyncUnknown || n.Behind != -1 || (n.Why == "") != (i == 0 || i == 3) {
			t.Errorf("%+v", n)
		}
	}
	c["a2"][remoting.GetBrokerConfig] = controlled + "SLAVE\n"
	got = inspect.Nodes(t.Context(), brokers(), c.call)
	if len(got.Controllers) != 2 || got.Controllers[0].Leader || got.Controllers[0].Why == "" || got.Nodes[0].InSync != mq.SyncUnknown {
		t.Errorf("controllers that do not answer: %+v", got)
	}
}
