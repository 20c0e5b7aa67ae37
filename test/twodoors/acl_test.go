// SPDX-License-Identifier: Apache-2.0

package twodoors_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

const (
	authentication = "org.apache.rocketmq.auth.authentication.provider."
	authorization  = "org.apache.rocketmq.auth.authorization.provider."
)

// closedBroker is a broker that checks every request.
func closedBroker(inner remoting.Credentials) cluster.Broker {
	return cluster.Broker{Name: "broker-a", Settings: map[string]string{
		"authenticationEnabled":                "true",
		"authenticationProvider":               authentication + "DefaultAuthenticationProvider",
		"authenticationMetadataProvider":       authentication + "LocalAuthenticationMetadataProvider",
		"initAuthenticationUser":               fmt.Sprintf(`{"username":%q,"password":%q}`, inner.AccessKey, inner.Secret),
		"innerClientAuthenticationCredentials": fmt.Sprintf(`{"accessKey":%q,"secretKey":%q}`, inner.AccessKey, inner.Secret),
		"authorizationEnabled":                 "true",
		"authorizationProvider":                authorization + "DefaultAuthorizationProvider",
		"authorizationMetadataProvider":        authorization + "LocalAuthorizationMetadataProvider",
	}}
}

// closedApache is the configuration of Apache's proxy before such brokers.
func closedApache(inner remoting.Credentials) string {
	return fmt.Sprintf(`"enableAclRpcHookForClusterMode":true,"authenticationEnabled":true,"authenticationProvider":"%sDefaultAuthenticationProvider",`+
		`"authenticationMetadataProvider":"org.apache.rocketmq.proxy.auth.ProxyAuthenticationMetadataProvider","authorizationEnabled":true,`+
		`"authorizationProvider":"%sDefaultAuthorizationProvider","authorizationMetadataProvider":"org.apache.rocketmq.proxy.auth.ProxyAuthorizationMetadataProvider",`+
		`"innerClientAuthenticationCredentials":"{\"accessKey\":\"%s\",\"secretKey\":\"%s\"}"`, authentication, authorization, inner.AccessKey, inner.Secret)
}

// TestTheClustersUsersAndRulesHoldOnARealCluster: who may what at Apache's proxy may the same at Causeway, by the users and rules that the brokers keep.
func TestTheClustersUsersAndRulesHoldOnARealCluster(t *testing.T) {
	t.Parallel()
	inner := remoting.Credentials{AccessKey: "root", Secret: "root-secret-1"}
	w := town.NewOf(t, inner, closedBroker(inner))
	config := filepath.Join(t.TempDir(), "proxy.yaml")
	text := fmt.Sprintf("clusters:\n- name: %s\n  namesrv: [%q]\n  access_key: %s\n  secret_key: %s\n", w.Cluster.Name(), w.Cluster.NameServers()[0], inner.AccessKey, inner.Secret)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.More = []string{"--config", config, "--authentication", "--authorization"}
	plain, billing := w.Topics["plain"].Name, w.Groups["billing"].Name
	for user, rights := range map[string][]mq.Right{
		"sender": {{Verb: mq.Publish, Topic: plain}},
		"reader": {{Verb: mq.Subscribe, Topic: plain}, {Verb: mq.Subscribe, Group: billing}},
		"nobody": {{Verb: mq.Publish, Topic: w.Topics["lanes"].Name}},
	} {
		if err := w.Engine.PutRights(t.Context(), mq.Principal{Name: user, Secret: user + "-secret"}, rights); err != nil {
			t.Fatal(err)
		}
	}
	apache, err := w.Cluster.ApacheProxy(t.Context(), closedApache(inner))
	if err != nil {
		t.Fatal(err)
	}
	n := &crowd.IDs{}
	for where, at := range map[string]crowd.Entrance{"Causeway": w.Open(), "Apache's proxy": crowd.Elsewhere{Address: apache.Address}} {
		for _, c := range []struct {
			name, key, secret string
			send, receive     string // what the answer says, "" for none
		}{
			{"unsigned", "", "", "UNAUTHORIZED", "UNAUTHORIZED"},
			{"a user that is unknown", "stranger", "x", "UNAUTHORIZED", "UNAUTHORIZED"},
			{"a wrong secret", "sender", "x", "UNAUTHORIZED", "UNAUTHORIZED"},
			{"the sender", "sender", "sender-secret", "", "FORBIDDEN"},
			{"the reader", "reader", "reader-secret", "FORBIDDEN", ""},
			{"a user of another topic", "nobody", "nobody-secret", "FORBIDDEN", "FORBIDDEN"},
			{"the super user", inner.AccessKey, inner.Secret, "", ""},
		} {
			cl := crowd.Dial(t, at, strings.ReplaceAll(where+c.name, " ", "-"))
			cl.Key = [2]string{c.key, c.secret}
			settings := crowd.PushConsumerOf("billing", "plain")
			settings.ClientType = v2.ClientType_SIMPLE_CONSUMER.Enum()
			_ = cl.Listen(settings, func(*v2.TelemetryCommand) {}) // refused for those who may not receive, which the next answer says too
			_, sending := cl.Send(crowd.Letter("plain", n.Next(), "x"))
			_, receiving := cl.Receive(crowd.Receiving{Topic: "plain", Group: "billing", Max: 16, Hold: 10 * time.Second, Poll: 5 * time.Second})
			for what, got := range map[string][2]string{"send": {said(sending), c.send}, "receive": {said(receiving), c.receive}} {
				if where != "Causeway" { // it has one word for who somebody is and what he may
					got[1] = strings.ReplaceAll(got[1], "FORBIDDEN", "UNAUTHORIZED")
				}
				if !strings.Contains(got[0], got[1]) || (got[0] == "") != (got[1] == "") {
					t.Errorf("%s: %s: %s: %q, want %q", where, c.name, what, got[0], got[1])
				}
			}
		}
	}
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
