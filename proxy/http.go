package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"

	"sojourn/interp"
	"sojourn/proxy/api"
	"sojourn/proxy/wire"
	"sojourn/web"
)

// Handler serves the control API, sessions and the migration channel.
func (n *Node) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/node", answer(func(*http.Request) (any, error) { return n.Info(), nil }))
	mux.HandleFunc("PUT /v1/modules/{digest}", answer(func(r *http.Request) (any, error) {
		return struct{}{}, n.putModule(strings.ToLower(r.PathValue("digest")), r.Body)
	}))
	mux.HandleFunc("GET /v1/guests", answer(func(*http.Request) (any, error) { return n.Guests(), nil }))
	mux.HandleFunc("POST /v1/guests", answer(n.serveRun))
	mux.HandleFunc("GET /v1/guests/{id}", answer(n.serveShow))
	mux.HandleFunc("POST /v1/guests/{id}/stop", answer(func(r *http.Request) (any, error) {
		return n.Stop(r.Context(), r.PathValue("id"))
	}))
	mux.HandleFunc("POST /v1/guests/{id}/snapshot", n.serveSnapshot)
	mux.HandleFunc("POST /v1/guests/{id}/migrate", n.serveMigrate)
	mux.HandleFunc("GET /v1/guests/{id}/output", n.serveOutput)
	mux.HandleFunc("GET /v1/guests/{id}/files", n.serveFiles)
	mux.HandleFunc("DELETE /v1/guests/{id}", answer(func(r *http.Request) (any, error) {
		return struct{}{}, n.Forget(r.PathValue("id"))
	}))
	mux.HandleFunc("GET /v1/guests/{id}/session", n.serveSession)
	mux.HandleFunc("GET /v1/guests/{id}/connect/{listener}", n.serveConnect)
	mux.HandleFunc("/v1/guests/{id}/connect/{listener}/{rest...}", n.servePlain)
	mux.HandleFunc("POST /v1/restore", answer(n.serveRestore))
	mux.HandleFunc("GET /v1/migrations/{id}", answer(func(r *http.Request) (any, error) {
		return n.migration(r.PathValue("id"))
	}))
	mux.HandleFunc("POST /v1/migrations/{id}", answer(func(r *http.Request) (any, error) {
		var m message
		if err := readJSON(r, &m); err != nil {
			return nil, err
		}
		return n.told(r.Context(), r.PathValue("id"), m)
	}))
	mux.HandleFunc("GET /v1/handover", n.serveHandover)
	mux.HandleFunc("/", answer(func(r *http.Request) (any, error) {
		return nil, failHint(api.CodeNotFound, "see the API's list of paths", "no %s %s", r.Method, r.URL.Path)
	}))
	mux.Handle("GET /terminal/", web.Handler())
	mux.Handle("GET /web/", web.Handler())
	return n.guard(mux)
}

// guard asks for the token, tracks requests so that Close waits for them, and
// keeps a panic of ours from ending the node.
func (n *Node) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !n.enter() {
			writeError(w, fail(api.CodeInternal, "the node is closing"))
			return
		}
		defer n.wg.Done()
		arrived(r)
		switch {
		case !n.welcomeFrom(r):
			writeError(w, failHint(api.CodeNotAllowed, "start the node with --allow-origin "+r.Header.Get("Origin"), "pages of %s may not speak to this node", r.Header.Get("Origin")))
			return
		case !n.authorized(r) && !asksItself(r):
			writeError(w, failHint(api.CodeUnauthorized, "send the node's token", "%s %s needs a token", r.Method, r.URL.Path))
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(n.ctx, cancel)()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// asksItself says that a request's handler asks for the token, which may come in a
// session's first frame: browsers cannot send it with a WebSocket's request. Nor can they
// with that for a page; ours hold no secrets, and ask the person for it.
func asksItself(r *http.Request) bool {
	p := strings.Split(r.URL.EscapedPath(), "/") // empty, v1, guests, id, connect, listener, ...
	return len(p) > 2 && (p[1] == "terminal" || p[1] == "web") || len(p) > 5 && p[1] == api.Version && p[2] == "guests" && p[4] == "connect"
}

func (n *Node) enter() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		n.wg.Add(1)
	}
	return !n.closed
}

