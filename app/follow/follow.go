// SPDX-License-Identifier: Apache-2.0

// Package follow is how a proxy is told which control plane to follow, and how it speaks to it.
package follow

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

// Config is the control plane that a proxy follows.
type Config struct {
	URLs      []string `yaml:"urls" doc:"http(s)://HOST:PORT of each control plane; http only on the loopback interface; empty: no control plane is followed"`
	Token     string   `yaml:"token" secret:"true" doc:"a proxy's token at the control plane"`
	TokenFile string   `yaml:"token_file" doc:"file that holds the token instead, readable by its owner alone"`
	CA        string   `yaml:"ca" doc:"PEM file that vouches for the control plane's certificate; empty: this machine's authorities do"`
	Cache     string   `yaml:"cache" doc:"file that keeps the newest catalog, secrets included, for starts without the control plane; a proxy's own"`
}

// DefaultCache is where a proxy keeps its catalog when nothing is said.
const DefaultCache = "data/catalog.feed"

// Follows tells whether a control plane is followed.
func (c Config) Follows() bool { return len(c.URLs) > 0 }

// Problems tells all that is wrong to bad, each with its key.
func (c Config) Problems(bad func(key, format string, args ...any)) {
	if !c.Follows() {
		if c.Token != "" || c.TokenFile != "" || c.CA != "" {
			bad("urls", "no control plane is named")
		}
		return
	}
	for i, text := range c.URLs {
		if err := checkURL(text); err != nil {
			bad(fmt.Sprintf("urls[%d]", i), "%v", err)
		}
	}
	if _, err := c.Secret(); err != nil {
		bad("token", "%v", err)
	}
	if _, err := c.Transport(); err != nil {
		bad("ca", "%v", err)
	}
	if c.Cache == "" {
		bad("cache", "a file is needed: without it a proxy that starts while the control plane is away has no catalog")
	} else if info, err := os.Stat(c.Cache); err == nil && !info.Mode().IsRegular() {
		bad("cache", "%s is not a regular file", c.Cache)
	}
}

// checkURL checks the URL of a control plane. In clear it may only be on this machine: what comes over it are secrets.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not https://HOST:PORT", text)
	}
	switch u.Scheme {
	case "https":
		return nil
	case "http":
		if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() == "localhost" || err == nil && ip.IsLoopback() {
			return nil
		}
		return fmt.Errorf("%s: the secrets of applications would go over the network in clear: https is needed", text)
	}
	return fmt.Errorf("%q is not https://HOST:PORT", text)
}

// Secret is what this proxy shows to the control plane.
func (c Config) Secret() (string, error) {
	switch {
	case c.Token != "" && c.TokenFile != "":
		return "", errors.New("token and token_file are both given")
	case c.Token != "":
		return c.Token, nil
	case c.TokenFile == "":
		return "", errors.New("a proxy's token is needed: CAUSEWAY_PROXY_TOKEN, or token_file in the configuration file")
	}
	info, err := os.Stat(c.TokenFile)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o037 != 0 {
		return "", fmt.Errorf("%s: mode %04o lets others at the token; try: chmod 600 %s", c.TokenFile, info.Mode().Perm(), c.TokenFile)
	}
	text, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", err
	}
	if t := strings.TrimSpace(string(text)); t != "" {
		return t, nil
	}
	return "", fmt.Errorf("%s is empty", c.TokenFile)
}

// Bounds of the connections to control planes. A peer that is gone without a word is found out within ten seconds, since a question may wait for an answer
// for longer than a revocation may take.
const (
	dialTime = 5 * time.Second
	aliveIn  = 4 * time.Second
	aliveTry = 2 * time.Second
	aliveFor = 3
)

// Transport speaks to control planes.
func (c Config) Transport() (*http.Transport, error) {
	t := &http.Transport{
		DialContext: (&net.Dialer{
			Timeout: dialTime, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: aliveIn, Interval: aliveTry, Count: aliveFor},
		}).DialContext,
		TLSHandshakeTimeout: dialTime, MaxIdleConnsPerHost: 3, IdleConnTimeout: time.Minute,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if c.CA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", c.CA)
	}
	return t, nil
}
