// SPDX-License-Identifier: Apache-2.0

//go:build unix

package remoting

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// nowWriter offers bytes to the kernel without waiting. Only plain TCP can; with anything else it takes nothing.
type nowWriter struct {
	raw   syscall.RawConn
	try   func(fd uintptr) bool // bound once: a write allocates nothing
	bytes []byte
	n     int
	err   error
}

func (w *nowWriter) open(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // the flusher's first write will say why
	}
	w.raw = raw
	w.try = func(fd uintptr) bool {
		w.n, w.err = unix.Write(int(fd), w.bytes)
		return true // whatever came of it, do not wait
	}
}

// write gives how many bytes the kernel took.
func (w *nowWriter) write(b []byte) (n int, err error) {
	if w.raw == nil {
		return 0, nil
	}
	w.bytes = b
	err = w.raw.Write(w.try)
	w.bytes = nil
	switch {
	case err != nil:
		return 0, err
	case errors.Is(w.err, unix.EAGAIN), errors.Is(w.err, unix.EINTR):
		return 0, nil
	case w.err != nil:
		return 0, w.err
	}
	return max(w.n, 0), nil
}
