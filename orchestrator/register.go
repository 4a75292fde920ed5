package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
)

const maxName = 100 // bytes of a node's name

// link is a node's connection. Its handler is the only reader and writer.
type link struct {
	conn *websocket.Conn
	once sync.Once
}

// close ends the connection, and with it the handler.
func (l *link) close() { l.once.Do(func() { _ = l.conn.Close() }) }

var upgrader = websocket.Upgrader{HandshakeTimeout: 10 * time.Second}

// register serves /v1/register until the node goes, is replaced, or says
// something that is refused.
func (o *Orchestrator) register(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	l := &link{conn: conn}
	defer l.close()
	defer context.AfterFunc(o.ctx, l.close)()
	conn.SetReadLimit(maxMessage)
	name, err := o.serveNode(l)
	if name != "" {
		o.nodes.leave(l, name)
	}
	o.cfg.Log.Info("node out of touch", "node", name, "remote", r.RemoteAddr, "err", err)
}

// serveNode takes reports. name is that of the node once it has joined.
func (o *Orchestrator) serveNode(l *link) (name string, err error) {
	var last api.Node
	for {
		rep, err := o.receive(l)
		if err != nil {
			return name, err
		}
		if name == "" {
			err = o.admit(l, rep.Node)
		} else {
			err = o.update(l, name, last, rep.Node)
		}
		if err != nil {
			return name, errors.Join(err, o.answer(l, Answer{Seq: rep.Seq, Error: asError(err)}))
		}
		name, last = rep.Node.Name, rep.Node
		beat := o.cfg.LostAfter / 3
		if err := o.answer(l, Answer{Seq: rep.Seq, HeartbeatMillis: max(beat.Milliseconds(), 1)}); err != nil {
			return name, err
		}
	}
}

func (o *Orchestrator) receive(l *link) (Report, error) {
	var rep Report
	if err := l.conn.SetReadDeadline(time.Now().Add(max(o.cfg.LostAfter, time.Second))); err != nil {
		return rep, err
	}
	err := l.conn.ReadJSON(&rep)
	rep.Node.URL = strings.TrimRight(rep.Node.URL, "/")
	return rep, err
}

func (o *Orchestrator) answer(l *link, a Answer) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(answerLimit)); err != nil {
		return err
	}
	return l.conn.WriteJSON(a)
}

// admit takes a node's first report.
func (o *Orchestrator) admit(l *link, n api.Node) error {
	if err := checkNode(n); err != nil {
		return &api.Error{Code: api.CodeBadRequest, Message: err.Error(), Hint: "start the node with a name and URL that others can use"}
	}
	if err := o.nodes.join(l, n); err != nil {
		return err
	}
	if err := o.saveReport(n); err != nil {
		o.nodes.leave(l, n.Name)
		return fmt.Errorf("node %s was not written down: %w", n.Name, err)
	}
	o.cfg.Log.Info("node registered", "node", n.Name, "url", n.URL, "isa", n.ISA, "engine", n.Engine)
	return nil
}

// update takes a later one. That the registry cannot be written does not take
// the node out of service.
func (o *Orchestrator) update(l *link, name string, last, n api.Node) error {
	if n.Name != name || n.URL != last.URL {
		return &api.Error{
			Code:    api.CodeBadRequest,
			Message: fmt.Sprintf("node %s at %s now says that it is %q at %q", name, last.URL, n.Name, n.URL),
			Hint:    "dial again to register anew",
		}
	}
	if !o.nodes.report(l, n) {
		return &api.Error{Code: api.CodeConflict, Message: fmt.Sprintf("node %s has registered over another connection", name)}
	}
	if differs(last, n) {
		if err := o.saveReport(n); err != nil {
			o.cfg.Log.Error("report not written down", "node", name, "err", err)
		}
	}
	return nil
}

// checkNode refuses a node whose name cannot be a key or a path element, or
// that says no URL to reach it at.
func checkNode(n api.Node) error {
	if n.Name == "" || len(n.Name) > maxName || n.Name[0] == '.' || strings.ContainsFunc(n.Name, func(r rune) bool { return !keyRune(r) }) {
		return fmt.Errorf("node name %q: want 1 to %d letters, digits, dots, dashes and underscores, the first not a dot", n.Name, maxName)
	}
	if _, err := parseBase(n.URL); err != nil {
		return fmt.Errorf("node %s: URL %q: want http://host:port or https://host:port", n.Name, n.URL)
	}
	return nil
}
