package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	maxAnswer = 16 << 20 // bytes of a JSON answer that a client reads
	maxLine   = 1 << 20  // bytes of one streamed line
)

// Client speaks to one node. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	tls   *tls.Config
	http  *http.Client
}

// Options are how a client proves itself. The zero value is plain HTTP
// without a token.
type Options struct {
	Token string      // sent as a bearer token when not empty
	TLS   *tls.Config // for https; nil is the system's roots
}

// NewClient returns a client of the node at base, such as http://127.0.0.1:7070.
func NewClient(base string, opt Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("node address %q: %w", base, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("node address %q: want http://host:port or https://host:port", base)
	}
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.TLSClientConfig = opt.TLS
	return &Client{
		base:  strings.TrimRight(u.String(), "/"),
		token: opt.Token,
		tls:   opt.TLS,
		http:  &http.Client{Transport: tr},
	}, nil
}

// URL is the node's address, without a slash at the end.
func (c *Client) URL() string { return c.base }

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Node asks the node about itself.
func (c *Client) Node(ctx context.Context) (Node, error) {
	var n Node
	return n, c.call(ctx, http.MethodGet, "/v1/node", nil, &n)
}

// Run starts a guest. The module is sent only if the node lacks it.
func (c *Client) Run(ctx context.Context, module []byte, spec Spec) (Guest, error) {
	dig := digest(module)
	g, err := c.RunDigest(ctx, dig, spec)
	var ae *Error
	if !errors.As(err, &ae) || ae.Code != CodeModuleUnknown {
		return g, err
	}
	if err := c.PutModule(ctx, module); err != nil {
		return Guest{}, err
	}
	return c.RunDigest(ctx, dig, spec)
}

// RunLinked starts a guest of several modules: libraries, in the order in which they are
// instantiated, by the names that others import them under, and last the module itself.
// They are sent if the node lacks them.
func (c *Client) RunLinked(ctx context.Context, names []string, libraries [][]byte, module []byte, spec Spec) (Guest, error) {
	r := RunRequest{Module: digest(module), Spec: spec}
	for i, name := range names {
		r.Libraries = append(r.Libraries, Library{name, digest(libraries[i])})
	}
	for {
		var g Guest
		err := c.call(ctx, http.MethodPost, "/v1/guests", r, &g)
		var ae *Error
		if !errors.As(err, &ae) || ae.Code != CodeModuleUnknown || libraries == nil {
			return g, err
		}
		for _, b := range append(libraries, module) {
			if err := c.PutModule(ctx, b); err != nil {
				return Guest{}, err
			}
		}
		libraries = nil // once is enough
	}
}

// RunDigest starts a guest of a module that the node has.
func (c *Client) RunDigest(ctx context.Context, dig string, spec Spec) (Guest, error) {
	var g Guest
	return g, c.call(ctx, http.MethodPost, "/v1/guests", RunRequest{Module: dig, Spec: spec}, &g)
}

// PutModule gives the node a module.
func (c *Client) PutModule(ctx context.Context, module []byte) error {
	res, err := c.send(ctx, http.MethodPut, "/v1/modules/"+digest(module), bytes.NewReader(module), "application/wasm", "")
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// List tells of each guest that the node knows.
func (c *Client) List(ctx context.Context) ([]Guest, error) {
	var gs []Guest
	return gs, c.call(ctx, http.MethodGet, "/v1/guests", nil, &gs)
}

// Show tells of one guest.
func (c *Client) Show(ctx context.Context, id string) (Guest, error) {
	var g Guest
	return g, c.call(ctx, http.MethodGet, guestPath(id, ""), nil, &g)
}

// Stop ends a guest.
func (c *Client) Stop(ctx context.Context, id string) (Guest, error) {
	var g Guest
	return g, c.call(ctx, http.MethodPost, guestPath(id, "/stop"), nil, &g)
}

// Output returns the tail of what a guest without a session wrote.
func (c *Client) Output(ctx context.Context, id string) ([]byte, error) {
	res, err := c.send(ctx, http.MethodGet, guestPath(id, "/output"), nil, "", "")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(io.LimitReader(res.Body, maxAnswer))
}

// Files writes what a folder that a guest carried holds now that the guest has ended, as a
// tar archive, to w. The folder is named as the guest knows it; empty is the only one. The
// archive is whole only if the error is nil.
func (c *Client) Files(ctx context.Context, id, dir string, w io.Writer) error {
	res, err := c.send(ctx, http.MethodGet, guestPath(id, "/files?dir="+url.QueryEscape(dir)), nil, "", "")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("files of %s: %w", id, err)
	}
	if f := res.Trailer.Get(SnapshotTrailer); f != "" {
		return fmt.Errorf("files of %s: %s", id, f)
	}
	return nil
}

// Forget removes a guest that has ended, with the folders that it carried.
func (c *Client) Forget(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, guestPath(id, ""), nil, nil)
}

