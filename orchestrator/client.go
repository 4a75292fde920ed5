package orchestrator

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sojourn/proxy/api"
)

const (
	maxAnswer = 64 << 20 // bytes of a JSON answer that a client reads
	maxLine   = 16 << 20 // bytes of one streamed line
)

// Client speaks to an orchestrator. It is safe for concurrent use. Errors that
// the orchestrator states are *api.Error, or *Refused around one.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient returns a client of the orchestrator at base, such as
// http://127.0.0.1:7000.
func NewClient(base string, opt api.Options) (*Client, error) {
	u, err := parseBase(base)
	if err != nil {
		return nil, err
	}
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.TLSClientConfig = opt.TLS
	return &Client{base: u, token: opt.Token, http: &http.Client{Transport: tr}}, nil
}

func parseBase(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("orchestrator address %q: %w", base, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("orchestrator address %q: want http://host:port or https://host:port", base)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Nodes tells of every node ever seen, by name.
func (c *Client) Nodes(ctx context.Context) ([]NodeStatus, error) {
	var ns []NodeStatus
	return ns, c.call(ctx, http.MethodGet, "/v1/nodes", nil, &ns)
}

// Guests tells of every guest that a node last spoke of, by id.
func (c *Client) Guests(ctx context.Context) ([]GuestStatus, error) {
	var gs []GuestStatus
	return gs, c.call(ctx, http.MethodGet, "/v1/guests", nil, &gs)
}

// Locate tells of one guest and where it is.
func (c *Client) Locate(ctx context.Context, id string) (GuestStatus, error) {
	var g GuestStatus
	return g, c.call(ctx, http.MethodGet, "/v1/guests/"+url.PathEscape(id), nil, &g)
}

// Plan tells where Migrate would move a guest, and why; nothing moves.
func (c *Client) Plan(ctx context.Context, id string, r MigrateRequest) (Decision, error) {
	r.DryRun = true
	m, err := c.MigrateWith(ctx, id, r, nil)
	return m.Decision, err
}

// Migrate moves a guest to the node of this name or URL, or to the one that
// the orchestrator picks when to is empty. progress, unless nil, is told of
// each decision and of the migration's steps. See api.Client.Migrate for who
// owns the guest on an error. When the caller gives up, the migration goes on.
func (c *Client) Migrate(ctx context.Context, id, to string, progress func(Event)) (Moved, error) {
	return c.MigrateWith(ctx, id, MigrateRequest{To: to}, progress)
}

// MigrateWith is Migrate with all its options.
func (c *Client) MigrateWith(ctx context.Context, id string, r MigrateRequest, progress func(Event)) (Moved, error) {
	var m Moved
	var refused *api.Error
	err := c.stream(ctx, "/v1/guests/"+url.PathEscape(id)+"/migrate", r, func(e Event) bool {
		if e.Decision != nil {
			m.Decision = *e.Decision
		}
		m.Result, refused = e.Result, e.Error
		if progress != nil {
			progress(e)
		}
		return e.Result != nil || e.Error != nil || r.DryRun && m.Decision.Target != ""
	})
	switch {
	case err != nil:
		return m, fmt.Errorf("migration of %s: %w", id, err)
	case refused != nil && m.Decision.Guest != "":
		return m, &Refused{Err: refused, Decision: m.Decision}
	case refused != nil:
		return m, refused
	}
	return m, nil
}

// Drain cordons a node and moves its guests off. progress, unless nil, is told
// of each guest's decisions and steps. When the caller gives up, the drain
// goes on; Uncordon ends it.
func (c *Client) Drain(ctx context.Context, node string, progress func(Event)) (DrainResult, error) {
	return c.DrainWith(ctx, node, DrainRequest{}, progress)
}

// DrainWith is Drain with all its options.
func (c *Client) DrainWith(ctx context.Context, node string, r DrainRequest, progress func(Event)) (DrainResult, error) {
	var last Event
	err := c.stream(ctx, "/v1/nodes/"+url.PathEscape(node)+"/drain", r, func(e Event) bool {
		last = e
		if progress != nil {
			progress(e)
		}
		return e.Drain != nil || e.Error != nil && e.Guest == ""
	})
	switch {
	case err != nil:
		return DrainResult{}, fmt.Errorf("drain of %s: %w", node, err)
	case last.Error != nil:
		return DrainResult{}, last.Error
	}
	return *last.Drain, nil
}

// Uncordon lets a node have guests again, and ends its drain: migrations in
// progress are finished, those still queued are dropped.
func (c *Client) Uncordon(ctx context.Context, node string) (NodeStatus, error) {
	var n NodeStatus
	return n, c.call(ctx, http.MethodPost, "/v1/nodes/"+url.PathEscape(node)+"/uncordon", nil, &n)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	res, err := c.send(ctx, method, path, in, "application/json")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("answer of %s: %w", res.Request.URL.Redacted(), err)
	}
	return nil
}

// stream gives f each line of the answer until it returns true.
func (c *Client) stream(ctx context.Context, path string, in any, f func(Event) bool) error {
	res, err := c.send(ctx, http.MethodPost, path, in, ndjson)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	sc := bufio.NewScanner(res.Body)
	sc.Buffer(nil, maxLine)
	for sc.Scan() {
		var e Event
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			return fmt.Errorf("progress from %s: %w", c.base, err)
		}
		if f(e) {
			return nil
		}
	}
	if err = sc.Err(); err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("lost touch with %s, the nodes go on by themselves: %w", c.base, err)
}

// send returns a 2xx answer, or the error in it.
func (c *Client) send(ctx context.Context, method, path string, in any, accept string) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", accept)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, api.NoAnswer(c.base, err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, answerError(res)
}

func answerError(res *http.Response) error {
	var wrap struct {
		Error *api.Error `json:"error"`
	}
	if json.NewDecoder(io.LimitReader(res.Body, maxLine)).Decode(&wrap) == nil && wrap.Error != nil {
		return wrap.Error
	}
	return &api.Error{Code: api.CodeInternal, Message: fmt.Sprintf("%s answered %s", res.Request.URL.Redacted(), res.Status)}
}
