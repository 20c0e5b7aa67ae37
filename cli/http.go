// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control/wire"
)

// Bounds of one request to the API.
const (
	requestTime = 30 * time.Second
	maxAnswer   = 64 << 20 // bytes
)

// ask sends one request and reads the answer into answer, which may be nil. A problem comes back as *refused.
func (c *call) ask(ctx context.Context, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("the server's answer broke off: %w", err)
	}
	if len(raw) > maxAnswer {
		return fmt.Errorf("the server's answer has more than %d bytes", maxAnswer)
	}
	if resp.StatusCode >= 300 {
		return problemIn(resp, raw)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("%s does not answer like Causeway's API: %w", c.server, err)
	}
	return nil
}

func (c *call) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	base, err := url.Parse(c.server)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, usage("--server %q: a URL such as http://127.0.0.1:8090 is needed", c.server)
	}
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.server, "/")+path, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	token := c.token
	if token == "" {
		token = c.env.Getenv("CAUSEWAY_TOKEN")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

func problemIn(resp *http.Response, raw []byte) error {
	var p wire.Problem
	if err := json.Unmarshal(raw, &p); err != nil || p.Status == 0 {
		return fmt.Errorf("the server answered %s, not like Causeway's API", resp.Status)
	}
	return &refused{p}
}

// in is a path below the tenant: each part is escaped.
func (c *call) in(parts ...string) string {
	path := "/v1/tenants/" + url.PathEscape(c.tenant)
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// everything reads a listing piece by piece.
func everything[T any](ctx context.Context, c *call, path string) ([]T, error) {
	all := []T{}
	cursor := ""
	for {
		q := url.Values{"limit": {"1000"}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var page wire.Page[T]
		if err := c.ask(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		cursor = page.Next
	}
}
