// SPDX-License-Identifier: Apache-2.0

package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// admit lets a request in or says why not. Headers in which a caller may claim another address (X-Forwarded-For and its
// like) are not looked at.
func (s *server) admit(r *http.Request, open bool) error {
	if err := checkOrigin(r); err != nil {
		return err
	}
	if s.opt.Token == "" {
		return checkLoopback(r)
	}
	if open {
		return nil
	}
	return s.checkToken(r)
}

// checkOrigin refuses what a browser sends on behalf of another page.
func checkOrigin(r *http.Request) error {
	foreign := &refusal{status: http.StatusForbidden, kind: "forbidden", reason: "foreign_origin", detail: "requests of other web pages are refused"}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return foreign
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return nil
	}
	u, err := url.Parse(origins[0])
	if err != nil || len(origins) > 1 || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return foreign
	}
	return nil
}

// checkLoopback refuses callers from elsewhere, and callers from here under a name that is not a loopback name.
func checkLoopback(r *http.Request) error {
	if !loopback(r.RemoteAddr) {
		return &refusal{status: http.StatusForbidden, kind: "forbidden", reason: "not_loopback", detail: "without a token this interface serves the loopback interface only"}
	}
	if !loopback(r.Host) {
		return &refusal{status: http.StatusForbidden, kind: "forbidden", reason: "foreign_host",
			detail: "the Host header must name the loopback interface (127.0.0.1, [::1] or localhost)"}
	}
	return nil
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func (s *server) checkToken(r *http.Request) error {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(s.opt.Token))
	if subtle.ConstantTimeCompare(got[:], want[:]) == 1 && strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	return &refusal{status: http.StatusUnauthorized, kind: "unauthorized", detail: "a valid token is required: Authorization: Bearer TOKEN"}
}
