// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package procpace

import "time"

// spent is not known here.
func spent() (time.Duration, bool) { return 0, false }
