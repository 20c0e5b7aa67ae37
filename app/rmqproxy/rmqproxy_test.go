// SPDX-License-Identifier: Apache-2.0

package rmqproxy

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhatApachesFileSaysIsTaken(t *testing.T) {
	s, found, err := Read([]byte(`{
		"rocketMQClusterName": "bank", "namesrvAddr": "10.0.0.1:9876;10.0.0.2:9876", "grpcServerPort": 18081, "proxyMode": "cluster",
		"authenticationEnabled": true, "authorizationEnabled": true, "grpcShutdownTimeSeconds": 45, "remotingListenPort": 8080, "grpcThreadPoolNums": 16,
		"innerClientAuthenticationCredentials": "{\"accessKey\":\"root\",\"secretKey\":\"hush\"}"}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Cluster != "bank" || !slices.Equal(s.NameServers, []string{"10.0.0.1:9876", "10.0.0.2:9876"}) || s.Port != 18081 || !s.Authentication || !s.Authorization ||
		s.Drain != 45*time.Second || s.AccessKey != "root" || s.SecretKey != "hush" {
		t.Errorf("%+v", s)
	}
	verdicts := map[string]Verdict{}
	for _, f := range found {
		verdicts[f.Key] = f.Verdict
		if f.Why == "" {
			t.Errorf("%s: no reason", f.Key)
		}
	}
	if len(found) != 10 || verdicts["namesrvAddr"] != Taken || verdicts["remotingListenPort"] != Ignored || verdicts["grpcThreadPoolNums"] != NotNeeded {
		t.Errorf("%v", verdicts)
	}
}

func TestWhatMakesNoSenseIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"namesrvAdr": "x"}`:            `namesrvAdr: Apache's proxy 5.5.0 has no such key; did you mean "namesrvAddr"?`,
		`{"grpcServerPort": "8082"}`:     `grpcServerPort: "8082": a whole number without quotes is needed`,
		`{"enableACL": false}`:           "enableACL: Apache's proxy 5.5.0 has no such key any more: it was the switch of ACL 1.0",
		"{\n\"proxyMode\" \"CLUSTER\"}":  "not a JSON object: line 2: ",
		`{"proxyMode": "LOCAL"}`:         `proxyMode: "LOCAL": only CLUSTER`,
		`{"proxyMode": "CLUSTER"`:        "not a JSON object",
		`[]`:                             "not a JSON object",
		`{"authenticationEnabled": "x"}`: "authenticationEnabled: ",
		`{"innerClientAuthenticationCredentials": "root:hush"}`: "innerClientAuthenticationCredentials: a text such as",
	} {
		_, _, err := Read([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestEveryKeyHasAVerdictAndAReason(t *testing.T) {
	all := Keys()
	if len(all) < 180 {
		t.Fatalf("%d keys: 5.5.0 has more", len(all))
	}
	taken := 0
	for key, f := range all {
		if f.Verdict != Taken && f.Verdict != NotNeeded && f.Verdict != Ignored || f.Why == "" || key == "" {
			t.Errorf("%+v", f)
		}
		if f.Verdict == Taken {
			taken++
		}
	}
	if taken != 11 {
		t.Errorf("%d keys are said to be taken, settings reads 11", taken)
	}
}

func TestAllThatIsWrongInApachesFileIsToldAtOnce(t *testing.T) {
	s, found, err := Read([]byte(`{"enableACL": true, "grpcServrPort": 8082, "grpcServerPort": "8082", "proxyMode": "LOCAL", "rocketMQClusterName": "bank", "maxMessageSize": 1}`))
	if got := Unread(err); !slices.Equal(got, []string{"enableACL", "grpcServerPort", "grpcServrPort", "proxyMode"}) {
		t.Errorf("%v: %v", got, err)
	}
	if s.Cluster != "bank" || len(found) != 4 {
		t.Errorf("what could be read is %+v, %v", s, found)
	}
}

// A bound that somebody chose and that does not hold here must not look as if it did.
func TestAKeyThatIsIgnoredSaysWhatIsLost(t *testing.T) {
	_, found, err := Read([]byte(`{"maxMessageSize": 1048576, "metricsExporterType": "DISABLE", "enableTopicMessageTypeCheck": false, "enableProxyAutoRenew": true,
		"tlsKeyPassword": "hush", "authenticationWhitelist": "", "maxDelayTimeMills": 3600000, "remotingListenPort": 8080}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"maxMessageSize": "ignored: bodies are bounded by 4 MiB; the file says 1 MiB", "metricsExporterType": "not needed: ", "enableProxyAutoRenew": "not needed: ",
		"enableTopicMessageTypeCheck": "ignored: a message must be of a type that its topic takes; the file says false",
		"tlsKeyPassword":              "ignored: ", "authenticationWhitelist": "not needed: ", "maxDelayTimeMills": "ignored: the longest delay is what the brokers take; the file says 1h0m0s",
		"remotingListenPort": "ignored: clients of RocketMQ 4 are not served yet",
	}
	for _, f := range found {
		if got := string(f.Verdict) + ": " + f.Why; !strings.HasPrefix(got, want[f.Key]) || strings.Contains(got, "hush") {
			t.Errorf("%s: %q, want %q", f.Key, got, want[f.Key])
		}
	}
}
