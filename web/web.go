// Package web holds what a node gives to browsers: the JavaScript client of sessions
// (client/sojourn.js, with its types beside it) and a terminal page. The files ask nobody
// else for anything, and hold no secrets, so they are served to whoever asks; the session
// that the page then begins proves itself as any other does.
package web

import (
	"embed"
	"net/http"
)

//go:embed client/sojourn.js terminal
var files embed.FS

// policy lets the page run its own files and talk to nodes: a session may follow its guest
// to any of them.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' http: https: ws: wss:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// Handler serves GET /terminal/{guest}, and what the page needs below /web/.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /terminal/{guest}", file("terminal/index.html", "text/html; charset=utf-8"))
	mux.HandleFunc("GET /web/terminal.css", file("terminal/terminal.css", "text/css; charset=utf-8"))
	for path, name := range map[string]string{"terminal.js": "terminal/terminal.js", "screen.js": "terminal/screen.js", "sojourn.js": "client/sojourn.js"} {
		mux.HandleFunc("GET /web/"+path, file(name, "text/javascript; charset=utf-8"))
	}
	return mux
}

func file(name, kind string) http.HandlerFunc {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // a file that is named here is embedded above
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-cache")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(b)
	}
}
