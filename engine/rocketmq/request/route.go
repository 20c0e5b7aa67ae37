// SPDX-License-Identifier: Apache-2.0

package request

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// Bits of a topic's permission.
const (
	MayWrite   = 2
	MayRead    = 4
	MayInherit = 1
)

// PrimaryID is the id of the broker of a name that takes writes.
const PrimaryID = 0

// RouteOf asks a name server for a topic's route. It asks for standard JSON: older forms have numbers for names.
type RouteOf struct {
	Topic    string
	Standard bool
}

// Walk visits the fields.
func (h *RouteOf) Walk(w *remoting.Walker) {
	w.Text("topic", &h.Topic)
	w.Bool("acceptStandardJsonOnly", &h.Standard)
}

// Route is where a topic's queues lie.
type Route struct {
	Queues  []RouteQueues
	Brokers []Broker
}

// RouteQueues is a topic's queues on one broker name.
type RouteQueues struct {
	Broker     string
	Read       int32
	Write      int32
	Permission int32 // MayRead, MayWrite
}

// Broker is the replicas of one name.
type Broker struct {
	Cluster   string
	Name      string
	Addresses map[int64]string // by id; PrimaryID takes writes, unless Acting
	Acting    bool             // a secondary may stand under PrimaryID, without the right to write
}

// ParseRoute reads the answer's body.
func ParseRoute(body []byte) (Route, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return Route{}, fmt.Errorf("%w: route: %w", ErrAnswer, err)
	}
	var r Route
	for _, q := range v.Get("queueDatas").Items() {
		r.Queues = append(r.Queues, RouteQueues{
			Broker: q.Get("brokerName").String(), Read: int32(q.Get("readQueueNums").Or(0)), Write: int32(q.Get("writeQueueNums").Or(0)),
			Permission: int32(q.Get("perm").Or(0)),
		})
	}
	for _, b := range v.Get("brokerDatas").Items() {
		r.Brokers = append(r.Brokers, parseBroker(b))
	}
	return r, nil
}

func parseBroker(v fastjson.Value) Broker {
	b := Broker{
		Cluster: v.Get("cluster").String(), Name: v.Get("brokerName").String(), Acting: v.Get("enableActingMaster").True(),
		Addresses: map[int64]string{},
	}
	for id, address := range v.Get("brokerAddrs").Members() {
		b.Addresses[id.Or(-1)] = address.String()
	}
	return b
}

// AppendJSON appends the route as a name server writes it.
func (r Route) AppendJSON(b []byte) []byte {
	b = append(b, `{"brokerDatas":[`...)
	for i, x := range r.Brokers {
		if i > 0 {
			b = append(b, ',')
		}
		b = x.appendJSON(b)
	}
	b = append(b, `],"filterServerTable":{},"queueDatas":[`...)
	for i, q := range r.Queues {
		if i > 0 {
			b = append(b, ',')
		}
		b = fastjson.AppendString(append(b, `{"brokerName":`...), q.Broker)
		b = fmt.Appendf(b, `,"perm":%d,"readQueueNums":%d,"topicSysFlag":0,"writeQueueNums":%d}`, q.Permission, q.Read, q.Write)
	}
	return append(b, "]}"...)
}

func (x Broker) appendJSON(b []byte) []byte {
	b = append(b, `{"brokerAddrs":{`...)
	ids := make([]int64, 0, len(x.Addresses))
	for id := range x.Addresses {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = fastjson.AppendString(b, strconv.FormatInt(id, 10))
		b = fastjson.AppendString(append(b, ':'), x.Addresses[id])
	}
	b = fastjson.AppendString(append(b, `},"brokerName":`...), x.Name)
	b = fastjson.AppendString(append(b, `,"cluster":`...), x.Cluster)
	return fmt.Appendf(b, `,"enableActingMaster":%v}`, x.Acting)
}

// Cluster is every broker that a name server knows.
type Cluster struct {
	Brokers  map[string]Broker   // by name
	Clusters map[string][]string // names of brokers
}

// ParseCluster reads the answer's body.
func ParseCluster(body []byte) (Cluster, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return Cluster{}, fmt.Errorf("%w: cluster: %w", ErrAnswer, err)
	}
	c := Cluster{Brokers: map[string]Broker{}, Clusters: map[string][]string{}}
	for name, b := range v.Get("brokerAddrTable").Members() {
		c.Brokers[name.String()] = parseBroker(b)
	}
	for name, brokers := range v.Get("clusterAddrTable").Members() {
		for _, b := range brokers.Items() {
			c.Clusters[name.String()] = append(c.Clusters[name.String()], b.String())
		}
	}
	return c, nil
}

// AppendJSON appends the cluster as a name server writes it.
func (c Cluster) AppendJSON(b []byte) []byte {
	b = append(b, `{"brokerAddrTable":{`...)
	first := true
	comma := func() {
		if !first {
			b = append(b, ',')
		}
		first = false
	}
	for name, x := range c.Brokers {
		comma()
		b = fastjson.AppendString(b, name)
		b = x.appendJSON(append(b, ':'))
	}
	b = append(b, `},"clusterAddrTable":{`...)
	first = true
	for name, brokers := range c.Clusters {
		comma()
		b = fastjson.AppendString(b, name)
		b = append(b, ':', '[')
		for i, x := range brokers {
			if i > 0 {
				b = append(b, ',')
			}
			b = fastjson.AppendString(b, x)
		}
		b = append(b, ']')
	}
	return append(b, "}}"...)
}

// AppendHeartbeat appends the body of a heartbeat that announces producers' groups, at whose connection transactions are checked.
func AppendHeartbeat(b []byte, client string, producers []string) []byte {
	b = fastjson.AppendString(append(b, `{"clientID":`...), client)
	b = append(b, `,"consumerDataSet":[],"producerDataSet":[`...)
	for i, g := range producers {
		if i > 0 {
			b = append(b, ',')
		}
		b = fastjson.AppendString(append(b, `{"groupName":`...), g)
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

// ParseHeartbeat reads the client and its producers' groups.
func ParseHeartbeat(body []byte) (client string, producers []string, err error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return "", nil, err
	}
	for _, p := range v.Get("producerDataSet").Items() {
		producers = append(producers, p.Get("groupName").String())
	}
	return v.Get("clientID").String(), producers, nil
}
