// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Ops is the proxies' port for health and figures.
type Ops struct {
	Address string `yaml:"address" doc:"where it listens: host (the host's own address), or an address such as 0.0.0.0; empty: 127.0.0.1, which neither a load balancer nor a distant Prometheus reaches"`
	Token   string `yaml:"token" secret:"true" doc:"bearer token of /metrics, /clients and the doctor, 16 bytes or more; needed off the loopback interface; /readyz and /healthz are open"`
}

// TLS is a certificate.
type TLS struct {
	Cert string `yaml:"cert" doc:"PEM file of the certificate chain, on the hosts"`
	Key  string `yaml:"key" doc:"PEM file of its key"`
}

// ACL is the user with which brokers and proxies speak to brokers. Others are made on the running brokers.
type ACL struct {
	User   string `yaml:"user" doc:"the super user that brokers begin with, and with which proxies speak to them"`
	Secret string `yaml:"secret" secret:"true" doc:"its secret"`
}

// shortestToken is how many bytes proxies want of a token where others than their machine can try it.
const shortestToken = 16

// ownAddress lets the ops port listen at its host's address.
const ownAddress = "host"

// opsHost is where the proxies of a host serve health and figures.
func (p *Plan) opsHost(h Host) string {
	switch p.Ops.Address {
	case "":
		return "127.0.0.1"
	case ownAddress:
		return h.Address
	default:
		return p.Ops.Address
	}
}

// opsFrom is where others reach the n-th proxy of a host for health and figures; "" when they do not.
func (p *Plan) opsFrom(h Host, n int) string {
	if p.Ops.Address == "" {
		return ""
	}
	return net.JoinHostPort(h.Address, strconv.Itoa(p.Ports.Ops+h.Shift+n))
}

func (p *Plan) checkAccess(bad complain) {
	// What files and headers take as it stands.
	plain := regexp.MustCompile(`^[A-Za-z0-9._~+/=-]*$`)
	for key, word := range map[string]string{"ops.token": p.Ops.Token, "acl.user": p.ACL.User, "acl.secret": p.ACL.Secret} {
		if !plain.MatchString(word) {
			bad(key, "letters, digits and . _ ~ + / = - only")
		}
	}
	if p.Ops.Address != "" && p.Ops.Address != ownAddress && net.ParseIP(p.Ops.Address) == nil {
		bad("ops.address", "%q: host, or an IP address", p.Ops.Address)
	}
	for _, x := range p.Proxies {
		h := p.host(x.Host)
		if h == nil || len(p.Ops.Token) >= shortestToken {
			continue
		}
		if at := net.ParseIP(p.opsHost(*h)); at == nil || !at.IsLoopback() {
			bad("ops.token", "%d bytes; %d are needed since %s serves its figures at %s, which is not the loopback interface", len(p.Ops.Token), shortestToken, h.Name, p.opsHost(*h))
			break
		}
	}
	for _, pair := range [][4]string{{"tls", "cert", p.TLS.Cert, p.TLS.Key}, {"acl", "user", p.ACL.User, p.ACL.Secret}} {
		if (pair[2] == "") != (pair[3] == "") {
			bad(pair[0], "%s and its counterpart go together; only one is given", pair[1])
		}
	}
}

func (p *Plan) checkSizes(bad complain) {
	for key, size := range map[string]string{"heaps.name_server": p.Heaps.NameServer, "heaps.controller": p.Heaps.Controller, "commit_log": p.CommitLog} {
		if _, err := bytesOf(size); err != nil {
			bad(key, "%v", err)
		}
	}
	for key, path := range map[string]string{
		"paths.rocketmq": p.Paths.RocketMQ, "paths.data": p.Paths.Data, "paths.causeway": p.Paths.Causeway, "paths.config": p.Paths.Config,
	} {
		if !filepath.IsAbs(path) || strings.ContainsAny(path, " \t%'\"$") {
			bad(key, "%q: an absolute path without space, quote, dollar or per cent sign, which systemd reads in its own way", path)
		}
	}
	for key, path := range map[string]string{"tls.cert": p.TLS.Cert, "tls.key": p.TLS.Key, "seal_keys": p.SealKeys} {
		if path != "" && !filepath.IsAbs(path) {
			bad(key, "%q: an absolute path is needed", path)
		}
	}
	for key, port := range map[string]int{
		"name_server": p.Ports.NameServer, "controller": p.Ports.Controller, "broker": p.Ports.Broker, "proxy": p.Ports.Proxy, "ops": p.Ports.Ops,
	} {
		if port < 3 || port > 65_000 {
			bad("ports."+key, "%d: from 3 to 65000", port)
		}
	}
}

// access is the brokers' settings of ACL 2.0, none without a user.
func (p *Plan) access() map[string]string {
	if p.ACL.User == "" {
		return nil
	}
	const authentication, authorization = "org.apache.rocketmq.auth.authentication.provider.", "org.apache.rocketmq.auth.authorization.provider."
	return map[string]string{
		"authenticationEnabled":                "true",
		"authenticationProvider":               authentication + "DefaultAuthenticationProvider",
		"authenticationMetadataProvider":       authentication + "LocalAuthenticationMetadataProvider",
		"initAuthenticationUser":               fmt.Sprintf(`{"username":%q,"password":%q}`, p.ACL.User, p.ACL.Secret),
		"innerClientAuthenticationCredentials": fmt.Sprintf(`{"accessKey":%q,"secretKey":%q}`, p.ACL.User, p.ACL.Secret),
		"authorizationEnabled":                 "true",
		"authorizationProvider":                authorization + "DefaultAuthorizationProvider",
		"authorizationMetadataProvider":        authorization + "LocalAuthorizationMetadataProvider",
	}
}
