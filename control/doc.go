// SPDX-License-Identifier: Apache-2.0

// Package control holds the use cases of the control plane: who owns which tenants, applications, topics, groups.
package control
