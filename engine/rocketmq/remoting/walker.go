// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"fmt"
	"strconv"
)

// Header is the typed form of a command's fields. One method serves both directions, so that what is written and what is read
// cannot drift apart.
type Header interface {
	// Walk visits every field once, by its wire name.
	Walk(w *Walker)
}

// Walker writes a Header's fields or reads them, whichever it was made for.
type Walker struct {
	fields  *Fields
	reading bool
	err     error // of reading: the first field that is missing or malformed
}

func (w *Walker) get(name string, required bool) (value []byte, ok bool) {
	value, ok = w.fields.Get(name)
	if !ok && required && w.err == nil {
		w.err = fmt.Errorf("%w: field %s is missing", ErrFrame, name)
	}
	return value, ok
}

// Text is a required string.
func (w *Walker) Text(name string, v *string) {
	if !w.reading {
		w.fields.Add(name, *v)
		return
	}
	b, _ := w.get(name, true)
	*v = string(b)
}

// TextIf is a string that is left out when empty.
func (w *Walker) TextIf(name string, v *string) {
	if !w.reading {
		if *v != "" {
			w.fields.Add(name, *v)
		}
		return
	}
	b, _ := w.get(name, false)
	*v = string(b)
}

// Int is a required whole number.
func (w *Walker) Int(name string, v *int64) { w.int(name, v, true) }

// IntIf is a whole number that a peer may leave out; it is always written. Missing reads as otherwise.
func (w *Walker) IntIf(name string, v *int64, otherwise int64) {
	if w.reading {
		*v = otherwise
	}
	w.int(name, v, false)
}

func (w *Walker) int(name string, v *int64, required bool) {
	if !w.reading {
		w.fields.AddInt(name, *v)
		return
	}
	b, ok := w.get(name, required)
	if !ok {
		return
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("%w: field %s is no whole number: %.40q", ErrFrame, name, b)
	}
	*v = n
}

// Int32 is a required whole number of 32 bits.
func (w *Walker) Int32(name string, v *int32) {
	wide := int64(*v)
	w.int(name, &wide, true)
	if w.reading {
		w.narrow(name, wide, v)
	}
}

// Int32If is a whole number of 32 bits that a peer may leave out; it is always written. Missing reads as otherwise.
func (w *Walker) Int32If(name string, v *int32, otherwise int32) {
	wide := int64(*v)
	w.IntIf(name, &wide, int64(otherwise))
	if w.reading {
		w.narrow(name, wide, v)
	}
}

func (w *Walker) narrow(name string, wide int64, v *int32) {
	*v = int32(wide)
	if int64(*v) != wide && w.err == nil {
		w.err = fmt.Errorf("%w: field %s is out of range: %d", ErrFrame, name, wide)
	}
}

// Bool is a flag; missing reads as false.
func (w *Walker) Bool(name string, v *bool) {
	if !w.reading {
		w.fields.Add(name, strconv.FormatBool(*v))
		return
	}
	b, _ := w.get(name, false)
	*v = string(b) == "true"
}

// Reading tells whether fields are read. A Walk needs it only for fields that brokers must not see at all when they are unset.
func (w *Walker) Reading() bool { return w.reading }