// Snapshot writes a guest's snapshot file to w; the guest runs on. The file
// is whole only if the error is nil.
func (c *Client) Snapshot(ctx context.Context, id string, w io.Writer) error {
	res, err := c.send(ctx, http.MethodPost, guestPath(id, "/snapshot"), nil, "", "")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("snapshot of %s: %w", id, err)
	}
	if f := res.Trailer.Get(SnapshotTrailer); f != "" {
		return fmt.Errorf("snapshot of %s: %s", id, f)
	}
	return nil
}

// SnapshotTrailer is the HTTP trailer that names what cut a snapshot short.
const SnapshotTrailer = "Sojourn-Error"

// Restore starts the guest in a snapshot file under the rights in spec. The
// node must have the module.
func (c *Client) Restore(ctx context.Context, snapshot io.Reader, spec Spec) (Guest, error) {
	b, err := json.Marshal(spec)
	if err != nil {
		return Guest{}, err
	}
	var g Guest
	path := "/v1/restore?spec=" + url.QueryEscape(string(b))
	res, err := c.send(ctx, http.MethodPost, path, snapshot, "application/octet-stream", "")
	if err != nil {
		return g, err
	}
	return g, decode(res, &g)
}

// Migrate moves a guest and blocks until it runs on the target, telling of
// progress on the way. On nil the target owns the guest. On an error with
// CodeMigrationFault the guest runs at the source; with CodeInDoubt, and
// when the node cannot be reached, ask either node for the migration.
func (c *Client) Migrate(ctx context.Context, id string, r MigrateRequest, progress func(Progress)) (MigrateResult, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return MigrateResult{}, err
	}
	res, err := c.send(ctx, http.MethodPost, guestPath(id, "/migrate"), bytes.NewReader(b), "application/json", "application/x-ndjson")
	if err != nil {
		return MigrateResult{}, err
	}
	defer res.Body.Close()
	sc := bufio.NewScanner(res.Body)
	sc.Buffer(nil, maxLine)
	for sc.Scan() {
		var e Event
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			return MigrateResult{}, fmt.Errorf("migration of %s: progress from %s: %w", id, c.base, err)
		}
		switch {
		case e.Result != nil:
			return *e.Result, nil
		case e.Error != nil:
			return MigrateResult{}, e.Error
		case e.Progress != nil && progress != nil:
			progress(*e.Progress)
		}
	}
	err = sc.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return MigrateResult{}, fmt.Errorf("migration of %s: lost touch with %s: %w", id, c.base, err)
}

// Migration asks for the node's record of a migration.
func (c *Client) Migration(ctx context.Context, id string) (Migration, error) {
	var m Migration
	return m, c.call(ctx, http.MethodGet, "/v1/migrations/"+url.PathEscape(id), nil, &m)
}

func guestPath(id, rest string) string { return "/v1/guests/" + url.PathEscape(id) + rest }

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Call sends in as JSON unless it is nil and decodes the answer into out
// unless that is nil; for paths that have no method of their own.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	return c.call(ctx, method, path, in, out)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	kind := ""
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body, kind = bytes.NewReader(b), "application/json"
	}
	res, err := c.send(ctx, method, path, body, kind, "application/json")
	if err != nil {
		return err
	}
	return decode(res, out)
}

func decode(res *http.Response, out any) error {
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("answer of %s: %w", res.Request.URL.Redacted(), err)
	}
	return nil
}

// send returns a 2xx answer, or the error in it.
func (c *Client) send(ctx context.Context, method, path string, body io.Reader, kind, accept string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	c.authorize(req.Header)
	res, err := c.http.Do(req)
	if err != nil {
		return nil, NoAnswer(c.base, err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, AnswerError(res)
}

// Unreachable is a node, or an orchestrator, that does not answer, and why.
type Unreachable struct {
	URL string
	Err error
}

func (e *Unreachable) Error() string { return fmt.Sprintf("%s cannot be reached: %v", e.URL, e.Err) }
func (e *Unreachable) Unwrap() error { return e.Err }

// NoAnswer is the error of a request to the node or orchestrator at base that had none.
func NoAnswer(base string, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // without the whole request
	}
	return &Unreachable{base, err}
}

func (c *Client) authorize(h http.Header) {
	if c.token != "" {
		h.Set("Authorization", "Bearer "+c.token)
	}
}

// AnswerError returns the error in an answer that is not 2xx.
func AnswerError(res *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(res.Body, maxLine))
	var wrap struct {
		Error *Error `json:"error"`
	}
	if json.Unmarshal(b, &wrap) == nil && wrap.Error != nil {
		return wrap.Error
	}
	return &Error{Code: CodeInternal, Message: fmt.Sprintf("%s answered %s", res.Request.URL.Redacted(), res.Status)}
}
