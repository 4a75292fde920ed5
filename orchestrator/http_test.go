package orchestrator

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sojourn/proxy/api"
)

// send makes a request as no Client would, and returns the status and body.
func send(t *testing.T, x *fixture, method, path, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, x.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestHTTPRefuses(t *testing.T) {
	x := start(t)
	x.join(t, "a", "g1")
	for _, tt := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code                     string
	}{
		{"no such path", "GET", "/v2/nodes", "", nil, 404, api.CodeNotFound},
		{"no such node", "GET", "/v1/nodes/z", "", nil, 404, api.CodeNotFound},
		{"no such guest", "POST", "/v1/guests/z/migrate", "{}", nil, 404, api.CodeNotFound},
		{"no such guest, by the line", "POST", "/v1/guests/z/migrate", "{}", []string{"Accept", ndjson}, 404, api.CodeNotFound},
		{"no target", "POST", "/v1/guests/g1/migrate", "", nil, 409, CodeNoTarget},
		{"not JSON", "POST", "/v1/guests/g1/migrate", "to=b", nil, 400, api.CodeBadRequest},
		{"unknown field", "POST", "/v1/guests/g1/migrate", `{"too":"b"}`, nil, 400, api.CodeBadRequest},
		{"two values", "POST", "/v1/guests/g1/migrate", `{}{}`, nil, 400, api.CodeBadRequest},
		{"long body", "POST", "/v1/nodes/a/drain", `{"parallel":` + strings.Repeat("1", maxBody) + `}`, nil, 413, api.CodeTooLarge},
		{"name of another machine", "GET", "/v1/nodes", "", []string{"Host", "evil.example"}, 401, api.CodeUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := send(t, x, tt.method, tt.path, tt.body, tt.header...)
			var wrap struct{ Error *api.Error }
			if err := json.Unmarshal([]byte(body), &wrap); err != nil || wrap.Error == nil {
				t.Fatalf("%d %s: %v", status, body, err)
			}
			if status != tt.status || wrap.Error.Code != tt.code || wrap.Error.Message == "" {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	if status, _ := send(t, x, "POST", "/v1/nodes/a/drain", "", "Origin", "http://elsewhere.example"); status != 403 {
		t.Errorf("a web page's request: %d", status)
	}
	if n, _ := x.o.nodes.get("a"); n.Cordoned {
		t.Error("cordoned by a refused request")
	}
}

func TestHTTPWithoutLines(t *testing.T) {
	x := start(t)
	x.join(t, "a", "g1", "g2")
	x.join(t, "b")
	status, body := send(t, x, "POST", "/v1/guests/g1/migrate", "")
	var m Moved
	if err := json.Unmarshal([]byte(body), &m); err != nil || status != 200 || m.Result == nil || m.Decision.Target != "b" {
		t.Errorf("%d %s: %v", status, body, err)
	}
	status, body = send(t, x, "POST", "/v1/nodes/a/drain", `{"parallel":1}`)
	var d DrainResult
	if err := json.Unmarshal([]byte(body), &d); err != nil || status != 200 || len(d.Moved) != 1 || len(d.Left) != 0 {
		t.Errorf("%d %s: %v", status, body, err)
	}
}

// A dry run by the line is one line.
func TestHTTPDryRunByTheLine(t *testing.T) {
	x := start(t)
	x.join(t, "a", "g1")
	x.join(t, "b")
	status, body := send(t, x, "POST", "/v1/guests/g1/migrate", `{"dry_run":true}`, "Accept", ndjson)
	var e Event
	if err := json.Unmarshal([]byte(body), &e); err != nil || status != 200 || e.Decision == nil || e.Decision.Target != "b" {
		t.Errorf("%d %s: %v", status, body, err)
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	x := start(t)
	for _, path := range []string{"/v1/nodes", "/v1/guests"} {
		if status, body := send(t, x, "GET", path, ""); status != 200 || strings.TrimSpace(body) != "[]" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
}

func TestToken(t *testing.T) {
	x := start(t, func(c *Config) { c.Token = "secret" })
	a, b := x.join(t, "a", "g1"), x.join(t, "b")
	a.lock(func() { a.token, b.token = "secret", "secret" })
	for _, h := range []string{"", "secret", "Bearer", "Bearer wrong", "bearer secret"} {
		if status, body := send(t, x, "GET", "/v1/nodes", "", "Authorization", h); status != 401 || strings.Contains(body, "secret") {
			t.Errorf("%q: %d %s", h, status, body)
		}
	}
	if _, err := x.c.Migrate(t.Context(), "g1", "", nil); err != nil {
		t.Errorf("with the token: %v", err)
	}
}

func TestConfig(t *testing.T) {
	good := Config{Dir: "d"}
	if err := good.validate(); err != nil || good.LostAfter != 10*time.Second || good.Parallel != 2 || good.Log == nil || good.Listen == "" {
		t.Errorf("%+v, %v", good, err)
	}
	for name, cfg := range map[string]Config{
		"nowhere to write":   {},
		"exposed":            {Dir: "d", Listen: "0.0.0.0:1"},
		"exposed everywhere": {Dir: "d", Listen: ":1"},
		"no port":            {Dir: "d", Listen: "localhost"},
		"negative":           {Dir: "d", LostAfter: -1},
	} {
		if err := cfg.validate(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for name, cfg := range map[string]Config{
		"token":    {Dir: "d", Listen: ":1", Token: "t"},
		"insecure": {Dir: "d", Listen: ":1", Insecure: true},
		"v6":       {Dir: "d", Listen: "[::1]:1"},
	} {
		if err := cfg.validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	o, err := New(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	ln, err := o.Listen()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Serve(ln); err != nil {
		t.Errorf("serve after close: %v", err)
	}
}
