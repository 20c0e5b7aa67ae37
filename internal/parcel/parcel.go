// SPDX-License-Identifier: Apache-2.0

// Package parcel packs what proxies tell control planes: JSON under gzip, bounded where it is unpacked.
package parcel

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Pack writes a value for its way, fast rather than small: a full proxy has megabytes to tell at once.
func Pack(v any) ([]byte, error) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	err = errors.Join(json.NewEncoder(z).Encode(v), z.Close())
	return packed.Bytes(), err
}

// Unpack reads what Pack wrote. More than so many bytes of JSON, and fields that into does not have, are refused.
func Unpack(packed io.Reader, most int64, into any) error {
	z, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	bounded := &io.LimitedReader{R: z, N: most + 1}
	dec := json.NewDecoder(bounded)
	dec.DisallowUnknownFields()
	err = dec.Decode(into)
	if err != nil && bounded.N <= 0 {
		return fmt.Errorf("the report has more than %d bytes", most)
	}
	return err
}
