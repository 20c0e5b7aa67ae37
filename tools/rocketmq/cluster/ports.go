// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// port finds a free port p with p-around to p+around free as well, below the range from which the kernel takes ports for outgoing
// connections. A broker listens at p-2 and p+1 too. A process listens seconds after its port was chosen, and several clusters may start at once, so each
// port is locked by a file for as long as its cluster lives, also while a process of it is down.
func (c *Cluster) port(around int) (int, error) {
	const least, most = 20000, 32000
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("causeway-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	c.mu.Lock()
	if c.next > 0 {
		defer c.mu.Unlock()
		from, to := c.next, c.next+2*around
		locks, ok := lockPorts(dir, from, to)
		if !ok {
			return 0, fmt.Errorf("cluster: a port from %d to %d is taken", from, to)
		}
		c.ports, c.next = append(c.ports, locks...), to+1
		return from + around, nil
	}
	c.mu.Unlock()
	start := least + os.Getpid()%(most-least)
	for i := range most - least {
		p := least + (start-least+i*7)%(most-least)
		if locks, ok := lockPorts(dir, p-around, p+around); ok {
			c.mu.Lock()
			c.ports = append(c.ports, locks...)
			c.mu.Unlock()
			return p, nil
		}
	}
	return 0, errors.New("cluster: no free ports")
}

// lockPorts takes all ports of a range, or none.
func lockPorts(dir string, from, to int) (locks []*os.File, ok bool) {
	defer func() {
		if !ok {
			for _, l := range locks {
				l.Close()
			}
		}
	}()
	for p := from; p <= to; p++ {
		lock, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(p)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return locks, false
		}
		locks = append(locks, lock)
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			return locks, false
		}
		l, err := net.Listen("tcp", local(p))
		if err != nil {
			return locks, false
		}
		l.Close()
	}
	return locks, true
}
