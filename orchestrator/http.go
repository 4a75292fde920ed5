package orchestrator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"sojourn/proxy/api"
)

const (
	maxBody    = 64 << 10        // bytes of a request
	lineWithin = 5 * time.Second // for a caller to take a line of progress
	ndjson     = "application/x-ndjson"
)

// Handler serves nodes and operators:
//
//	GET  /v1/nodes                                 -> []NodeStatus
//	GET  /v1/nodes/{name}                          -> NodeStatus
//	POST /v1/nodes/{name}/drain     DrainRequest   -> DrainResult, or Events by the line
//	POST /v1/nodes/{name}/uncordon                 -> NodeStatus
//	GET  /v1/guests                                -> []GuestStatus
//	GET  /v1/guests/{id}                           -> GuestStatus
//	POST /v1/guests/{id}/migrate    MigrateRequest -> Moved, or Events by the line
//	GET  /v1/register               WebSocket      Report <-> Answer
//
// Lines are for callers that accept application/x-ndjson. An answer that is
// not 2xx carries {"error": api.Error} and, when one was made, "decision". A
// caller that hangs up does not end what it asked for.
func (o *Orchestrator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/nodes", o.getNodes)
	mux.HandleFunc("GET /v1/nodes/{name}", o.getNode)
	mux.HandleFunc("POST /v1/nodes/{name}/drain", o.postDrain)
	mux.HandleFunc("POST /v1/nodes/{name}/uncordon", o.postUncordon)
	mux.HandleFunc("GET /v1/guests", o.getGuests)
	mux.HandleFunc("GET /v1/guests/{id}", o.getGuest)
	mux.HandleFunc("POST /v1/guests/{id}/migrate", o.postMigrate)
	mux.HandleFunc("GET /v1/register", o.register)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, &api.Error{Code: api.CodeNotFound, Message: "no " + r.Method + " " + r.URL.Path + " here"})
	})
	return o.guard(http.NewCrossOriginProtection().Handler(mux))
}

