// SPDX-License-Identifier: Apache-2.0

// Package route decides which queues at which endpoints a client may use.
package route
