// SPDX-License-Identifier: Apache-2.0

// Package produce is the way of a message from a producer to an engine.
package produce