// guard admits callers with the token, counts them, and bounds what they send.
// Without a token it serves only names of this machine, so that a web page
// cannot reach it by pointing a name of its own here.
func (o *Orchestrator) guard(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte("Bearer " + o.cfg.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		switch {
		case o.cfg.Token != "" && subtle.ConstantTimeCompare(got[:], want[:]) != 1:
			fail(w, &api.Error{Code: api.CodeUnauthorized, Message: "the orchestrator asks for its token", Hint: "pass the token that it was started with"})
			return
		case o.cfg.Token == "" && !o.cfg.Insecure && !local(r.Host):
			fail(w, &api.Error{Code: api.CodeUnauthorized, Message: "without a token only this machine is served, not " + r.Host, Hint: "start the orchestrator with a token"})
			return
		case !o.enter():
			fail(w, &api.Error{Code: api.CodeInternal, Message: "the orchestrator is closing"})
			return
		}
		defer o.calls.Done()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func local(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return loopback(strings.Trim(host, "[]"))
}

func (o *Orchestrator) getNodes(w http.ResponseWriter, _ *http.Request) { answer(w, o.nodes.list()) }

func (o *Orchestrator) getNode(w http.ResponseWriter, r *http.Request) {
	n, err := o.nodes.get(r.PathValue("name"))
	answerOr(w, n, err)
}

func (o *Orchestrator) getGuests(w http.ResponseWriter, _ *http.Request) {
	gs := o.nodes.guests()
	if gs == nil {
		gs = []GuestStatus{}
	}
	answer(w, gs)
}

func (o *Orchestrator) getGuest(w http.ResponseWriter, r *http.Request) {
	g, err := o.nodes.find(r.PathValue("id"))
	answerOr(w, g, err)
}

func (o *Orchestrator) postUncordon(w http.ResponseWriter, r *http.Request) {
	n, err := o.uncordon(o.ctx, r.PathValue("name"))
	answerOr(w, n, err)
}

func (o *Orchestrator) postMigrate(w http.ResponseWriter, r *http.Request) {
	var req MigrateRequest
	if err := readBody(r, &req); err != nil {
		fail(w, err)
		return
	}
	id, out := r.PathValue("id"), newLines(w, r)
	m, err := o.move(o.ctx, id, req, out.tell)
	last := Event{Guest: id, Event: api.Event{Result: m.Result}}
	if err != nil {
		last.Error = asError(err)
	}
	if last.Result == nil && last.Error == nil {
		last.Decision = &m.Decision
	}
	out.end(last, m, err)
}

func (o *Orchestrator) postDrain(w http.ResponseWriter, r *http.Request) {
	var req DrainRequest
	if err := readBody(r, &req); err != nil {
		fail(w, err)
		return
	}
	out := newLines(w, r)
	res, err := o.drainNode(o.ctx, r.PathValue("name"), req.Parallel, out.tell)
	last := Event{Drain: &res}
	if err != nil {
		last = Event{Event: api.Event{Error: asError(err)}}
	}
	out.end(last, res, err)
}

// lines streams events to a caller that wants them. One that does not take
// them in time is left behind: it must not hold up a migration.
type lines struct {
	on bool

	mu    sync.Mutex
	w     http.ResponseWriter
	ctl   *http.ResponseController
	begun bool
	err   error
}

func newLines(w http.ResponseWriter, r *http.Request) *lines {
	return &lines{on: strings.Contains(r.Header.Get("Accept"), ndjson), w: w, ctl: http.NewResponseController(w)}
}

func (l *lines) tell(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.on || l.err != nil {
		return
	}
	if !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", ndjson)
	}
	l.err = l.ctl.SetWriteDeadline(time.Now().Add(lineWithin))
	if l.err == nil {
		l.err = json.NewEncoder(l.w).Encode(e)
	}
	if l.err == nil {
		l.err = l.ctl.Flush()
	}
	if l.err == nil { // HTTP/2 ends a stream whose deadline passes, even an idle one
		l.err = l.ctl.SetWriteDeadline(time.Time{})
	}
}

// end tells the last event, or answers with v or err where no line was told.
func (l *lines) end(last Event, v any, err error) {
	l.mu.Lock()
	begun := l.begun
	l.mu.Unlock()
	if l.on && (begun || err == nil) {
		l.tell(last)
		return
	}
	answerOr(l.w, v, err)
}

// readBody decodes a request; none at all is an empty one.
func readBody(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, more := dec.Token(); more == io.EOF {
			return nil
		}
		err = errors.New("more than one JSON value")
	}
	var long *http.MaxBytesError
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &long):
		return &api.Error{Code: api.CodeTooLarge, Message: "the request is too long", Hint: "send at most 64 KiB"}
	}
	return &api.Error{Code: api.CodeBadRequest, Message: "the request is not as it should be: " + err.Error()}
}

func answerOr(w http.ResponseWriter, v any, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, v)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the caller sees a cut answer
}

// fail answers with an error, and the decision it came with.
func fail(w http.ResponseWriter, err error) {
	wrap := struct {
		Error    *api.Error `json:"error"`
		Decision *Decision  `json:"decision,omitempty"`
	}{Error: asError(err)}
	var refused *Refused
	if errors.As(err, &refused) {
		wrap.Decision = &refused.Decision
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(statusOf(wrap.Error.Code))
	_ = json.NewEncoder(w).Encode(wrap)
}

func statusOf(code string) int {
	switch code {
	case api.CodeBadRequest:
		return http.StatusBadRequest
	case api.CodeUnauthorized:
		return http.StatusUnauthorized
	case api.CodeNotFound:
		return http.StatusNotFound
	case api.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case api.CodeConflict, api.CodeMoved, CodeNoTarget:
		return http.StatusConflict
	case api.CodeNotAllowed:
		return http.StatusForbidden
	case api.CodeNoCapacity, CodeNodeLost:
		return http.StatusServiceUnavailable
	case api.CodeMigrationFault, api.CodeInDoubt, CodeUnreachable:
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}
