// SPDX-License-Identifier: Apache-2.0

package call

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// Ask sends one request and reads the answer into answer, which may be nil. A problem comes back as *Refused.
func (c *Call) Ask(ctx context.Context, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	raw, err := c.exchange(ctx, method, path, body)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("%s does not answer like Causeway's API: %w", c.Server, err)
	}
	return nil
}

// Fetch reads what is no JSON; the server may work on it for so long.
func (c *Call) Fetch(ctx context.Context, path string, work time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime+work)
	defer cancel()
	return c.exchange(ctx, http.MethodGet, path, nil)
}

// exchange sends one request and gives the body of an answer that is no problem.
func (c *Call) exchange(ctx context.Context, method, path string, body any) ([]byte, error) {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("the server's answer broke off: %w", err)
	}
	if len(raw) > maxAnswer {
		return nil, fmt.Errorf("the server's answer has more than %d bytes", maxAnswer)
	}
	if resp.StatusCode >= 300 {
		return nil, problemIn(resp, raw)
	}
	return raw, nil
}

func (c *Call) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	base, err := url.Parse(c.Server)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, Usage("--server %q: a URL such as http://127.0.0.1:8090 is needed", c.Server)
	}
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Server, "/")+path, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" && (c.tokenFor == "" || sameServer(c.Server, c.tokenFor)) {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	return req, nil
}

func problemIn(resp *http.Response, raw []byte) error {
	var p wire.Problem
	if bytes.Contains(raw, []byte("cpu profiling already in use")) { // net/http/pprof's words
		return Fail(ExitConflict, errors.New("somebody takes a CPU profile of this server, and there is one at a time"), "ask again when it is through, in a minute at most")
	}
	if err := json.Unmarshal(raw, &p); err != nil || p.Status == 0 {
		return fmt.Errorf("the server answered %s, not like Causeway's API", resp.Status)
	}
	return &Refused{p}
}

// In is a path below the tenant: each part is escaped.
func (c *Call) In(parts ...string) string {
	path := "/v1/tenants/" + url.PathEscape(c.Tenant)
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// At is a path of the installation, or below the tenant.
func (c *Call) At(everywhere bool, parts ...string) string {
	if !everywhere {
		return c.In(parts...)
	}
	path := "/v1"
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// Everything reads a listing piece by piece; its path may have a query.
func Everything[T any](ctx context.Context, c *Call, path string) ([]T, error) {
	all := []T{}
	cursor := ""
	for {
		at, asked, _ := strings.Cut(path, "?")
		q, err := url.ParseQuery(asked)
		if err != nil {
			return nil, err
		}
		q.Set("limit", "1000")
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var page wire.Page[T]
		if err := c.Ask(ctx, http.MethodGet, at+"?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		cursor = page.Next
	}
}
