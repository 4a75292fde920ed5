// The terminal page: standard input and output of a guest, through whatever node has it.
//
// In line mode a line is edited here and sent with Enter; in raw mode each key is sent at once. A guest
// has no terminal driver of its own, so Enter sends a line feed in both.

import { Session } from "./sojourn.js";
import { Screen } from "./screen.js";

const $ = (id) => document.getElementById(id);
const guest = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const listener = new URLSearchParams(location.search).get("listener") ?? "stdio";
const screen = new Screen($("log"), $("prompt"));
const lines = { sent: [], at: 0 };

let session = null;
let raw = false;
let echo = false;
let moves = 0;
let retry = null; // what a click or Enter does once the session is over

$("name").textContent = guest;
document.title = `${guest} – Sojourn`;

function status(state, text) {
  $("status").dataset.state = state;
  $("status").textContent = text;
}

function note(text) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  item.append(time, text);
  $("events").prepend(item);
  while ($("events").childElementCount > 200) $("events").lastElementChild.remove();
}

const took = (ms) => (ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`);

/** Shows output, and follows it unless the reader has scrolled up. */
function show(data) {
  const s = $("screen");
  const follow = s.scrollHeight - s.scrollTop - s.clientHeight < 40;
  typeof data === "string" ? screen.write(data) : screen.bytes(data);
  if (follow) s.scrollTop = s.scrollHeight;
}

function connect(token = "") {
  const s = new Session({
    urls: [location.origin], guest, listener, mode: "raw", token, storage: sessionStorage, state: () => ({ transcript: screen.transcript, moves }),
  });
  session = s;
  retry = null;
  if (s.state) {
    screen.clear();
    show(s.state.transcript);
    moves = s.state.moves;
  }
  enable(true);
  watch(s);
  read(s);
}

function watch(s) {
  const on = (type, f) => s.addEventListener(type, (e) => f(e.detail));
  const connected = (text = "") => status("connected", `Connected through ${s.node}${text}`);
  on("opened", ({ node }) => {
    connected();
    note(`a new session, through ${node}`);
  });
  on("held", () => status("held", "Moving: what you type is kept"));
  on("released", ({ millis }) => {
    connected(`, held for ${took(millis)}`);
    note(`held for ${took(millis)}, goes on where it was`);
  });
  on("detached", ({ node }) => status("detached", `Lost ${node}: reconnecting, what you type is kept`));
  on("resumed", ({ millis }) => connected(millis > 0 ? `, after ${took(millis)}` : ", again"));
  on("moved", ({ node, millis }) => {
    moved(moves + 1);
    connected(`, moved in ${took(millis)}`);
    note(`moved to ${node} in ${took(millis)}`);
  });
  on("rewound", ({ from, to }) => note(`the guest is back from an older image: output ${to + 1} to ${from} comes again`));
  moved(moves);
}

function moved(n) {
  moves = n;
  $("moves").textContent = n === 1 ? "1 move" : `${n} moves`;
}

async function read(s) {
  try {
    for await (const m of s) show(m);
  } catch {
    // closed says why
  }
  const { error, exit } = await s.closed;
  enable(false);
  if (error?.reason === 401) return ask();
  const why = error ? `Session is gone: ${error.message}` : exit === null ? "Session has ended" : `Guest has ended with exit code ${exit}`;
  status("ended", error && error.reason !== 404 ? `${why}. Press Enter for a new session.` : why);
  note(why);
  if (error) retry = () => connect();
}

function ask() {
  status("ended", "This node wants its token");
  $("ask").addEventListener("close", () => connect($("token").value), { once: true });
  $("ask").showModal();
}

function enable(on) {
  $("input").disabled = !on;
  $("eof").disabled = !on;
  if (on) $("input").focus();
}

function send(text) {
  session.send(new TextEncoder().encode(text)).catch(() => {}); // closed says why
}

function mode(toRaw) {
  raw = toRaw;
  $("line").setAttribute("aria-pressed", String(!raw));
  $("raw").setAttribute("aria-pressed", String(raw));
  $("echo").disabled = !raw;
  $("input").value = "";
  $("input").focus();
}

/** Raw: what a key sends, or undefined to leave it to the browser. */
function keyBytes(e) {
  const named = { Enter: "\n", Backspace: "\x7f", Tab: "\t", Escape: "\x1b", ArrowUp: "\x1b[A", ArrowDown: "\x1b[B", ArrowRight: "\x1b[C", ArrowLeft: "\x1b[D", Home: "\x1b[H", End: "\x1b[F", Delete: "\x1b[3~" };
  if (e.isComposing || e.metaKey) return undefined;
  if (e.ctrlKey && !e.altKey && /^[a-z[\\^_]$/i.test(e.key) && !(e.key === "v" || e.key === "V")) return String.fromCharCode(e.key.toUpperCase().charCodeAt(0) & 31);
  return e.ctrlKey ? undefined : named[e.key];
}

function type(text) {
  send(text);
  if (echo) show(text);
}

$("input").addEventListener("keydown", (e) => {
  if (e.ctrlKey && e.key === "]") {
    mode(false);
    return e.preventDefault();
  }
  if (raw) {
    const b = keyBytes(e);
    if (b === undefined) return;
    type(b);
    return e.preventDefault();
  }
  if (e.ctrlKey && e.key === "d" && e.target.value === "") {
    endInput();
    return e.preventDefault();
  }
  if (e.key !== "ArrowUp" && e.key !== "ArrowDown") return;
  lines.at = Math.max(0, Math.min(lines.sent.length, lines.at + (e.key === "ArrowUp" ? -1 : 1)));
  e.target.value = lines.sent[lines.at] ?? "";
  e.preventDefault();
});

$("input").addEventListener("input", (e) => {
  if (!raw || e.isComposing) return;
  type(e.target.value);
  e.target.value = "";
});

$("input").addEventListener("compositionend", (e) => {
  if (!raw) return;
  type(e.target.value);
  e.target.value = "";
});

$("entry").addEventListener("submit", (e) => {
  e.preventDefault();
  if (raw) return;
  const line = $("input").value;
  $("input").value = "";
  if (line && lines.sent.at(-1) !== line) lines.sent.push(line);
  lines.at = lines.sent.length;
  show(line + "\n");
  send(line + "\n");
});

function endInput() {
  session.closeSend();
  note("end of input");
  $("input").disabled = true;
  $("eof").disabled = true;
}

$("line").addEventListener("click", () => mode(false));
$("raw").addEventListener("click", () => mode(true));
$("eof").addEventListener("click", endInput);
$("echo").addEventListener("click", () => {
  echo = !echo;
  $("echo").setAttribute("aria-pressed", String(echo));
  $("input").focus();
});
$("screen").addEventListener("click", () => getSelection().isCollapsed && $("input").focus());
document.addEventListener("keydown", (e) => {
  if (e.key === "Enter" && retry && !$("ask").open) retry();
});

connect();
