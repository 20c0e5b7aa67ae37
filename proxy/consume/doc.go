// SPDX-License-Identifier: Apache-2.0

// Package consume is the way of a message from an engine to a consumer until it is settled.
package consume
