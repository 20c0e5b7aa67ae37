// SPDX-License-Identifier: Apache-2.0

package fsys

// Range is a part of a file, To not included.
type Range struct{ From, To int64 }

// Sparse is what a File may offer besides: a way past blocks that were reserved and never written.
type Sparse interface {
	// NextData returns the first range at or behind off that may hold bytes other than zero. What it leaves out reads
	// zero. A range that begins at the size of the file is empty and the last.
	NextData(off int64) (Range, error)
	// Forget lets go of cached blocks from off on that need not be written. It is a hint and has no effect on content.
	Forget(off int64)
}

// Forget gives f the hint if it takes it.
func Forget(f File, off int64) {
	if s, ok := f.(Sparse); ok {
		s.Forget(off)
	}
}

// DataRanges returns the parts of f from off on that may hold bytes other than zero. Ask before reading: on some file
// systems a block that was read, zeros or not, counts as data from then on.
func DataRanges(f File, off int64) ([]Range, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	s, ok := f.(Sparse)
	if !ok {
		return []Range{{off, max(off, size)}}, nil
	}
	var list []Range
	for off < size {
		r, err := s.NextData(off)
		if err != nil {
			return nil, err
		}
		if r.From >= r.To {
			break
		}
		list = append(list, r)
		off = r.To
	}
	return list, nil
}