// answer serves JSON.
func answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		if err != nil {
			writeError(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
}

var statuses = map[string]int{
	api.CodeBadRequest: http.StatusBadRequest, api.CodeUnauthorized: http.StatusUnauthorized,
	api.CodeNotFound: http.StatusNotFound, api.CodeModuleUnknown: http.StatusNotFound,
	api.CodeBadModule: http.StatusUnprocessableEntity, api.CodeBadSnapshot: http.StatusUnprocessableEntity,
	api.CodeNotAllowed: http.StatusForbidden, api.CodeNoCapacity: http.StatusInsufficientStorage,
	api.CodeConflict: http.StatusConflict, api.CodeMoved: http.StatusMisdirectedRequest,
	api.CodeTooLarge: http.StatusRequestEntityTooLarge, api.CodeMigrationFault: http.StatusBadGateway,
	api.CodeInDoubt: http.StatusGatewayTimeout,
}

// asError gives every error a code.
func asError(err error) *api.Error {
	var e *api.Error
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &big):
		return fail(api.CodeTooLarge, "%v", err)
	}
	return fail(api.CodeInternal, "%v", err)
}

func writeError(w http.ResponseWriter, err error) {
	e := asError(err)
	status, ok := statuses[e.Code]
	if !ok {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Error *api.Error `json:"error"`
	}{e})
}

// readJSON reads one bounded JSON value and nothing after it.
func readJSON(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fail(api.CodeBadRequest, "%s: request body: %v", r.URL.Path, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fail(api.CodeBadRequest, "%s: request body: something follows the JSON value", r.URL.Path)
	}
	return nil
}

// Info tells of the node and its guests.
func (n *Node) Info() api.Node {
	i := api.Node{Name: n.cfg.Name, URL: n.URL(), Version: n.cfg.Version, Protocol: wire.Version, ISA: runtime.GOARCH,
		OS: runtime.GOOS, Engine: n.cfg.Engine, Engines: []string{interp.Interpreter.String()}, CPUs: runtime.NumCPU(),
		TotalMemory: n.cfg.MaxMemory, MaxGuests: n.cfg.MaxGuests, Dirs: n.cfg.AllowDirs, Guests: n.Guests()}
	if interp.HasCompiler() {
		i.Engines = append(i.Engines, interp.Compiler.String())
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	i.FreeMemory = n.freeMemory()
	return i
}

func (n *Node) serveRun(r *http.Request) (any, error) {
	var req api.RunRequest
	if err := readJSON(r, &req); err != nil {
		return nil, err
	}
	return n.Run(r.Context(), req)
}

func (n *Node) serveShow(r *http.Request) (any, error) {
	g, err := n.guest(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return n.describe(g), nil
}

func (n *Node) serveRestore(r *http.Request) (any, error) {
	var spec api.Spec
	if s := r.URL.Query().Get("spec"); s != "" {
		if err := json.Unmarshal([]byte(s), &spec); err != nil {
			return nil, fail(api.CodeBadRequest, "restore: spec: %v", err)
		}
	}
	return n.Restore(r.Context(), io.LimitReader(r.Body, maxSnapshot), spec)
}

// serveSnapshot streams the file. What goes wrong after its first byte is in
// the trailer.
func (n *Node) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", api.SnapshotTrailer)
	c := &counting{w: w}
	err := n.Snapshot(r.Context(), r.PathValue("id"), c)
	switch {
	case err == nil:
	case c.n == 0:
		w.Header().Del("Trailer")
		writeError(w, err)
	default:
		w.Header().Set(api.SnapshotTrailer, strings.ReplaceAll(err.Error(), "\n", " "))
	}
}

type counting struct {
	w http.ResponseWriter
	n int
}

func (c *counting) Write(p []byte) (int, error) {
	if c.n == 0 {
		c.w.Header().Set("Content-Type", "application/octet-stream")
	}
	n, err := c.w.Write(p)
	c.n += n
	return n, err
}

func (n *Node) serveOutput(w http.ResponseWriter, r *http.Request) {
	g, err := n.guest(r.PathValue("id"))
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(g.out.tail())
}

// serveMigrate answers with the result, or with events by the line when the
// caller accepts those.
func (n *Node) serveMigrate(w http.ResponseWriter, r *http.Request) {
	var req api.MigrateRequest
	if err := readJSON(r, &req); err != nil {
		writeError(w, err)
		return
	}
	req.To = strings.TrimRight(req.To, "/")
	if !strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		answer(func(r *http.Request) (any, error) { return n.Migrate(r.Context(), r.PathValue("id"), req, nil) })(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	line := func(e api.Event) {
		_ = lines.Encode(e)
		_ = http.NewResponseController(w).Flush()
	}
	res, err := n.Migrate(r.Context(), r.PathValue("id"), req, func(p api.Progress) { line(api.Event{Progress: &p}) })
	if err != nil {
		line(api.Event{Error: asError(err)})
		return
	}
	line(api.Event{Result: &res})
}
