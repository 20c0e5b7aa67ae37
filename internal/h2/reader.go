// SPDX-License-Identifier: Apache-2.0

package h2

import "io"

// reader gives a connection's bytes in pieces of the size asked for, without a copy where it can.
type reader struct {
	from io.Reader
	buf  []byte
	r, w int // what is in buf and was not given out
}

// next gives n bytes, at most len(buf). They are valid until the next call.
func (r *reader) next(n int) ([]byte, error) {
	for r.w-r.r < n {
		if len(r.buf)-r.r < n || r.r == r.w {
			r.w = copy(r.buf, r.buf[r.r:r.w])
			r.r = 0
		}
		k, err := r.from.Read(r.buf[r.w:])
		if r.w += k; err != nil && r.w-r.r < n {
			if err == io.EOF && r.w > r.r {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	p := r.buf[r.r : r.r+n : r.r+n]
	r.r += n
	return p, nil
}
