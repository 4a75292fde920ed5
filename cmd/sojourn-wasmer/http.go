package main

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"sojourn/orchestrator"
	"sojourn/proxy/api"
)

// nodeConfig is what a node is started with.
type nodeConfig struct {
	name, listen, token string
	state               string // folder; empty for one of the user's
	orchestrator        string // URL; empty for none
}

// serve runs a node until a signal ends it.
func serve(c nodeConfig) error {
	if !available {
		return errUnavailable
	}
	if err := exposed(c.listen, c.token); err != nil {
		return err
	}
	if c.state == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("no folder for the state, name one with --state: %w", err)
		}
		c.state = filepath.Join(dir, "sojourn", "wasmer")
	}
	l, err := net.Listen("tcp", c.listen)
	if err != nil {
		return err
	}
	n, err := newNode(c.name, "http://"+l.Addr().String(), c.token, c.state)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer n.close()
	if err := n.resume(); err != nil {
		return errors.Join(err, l.Close())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := n.report(ctx, c.orchestrator); err != nil {
		return errors.Join(err, l.Close())
	}
	fmt.Println("node at", n.url)
	s := &http.Server{Handler: n.handler()}
	go func() {
		<-ctx.Done()
		_ = s.Close()
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// report keeps an orchestrator informed, until ctx ends.
func (n *node) report(ctx context.Context, url string) error {
	if url == "" {
		return nil
	}
	a, err := orchestrator.NewAgent(orchestrator.AgentConfig{URL: url, Token: n.token, Info: n.info})
	if err != nil {
		return err
	}
	n.do(func() { a.Run(ctx) })
	return nil
}

// handler serves the control API of package api: what of it a node on Wasmer can do.
func (n *node) handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, f func(r *http.Request, id string) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := f(r, r.PathValue("id"))
			if err != nil {
				writeError(w, err)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v)
		})
	}
	on("GET /v1/node", func(*http.Request, string) (any, error) { return n.info(), nil })
	on("PUT /v1/modules/{id}", func(r *http.Request, id string) (any, error) {
		return struct{}{}, n.putModule(strings.ToLower(id), r.Body)
	})
	on("GET /v1/guests", func(*http.Request, string) (any, error) { return n.list(), nil })
	on("POST /v1/guests", n.serveRun)
	on("GET /v1/guests/{id}", func(_ *http.Request, id string) (any, error) {
		h, err := n.guest(id)
		if err != nil {
			return nil, err
		}
		return n.show(h), nil
	})
	on("POST /v1/guests/{id}/stop", func(_ *http.Request, id string) (any, error) { return n.stop(id) })
	on("POST /v1/restore", n.serveRestore)
	on("GET /v1/migrations/{id}", func(_ *http.Request, id string) (any, error) { return n.migration(id) })
	on("POST /v1/migrations/{id}", n.serveTold)
	mux.HandleFunc("GET /v1/handover", n.serveHandover)
	mux.HandleFunc("POST /v1/guests/{id}/migrate", n.serveMigrate)
	mux.HandleFunc("POST /v1/guests/{id}/snapshot", n.serveSnapshot)
	mux.HandleFunc("GET /v1/guests/{id}/output", n.serveOutput)
	on("/", func(r *http.Request, _ string) (any, error) {
		return nil, fail(api.CodeNotFound, "a Wasmer node has no %s %s", r.Method, r.URL.Path)
	})
	return n.guard(mux)
}

// guard asks for the token.
func (n *node) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if n.token != "" && (!ok || subtle.ConstantTimeCompare([]byte(given), []byte(n.token)) != 1) {
			writeError(w, fail(api.CodeUnauthorized, "%s %s needs the node's token", r.Method, r.URL.Path))
			return
		}
		next.ServeHTTP(w, r)
	})
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

func asError(err error) *api.Error {
	var e *api.Error
	if errors.As(err, &e) {
		return e
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

func readJSON(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fail(api.CodeBadRequest, "%s: request body: %v", r.URL.Path, err)
	}
	return nil
}

func (n *node) serveRun(r *http.Request, _ string) (any, error) {
	var req api.RunRequest
	if err := readJSON(r, &req); err != nil {
		return nil, err
	}
	module, err := n.module(strings.ToLower(req.Module))
	if err != nil {
		return nil, err
	}
	return n.run(start{Module: module, Args: req.Args, Env: req.Env}, req.Spec)
}

func (n *node) serveRestore(r *http.Request, _ string) (any, error) {
	var spec api.Spec
	if s := r.URL.Query().Get("spec"); s != "" {
		if err := json.Unmarshal([]byte(s), &spec); err != nil {
			return nil, fail(api.CodeBadRequest, "restore: spec: %v", err)
		}
	}
	return n.restore(r.Body, spec)
}

func (n *node) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	var file bytes.Buffer
	if err := n.snapshot(r.PathValue("id"), &file); err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = file.WriteTo(w)
}

func (n *node) serveOutput(w http.ResponseWriter, r *http.Request) {
	h, err := n.guest(r.PathValue("id"))
	if err != nil {
		writeError(w, err)
		return
	}
	_, _ = w.Write(h.out.bytes())
}

// serveMigrate answers with the result, or with one event when the caller accepts those.
func (n *node) serveMigrate(w http.ResponseWriter, r *http.Request) {
	var req api.MigrateRequest
	err := readJSON(r, &req)
	var res api.MigrateResult
	if err == nil {
		res, err = n.migrate(r.Context(), r.PathValue("id"), req.To)
	}
	events := strings.Contains(r.Header.Get("Accept"), "application/x-ndjson")
	switch {
	case err != nil && !events:
		writeError(w, err)
	case err != nil:
		_ = json.NewEncoder(w).Encode(api.Event{Error: asError(err)})
	case events:
		_ = json.NewEncoder(w).Encode(api.Event{Result: &res})
	default:
		_ = json.NewEncoder(w).Encode(res)
	}
}
