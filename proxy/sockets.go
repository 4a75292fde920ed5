package proxy

import (
	"context"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
	"sojourn/proxy/wire"
)

// writeBuffers are shared: of thousands of sockets few write at a time.
var writeBuffers sync.Pool

// upgrade makes a WebSocket of a request. Whose page it is, guard has asked.
func (n *Node) upgrade(w http.ResponseWriter, r *http.Request, protocols ...string) (*websocket.Conn, error) {
	u := websocket.Upgrader{ReadBufferSize: 4 << 10, WriteBufferSize: 64 << 10, WriteBufferPool: &writeBuffers, HandshakeTimeout: dialLimit, Subprotocols: protocols,
		CheckOrigin: func(*http.Request) bool { return true },
		Error: func(w http.ResponseWriter, _ *http.Request, _ int, err error) {
			writeError(w, fail(api.CodeBadRequest, "%v", err))
		}}
	return u.Upgrade(w, r, nil)
}

// serveHandover is a target's end of a migration.
func (n *Node) serveHandover(w http.ResponseWriter, r *http.Request) {
	ws, err := n.upgrade(w, r, channelProtocol)
	if err != nil {
		return
	}
	c := wire.NewConn(ws)
	defer context.AfterFunc(n.ctx, func() { _ = ws.Close() })()
	if err := n.receive(c); err != nil {
		n.cfg.Log.Info("a migration channel ended", "from", r.RemoteAddr, "err", err)
	}
}
