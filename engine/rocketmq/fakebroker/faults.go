// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// Harm is what a fault does to a request.
type Harm uint8

// The harms. The outcome of a request is unknown to its caller after Lose, LoseAnswer, Cut and CutAfter; it was carried out in the
// second and the fourth case only.
const (
	Answer     Harm = iota // answer with Code and Remark instead of doing it
	Lose                   // neither do nor answer
	LoseAnswer             // do, and do not answer
	Cut                    // end the connection instead of doing it
	CutAfter               // do, then end the connection without an answer
	Late                   // do it after Delay
)

// Fault harms requests as they arrive.
type Fault struct {
	Address string        // "" = every node
	Request remoting.Code // 0 = every request
	Skip    int           // so many pass first
	Times   int           // then so many are harmed; 0 = all
	Harm    Harm
	Code    remoting.Code // with Answer
	Remark  string
	Delay   time.Duration // with Late

	seen int
}

// Inject adds a fault; the first one that matches a request harms it.
func (c *Cluster) Inject(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
}

// Heal removes all faults.
func (c *Cluster) Heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

func (c *Cluster) faultLocked(r *call) *Fault {
	for _, f := range c.faults {
		if f.Address != "" && f.Address != r.conn.node.address || f.Request != 0 && f.Request != r.frame.Code {
			continue
		}
		f.seen++
		if f.seen > f.Skip && (f.Times == 0 || f.seen <= f.Skip+f.Times) {
			return f
		}
	}
	return nil
}

// Down kills a node: its connections are cut, new ones refused, its polls forgotten; what it stored stays.
func (c *Cluster) Down(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[address].down = true
	c.cutNodeLocked(address)
}

// Lose makes the name servers forget a broker, which goes on, or know it again: their connection was closed, or they were restarted.
func (c *Cluster) Lose(address string, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[address].lost = lost
}

// Up starts a node again.
func (c *Cluster) Up(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[address].down = false
}

// CutConnections ends every connection of a node, which goes on.
func (c *Cluster) CutConnections(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutNodeLocked(address)
}

func (c *Cluster) cutNodeLocked(address string) {
	for x := range c.conns {
		if x.node.address == address {
			x.cutLocked()
		}
	}
}

// Freeze stops a node without ending it, as SIGSTOP does: connections stay, requests wait.
func (c *Cluster) Freeze(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[address].frozen = true
}

// Thaw lets a frozen node go on with what arrived meanwhile.
func (c *Cluster) Thaw(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[address]
	n.frozen = false
	held := n.held
	n.held = nil
	for _, do := range held {
		do()
	}
}

// arrive takes a request in.
func (c *Cluster) arrive(r *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.conns[r.conn] {
		return
	}
	c.asked = append(c.asked, Asked{Address: r.conn.node.address, Code: int32(r.frame.Code)})
	if n := r.conn.node; n.frozen {
		n.held = append(n.held, func() { c.takeLocked(r) })
		return
	}
	c.takeLocked(r)
}

func (c *Cluster) takeLocked(r *call) {
	f := c.faultLocked(r)
	if f == nil {
		c.doLocked(r)
		return
	}
	switch f.Harm {
	case Answer:
		r.answer(&remoting.Frame{Code: f.Code, Remark: f.Remark})
	case Lose:
	case LoseAnswer:
		c.handleLocked(r)
	case Cut:
		r.conn.cutLocked()
	case CutAfter:
		c.handleLocked(r)
		r.conn.cutLocked()
	case Late:
		c.clock.AfterFunc(f.Delay, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.conns[r.conn] {
				c.doLocked(r)
			}
		})
	}
}

// doLocked carries a request out and answers, unless it was parked.
func (c *Cluster) doLocked(r *call) {
	if f := c.handleLocked(r); f != nil {
		r.answer(f)
	}
}
