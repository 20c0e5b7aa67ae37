// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/app/follow"
	"github.com/causeway-mq/causeway/internal/strictyaml"
)

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAProxyStartsFromApachesFile(t *testing.T) {
	path := written(t, "rmq-proxy.json", `{"rocketMQClusterName":"bank","namesrvAddr":"10.0.0.1:9876","grpcServerPort":8181,"authenticationEnabled":true,"enableBatchAck":true}`)
	c, report, err := LoadProxyConfig(path)
	if err != nil || c.Validate() != nil {
		t.Fatal(err, c.Validate())
	}
	if c.Listen != "0.0.0.0:8181" || len(c.Clusters) != 1 || c.Clusters[0].Name != "bank" || !c.Authentication || len(report) != 5 || c.Drain != Duration(20*time.Second) {
		t.Errorf("%+v, %v", c, report)
	}
}

func TestAProxyStartsFromAFileOfItsOwn(t *testing.T) {
	c, report, err := LoadProxyConfig(written(t, "proxy.yaml", "role: consume\nadvertise: [\"10.0.0.1:8081=produce\", \"10.0.0.2:8081=consume\"]\nclusters:\n- name: bank\n  namesrv: [\"10.0.0.1:9876\"]\n"))
	if err != nil || c.Validate() != nil || report != nil || c.Role != "consume" || c.Clusters[0].NameServers[0] != "10.0.0.1:9876" {
		t.Errorf("%+v, %v, %v, %v", c, report, err, c.Validate())
	}
}

func TestAProxySaysAllThatIsWrong(t *testing.T) {
	c := DefaultProxyConfig()
	c.Listen, c.HTTP, c.Role, c.Authorization, c.SealKeys, c.Advertise = "8081", "0.0.0.0:8090", "all", true, "/nowhere/seal.keys", []string{"10.0.0.1:8081=some"}
	c.Clusters = []ClusterConfig{{Name: "a b", AccessKey: "root"}, {Name: "a b", NameServers: []string{"x"}, TLS: true, CA: "/nowhere/ca.pem"}}
	err := c.Validate()
	for _, want := range []string{
		"listen: ", "token: required because http", "role: ", "authorization: goes with authentication", "seal_keys: ", "advertise[0]: ", "clusters: 2 clusters need a catalog",
		"clusters[0].name: ", "clusters[0].namesrv: at least one", "clusters[0]: access_key and secret_key go together", "clusters[1].name: \"a b\" is there twice",
		"clusters[1].namesrv[0]: ", "clusters[1].ca: ",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in:\n%v", want, err)
		}
	}
	if err := DefaultProxyConfig().Validate(); err == nil || !strings.Contains(err.Error(), "--namesrv") {
		t.Errorf("no cluster at all: %v", err)
	}
}

func TestTheExampleOfTheDocumentsIsAConfiguration(t *testing.T) {
	c, _, err := LoadProxyConfig("../docs/examples/proxy.yaml")
	if err == nil {
		err = c.Validate()
	}
	if err != nil || len(c.Clusters) != 2 || c.Clusters[1].BrokersName != "DefaultCluster" {
		t.Errorf("%+v, %v", c.Clusters, err)
	}
}

func TestTheExampleOfTheDocumentsNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile("../docs/examples/proxy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, all := range [][]string{strictyaml.Keys(ProxyConfig{}), strictyaml.Keys(ClusterConfig{}), strictyaml.Keys(TLSConfig{}), strictyaml.Keys(ProxyProtocol{}), strictyaml.Keys(follow.Config{})} {
		for _, key := range all {
			if !strings.Contains(string(text), key+":") {
				t.Errorf("nothing of %s", key)
			}
		}
	}
}

func TestSeveralClustersNeedACatalogAndACatalogSaysWhoGetsIn(t *testing.T) {
	two := DefaultProxyConfig()
	two.Clusters = []ClusterConfig{{Name: "a", NameServers: []string{"h:1"}}, {Name: "b", NameServers: []string{"h:2"}}}
	if err := two.Validate(); err == nil || !strings.Contains(err.Error(), "need a catalog") {
		t.Errorf("%v", err)
	}
	two.Catalog = "catalog.yaml"
	if err := two.Validate(); err != nil {
		t.Error(err)
	}
	two.Authentication = true
	if err := two.Validate(); err == nil || !strings.Contains(err.Error(), "says who gets in") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsWrongInApachesFileIsSaidInItsOwnKeys(t *testing.T) {
	c, _, failed := LoadProxyConfig(written(t, "rmq-proxy.json", `{"rocketMQClusterName":"a b","tlsCertPath":"/nowhere/cert.pem","enableACL":true,"grpcServerPort":"8082","authorizationEnabled":true}`))
	err := c.Validate()
	for _, want := range []string{"rmq-proxy.json: ", "enableACL: ", "grpcServerPort: ", "namesrvAddr: at least one", "rocketMQClusterName: ", "tlsCertPath: ", "authorizationEnabled: goes with authentication"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in:\n%v", want, err)
		}
	}
	if failed == nil || strings.Contains(err.Error(), "clusters[0]") || strings.Contains(err.Error(), "tls.cert") || strings.Count(err.Error(), "grpcServerPort") != 1 {
		t.Errorf("%v, then\n%v", failed, err)
	}
}

func TestAFileOfAProxyTellsEverythingAtOnceAndFlagsStandNowhereInIt(t *testing.T) {
	c, _, err := LoadProxyConfig(written(t, "proxy.yaml", "lisen: x\ndrain: 5\nrole: all\nlog_level: loud\nclusters:\n- name: a b\n  namesrv: [x]\n"))
	if err == nil || !strings.Contains(err.Error(), "lisen: unknown key") {
		t.Error(err)
	}
	c.LogLevel = "louder"
	c.Flagged("log_level")
	err = c.Validate()
	want := []string{"line 1: lisen: unknown key", "line 2: drain", `line 3: role: "all"`, `line 6: clusters[0].name: "a b"`, `line 7: clusters[0].namesrv[0]: "x"`, "log_level: "}
	for i, line := range strings.Split(strings.TrimPrefix(err.Error(), c.from.path+": "), "\n") {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d of:\n%v", i, err)
		}
	}
}

func TestARoleThatContradictsWhatClientsAreToldIsRefused(t *testing.T) {
	for _, c := range []struct{ role, advertise, says string }{
		{"consume", "10.0.0.1:8081=produce", "advertise[0]: 10.0.0.1:8081=produce is this proxy, whose role is consume"},
		{"produce", "10.0.0.1:8081=produce", ""},
		{"consume", "10.0.0.1:8081", ""},
		{"produce", "0.0.0.0:8081=consume 10.0.0.2:8081=produce", "advertise[0]: 0.0.0.0:8081=consume is this proxy"},
		{"both", "10.0.0.1:8081=produce 10.0.0.2:8081=produce", "none of those that clients are sent to hands messages out"},
		{"consume", "10.0.0.1:8081=produce 10.0.0.2:8081=produce", "none of those that clients are sent to hands messages out"},
		{"produce", "10.0.0.1:8081=consume 10.0.0.2:8081=consume", "none of those that clients are sent to takes messages"},
		{"consume", "10.0.0.1:8081=produce 10.0.0.2:8081=consume", ""},
	} {
		config := DefaultProxyConfig()
		config.Role, config.Advertise = c.role, strings.Fields(c.advertise)
		config.Clusters = []ClusterConfig{{Name: "a", NameServers: []string{"h:1"}}}
		err := config.Validate()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %s: %v, want %q", c.role, c.advertise, err, c.says)
		}
	}
}
