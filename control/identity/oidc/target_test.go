// SPDX-License-Identifier: Apache-2.0

package oidc

import "testing"

func TestRow97NoProviderIsAtAnAddressOfTheMachineOrItsCloud(t *testing.T) {
	for address, want := range map[string]bool{
		"203.0.113.7:443": true, "10.1.2.3:443": true, "[2001:db8::1]:443": true,
		"127.0.0.1:443": false, "[::1]:443": false, "[::ffff:127.0.0.1]:443": false, "169.254.169.254:80": false, "[fe80::1%eth0]:443": false,
		"[fd00:ec2::254]:80": false, "0.0.0.0:80": false, "[::]:80": false, "224.0.0.1:80": false, "nonsense": false,
	} {
		if err := target(address, false); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := target("127.0.0.1:443", true); err != nil {
		t.Errorf("of a provider that is named to be here: %v", err)
	}
	if err := target("169.254.169.254:80", true); err == nil {
		t.Error("a provider here leads to the cloud's metadata")
	}
}
