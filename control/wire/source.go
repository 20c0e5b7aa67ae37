// SPDX-License-Identifier: Apache-2.0

package wire

import "embed"

// Source is this package as it is written: what stands beside its types and fields describes them in the API's document.
//
//go:embed *.go
var Source embed.FS
