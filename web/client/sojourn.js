// The client's end of a Sojourn session (protocol sojourn.v1, docs/SESSIONS.md), for browsers and Node.
//
//   import { Session } from "./sojourn.js";
//   const s = new Session({ urls: ["https://node"], guest: "4f1d...", mode: "lines" });
//   await s.send("hello");
//   for await (const m of s) console.log(m);          // strings and Uint8Arrays, in order
//
// What is sent arrives once and in order, and so does what is received, however often the guest moves
// and sockets break; when that cannot be kept the session ends with an error, and nothing is left out
// silently. One exception is told by an event: a guest that is back from an older image after a crash
// may say again, or otherwise, what it has said ("rewound").
//
// A message counts as taken when the next one is asked for. What is not taken is not acknowledged: a
// page that is loaded again and has `storage` gets it again.

const KIND = {
  hello: 1, welcome: 2, data: 3, ack: 4, resume: 5, resumed: 6, reset: 7, hold: 8, go: 9,
  redirect: 10, ping: 11, pong: 12, close: 13,
};
const TERMS = [["epoch", "u64"], ["received", "u64"], ["sent", "u64"], ["maxMessage", "u32"], ["window", "u32"], ["urls", "urls"]];

/** The fields of each frame behind its first byte, in their order. Integers are little-endian. */
const FIELDS = {
  hello: [["oldest", "u16"], ["newest", "u16"], ["mode", "u8"], ["auth", "str"]],
  welcome: [["version", "u16"], ["session", "16"], ["token", "32"], ["epoch", "u64"], ["received", "u64"], ["next", "u64"], ...TERMS.slice(3)],
  data: [["number", "u64"], ["type", "u8"], ["payload", "rest"]],
  ack: [["received", "u64"], ["durable", "u64"]],
  resume: [["oldest", "u16"], ["newest", "u16"], ["session", "16"], ["token", "32"], ["epoch", "u64"], ["received", "u64"], ["sent", "u64"], ["auth", "str"]],
  resumed: [["version", "u16"], ["token", "32"], ...TERMS],
  reset: [["reason", "u16"], ["text", "str"]],
  hold: [["millis", "u32"]],
  go: [],
  redirect: [["wait", "u32"], ["try", "u32"], ["urls", "urls"]],
  ping: [["echo", "8"]],
  pong: [["echo", "8"]],
  close: [["last", "u64"], ["code", "u16"], ["text", "str"]],
};
const NAMES = Object.fromEntries(Object.entries(KIND).map(([name, n]) => [n, name]));

const VERSION = 1;
const MODES = { default: 0, lines: 1, raw: 2, messages: 3 };
const TEXT = 1, BINARY = 2;
const MAX_URLS = 8, MAX_URL = 512; // of a frame
const MAX_MESSAGE = 1 << 20;
const MAX_FRAME = MAX_MESSAGE + 10;
const MAX_KEPT = 16 << 20; // bytes the guest has but not durably, kept to be sent again
const MAX_FLIGHT = 1024; // messages that are not acknowledged
const OVERHEAD = 64; // counted for each message beside its bytes, so that empty ones are bounded too
const MALFORMED = 400, NOT_FOUND = 404, TAKEN_OVER = 409, EXPIRED = 410, GAP = 411, TOO_LARGE = 413, TOO_MANY = 429;
const TRANSIENT = [408, 503];
const EXITED = 1, BROKEN = 2; // codes of close

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Why a session is gone. `reason` is a number of docs/SESSIONS.md, 0 when no node could be reached. */
export class SessionError extends Error {
  constructor(reason, message) {
    super(message);
    this.name = "SessionError";
    this.reason = reason;
  }
}

const breach = (what) => new SessionError(MALFORMED, `protocol: ${what}`);

/** Encodes a frame { kind, ...fields } to the bytes of one WebSocket message. */
export function encode(frame) {
  const parts = [Uint8Array.of(KIND[frame.kind])];
  for (const [name, type] of FIELDS[frame.kind]) parts.push(...write(type, frame[name]));
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

function write(type, v) {
  switch (type) {
    case "str": {
      const b = utf8.encode(v);
      return [integer(b.length, 2), b];
    }
    case "urls": return [Uint8Array.of(v.length), ...v.flatMap((u) => write("str", u))];
    case "u8": case "u16": case "u32": case "u64": return [integer(v, Number(type.slice(1)) / 8)];
    default: return [v];
  }
}

function integer(v, size) {
  const b = new Uint8Array(size);
  for (let i = 0, n = BigInt(v); i < size; i++, n >>= 8n) b[i] = Number(n & 255n);
  return b;
}

/** Decodes the bytes of one WebSocket message. Truncation and trailing bytes are errors. */
export function decode(bytes) {
  const kind = NAMES[bytes[0]];
  if (!kind || bytes.length > MAX_FRAME) throw breach(`a frame of kind ${bytes[0]} and ${bytes.length} bytes`);
  const r = new Reader(bytes.subarray(1), kind);
  const frame = { kind };
  for (const [name, type] of FIELDS[kind]) frame[name] = r.read(type);
  if (r.left.length > 0) throw breach(`${r.left.length} bytes after ${kind}`);
  return frame;
}

class Reader {
  constructor(bytes, kind) {
    this.left = bytes;
    this.kind = kind;
  }

  read(type) {
    switch (type) {
      case "rest": return this.take(this.left.length);
      case "str": return this.string(0xffff);
      case "urls": {
        const n = this.integer(1);
        if (n > MAX_URLS) throw breach(`${n} URLs in ${this.kind}`);
        return Array.from({ length: n }, () => this.string(MAX_URL));
      }
      case "u8": case "u16": case "u32": case "u64": return this.integer(Number(type.slice(1)) / 8);
      default: return this.take(Number(type));
    }
  }

  take(n) {
    if (this.left.length < n) throw breach(`${this.kind} is truncated`);
    const b = this.left.subarray(0, n);
    this.left = this.left.subarray(n);
    return b;
  }

  string(limit) {
    const n = this.integer(2);
    if (n > limit) throw breach(`a string of ${n} bytes in ${this.kind}`);
    return decodeText(this.take(n));
  }

  integer(size) {
    const n = this.take(size).reduceRight((v, b) => v * 256 + b, 0);
    if (n > Number.MAX_SAFE_INTEGER) throw breach(`a number over 2^53 in ${this.kind}`);
    return n;
  }
}

function decodeText(bytes) {
  try {
    return text.decode(bytes);
  } catch {
    throw breach("text that is not UTF-8");
  }
}

/**
 * One session without sockets and clocks: frames go into `take`, frames come out of `next`.
 *
 *   ours:    base < kept until durable <= acked <= flight <= wrote <= last
 *   theirs:  consumed <= received = consumed + inbox
 */
export class Machine {
  constructor() {
    Object.assign(this, {
      known: false, session: null, token: null, epoch: 0, urls: [], maxMessage: MAX_MESSAGE, window: MAX_MESSAGE,
      out: [], base: 0, acked: 0, flight: 0, wrote: 0, unacked: 0, kept: 0, ending: null,
      inbox: [], consumed: 0, given: false, theirs: null, settled: false,
      attached: false, held: false, told: 0, endSent: false, control: [], events: [],
    });
  }

  get last() { return this.base + this.out.length; }
  get received() { return this.consumed + this.inbox.length; }
  /** The user has all that the guest will ever send. */
  get drained() { return this.theirs !== null && this.consumed === this.theirs.last; }
  /** Both directions are at their end, and each side knows. A guest that has ended acknowledges no more. */
  get finished() {
    if (!this.drained) return false;
    return this.settled || (this.told === this.consumed && (this.theirs.code === EXITED || (this.endSent && this.acked === this.last)));
  }

  /** Takes a message of the user's if there is room for it. */
  push(m) {
    const n = m.payload.length + OVERHEAD;
    if (this.last - this.acked >= MAX_FLIGHT) return false;
    if ((this.unacked > 0 && this.unacked + n > this.window) || (this.kept > 0 && this.kept + n > MAX_KEPT)) return false;
    this.out.push(m);
    this.unacked += n;
    this.kept += n;
    return true;
  }

  /** The next message for the user; the one before it is taken with this. */
  pull() {
    this.took();
    if (this.inbox.length === 0) return undefined;
    this.given = true;
    return this.inbox[0];
  }

  took() {
    if (!this.given) return;
    this.given = false;
    this.inbox.shift();
    this.consumed++;
  }

  finish(code = 0, why = "") {
    this.ending ??= { last: this.last, code, text: why };
  }

  /** Begins with a new link: the first frame on it. */
  begin(mode, auth) {
    this.lost();
    this.endSent = false;
    const versions = { oldest: VERSION, newest: VERSION, auth };
    if (!this.known) return { kind: "hello", ...versions, mode };
    const { session, token, epoch } = this;
    this.told = this.consumed;
    return { kind: "resume", ...versions, session, token, epoch, received: this.consumed, sent: this.last };
  }

  /** The link is gone; code is how it was closed. The guest's end closes with 1000 when it has nothing to wait for. */
  lost(code) {
    if (code === 1000 && this.theirs && this.received === this.theirs.last) this.settled = true;
    Object.assign(this, { attached: false, held: false, control: [] });
  }

  /** The next frame to be written on this link, if there is one. */
  next() {
    if (!this.attached) return this.control.shift();
    if (this.control.length > 0) return this.control.shift();
    if (this.told !== this.consumed) {
      this.told = this.consumed;
      return { kind: "ack", received: this.told, durable: this.told };
    }
    if (this.held) return undefined;
    if (this.flight < this.last) {
      const m = this.out[this.flight++ - this.base];
      this.wrote = Math.max(this.wrote, this.flight); // flight goes back after a hold
      return { kind: "data", number: this.flight, ...m };
    }
    if (this.ending && !this.endSent) {
      this.endSent = true;
      return { kind: "close", ...this.ending };
    }
    return undefined;
  }

  /** Takes a frame of the guest's end. Throws a SessionError. */
  take(f) {
    if (!this.attached && ["data", "ack", "hold", "go", "close"].includes(f.kind)) throw breach(`${f.kind} before the handshake`);
    switch (f.kind) {
      case "welcome": return this.welcomed(f);
      case "resumed": return this.resumed(f);
      case "data": return this.data(f);
      case "ack": return this.acknowledged(f);
      case "close": return this.closed(f);
      case "hold":
        this.held = true;
        return this.say("held", { expected: f.millis });
      case "go":
        // What was written meanwhile may not have been taken.
        Object.assign(this, { held: false, endSent: false, flight: this.acked });
        return this.say("released", {});
      case "ping":
        if (this.control.length < 16) this.control.push({ kind: "pong", echo: f.echo });
        return;
      case "pong": return;
      default: throw breach(`${f.kind} from the guest's end`);
    }
  }

  say(type, detail) { this.events.push([type, detail]); }

  agree(f) {
    if (f.version !== VERSION) throw breach(`version ${f.version}`);
    Object.assign(this, { known: true, attached: true, token: f.token.slice(), epoch: f.epoch, urls: f.urls });
    this.maxMessage = Math.min(Math.max(f.maxMessage, 1), MAX_MESSAGE);
    this.window = Math.min(Math.max(f.window, 1), MAX_KEPT);
  }

  welcomed(f) {
    if (this.known || f.next === 0) throw breach("a welcome to a session that goes on, or without a number");
    this.agree(f);
    this.session = f.session.slice();
    this.base = this.acked = this.flight = this.wrote = f.received;
    if (this.ending) this.ending.last = this.last;
    this.consumed = this.told = f.next - 1;
    this.say("opened", {});
  }

  resumed(f) {
    if (!this.known) throw breach("resumed without a session");
    if (f.epoch < this.epoch) throw new SessionError(503, "a node that has not the guest any more");
    const forgot = f.received < this.acked || f.sent < this.received;
    if (f.received > this.last || f.received < this.base || (f.epoch === this.epoch && forgot)) {
      throw new SessionError(GAP, "recovery is impossible: the guest's end has other messages than were sent");
    }
    this.rewind(f.sent);
    this.agree(f);
    this.flight = this.acked = f.received;
    this.unacked = this.out.slice(f.received - this.base).reduce((n, m) => n + m.payload.length + OVERHEAD, 0);
    this.say("resumed", {});
  }

  rewind(sent) {
    if (sent < this.received) {
      this.theirs = null;
      this.took();
    }
    if (sent < this.consumed) {
      this.say("rewound", { from: this.consumed, to: sent });
      this.consumed = sent;
    }
    this.inbox.length = Math.min(this.inbox.length, sent - this.consumed);
    this.told = Math.min(this.told, this.consumed); // what the resume said; more may have been taken meanwhile
  }

  data(f) {
    if (f.type !== TEXT && f.type !== BINARY) throw breach(`a message of type ${f.type}`);
    if (f.number <= this.received) return;
    if (f.number !== this.received + 1) throw new SessionError(GAP, "a message of the guest's is missing");
    if (f.payload.length > this.maxMessage) throw new SessionError(TOO_LARGE, "a message of the guest's is over the limit");
    if (this.theirs) throw breach("a message behind the end");
    this.inbox.push(f.type === TEXT ? decodeText(f.payload) : f.payload.slice());
  }

  acknowledged(f) {
    if (f.durable > f.received || f.received > this.wrote) throw new SessionError(GAP, "the guest's end claims messages that were not sent");
    for (; this.acked < f.received; this.acked++) this.unacked -= this.out[this.acked - this.base].payload.length + OVERHEAD;
    this.flight = Math.max(this.flight, this.acked);
    for (; this.base < f.durable; this.base++) this.kept -= this.out.shift().payload.length + OVERHEAD;
  }

  closed(f) {
    if (f.last < this.received) throw breach("an end before messages that were sent");
    this.theirs = f;
  }

  /** All that a later page needs to go on, as JSON. */
  save() {
    const { epoch, urls, maxMessage, window, base, acked, ending, consumed, theirs } = this;
    const out = this.out.map((m) => [m.type, base64(m.payload)]);
    return { session: base64(this.session), token: base64(this.token), epoch, urls, maxMessage, window, base, acked, ending, consumed, theirs, out };
  }

  static load(v) {
    const m = new Machine();
    const { epoch, urls, maxMessage, window, base, acked, ending, consumed, theirs } = v;
    Object.assign(m, { known: true, epoch, urls, maxMessage, window, base, acked, ending, consumed, theirs });
    m.session = unbase64(v.session);
    m.token = unbase64(v.token);
    m.out = v.out.map(([type, b]) => ({ type, payload: unbase64(b) }));
    m.flight = m.acked;
    m.wrote = m.last;
    m.told = consumed;
    const size = (from) => m.out.slice(from).reduce((n, o) => n + o.payload.length + OVERHEAD, 0);
    m.kept = size(0);
    m.unacked = size(acked - base);
    return m;
  }
}

function base64(b) {
  let s = "";
  for (let i = 0; i < b.length; i += 8192) s += String.fromCharCode(...b.subarray(i, i + 8192));
  return btoa(s);
}

function unbase64(s) {
  return Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
}

const HANDSHAKE = 10_000, DRAIN = 5_000, QUIET = 15_000, DEAD = 45_000, GIVE_UP = 120_000; // ms
const FIRST_WAIT = 10, LONGEST_WAIT = 1_000; // ms between attempts, before jitter
const KNOWN_URLS = 16;

/** A session with a guest. See sojourn.d.ts for its options and events. */
export class Session extends EventTarget {
  #opt;
  #m;
  #urls;
  #waiting = []; // sends that wait for room: { message, resolve, reject }
  #readers = [];
  #socket = null; // the last that was opened
  #link = null; // the same, once the handshake is done
  #error = null;
  #leaving = false;
  #since = 0; // when the link was lost
  #giveUp;
  #wake = () => {};
  #saving = null;
  #strays = 0; // resumes that nobody has answered: one may arrive late, and take a newer link's place
  #changed = () => {};
  #resolve;

  constructor(options) {
    super();
    const o = { listener: "stdio", mode: "default", token: "", giveUp: GIVE_UP, WebSocket: globalThis.WebSocket, state: () => null, ...options };
    if (!o.guest) throw new TypeError("session: no guest is named");
    if (!o.urls?.length) throw new TypeError("session: no node is named");
    if (!(o.mode in MODES)) throw new TypeError(`session: there is no mode ${o.mode}`);
    if (!o.WebSocket) throw new TypeError("session: there is no WebSocket here; give one as an option");
    o.key ??= `sojourn:${o.guest}/${o.listener}`;
    this.#opt = o;
    this.#urls = o.urls.map(base);
    this.#giveUp = o.giveUp;
    /** What options.state returned when the session was last saved, if this is one that goes on. */
    this.state = null;
    /** Resolves when the session is over: { code, exit, error }. */
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
    this.#m = this.#restore() ?? new Machine();
    globalThis.addEventListener?.("pagehide", this.#save);
    globalThis.addEventListener?.("online", this.#hurry);
    this.#run();
  }

  /** Bytes that are sent and not acknowledged, or that wait for room. */
  get bufferedAmount() {
    return this.#waiting.reduce((n, w) => n + w.message.payload.length, this.#m.unacked);
  }
  get node() { return this.#link?.url ?? null; }
  get connected() { return this.#m.attached; }
  get held() { return this.#m.held; }

  /** Sends a string, or bytes. Resolves when there is room in the window for it: await it, and the sender is as slow as the guest. */
  send(data) {
    if (this.#over) return Promise.reject(this.#gone());
    const message = typeof data === "string" ? { type: TEXT, payload: utf8.encode(data) } : { type: BINARY, payload: bytesOf(data) };
    if (this.#closing || this.#leaving || this.#m.ending) return Promise.reject(new SessionError(0, "the session is closed for sending"));
    if (message.payload.length > this.#m.maxMessage) return Promise.reject(new SessionError(TOO_LARGE, `a message of ${message.payload.length} bytes: at most ${this.#m.maxMessage}`));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
      this.#step();
    });
  }

  /** The guest's next message; null when it will send no more. Rejects when the session is gone. */
  receive() {
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      this.#step();
    });
  }

  async *[Symbol.asyncIterator]() {
    for (let m; (m = await this.receive()) !== null;) yield m;
  }

  /** Ends our direction behind what was sent: the guest reads end of file. */
  closeSend() {
    this.#closing = true;
    this.#step();
  }
  #closing = false;
  #drain = null;

  /** Leaves, when what was sent has arrived or after 5 s. Standard streams go on for the next client. */
  close() {
    if (this.#leaving) return this.closed;
    this.#leaving = true;
    if (this.#opt.listener !== "stdio") this.#closing = true;
    this.#drain = setTimeout(() => this.#end(null), DRAIN);
    this.#step();
    return this.closed;
  }

  #hurry = () => this.#wake();
  #gone() { return this.#error ?? new SessionError(0, "the session is closed"); }

  #tell(type, detail) {
    if (type === "held") this.#paused ??= performance.now();
    const went = { ...detail, node: this.node };
    if (type === "released" || type === "resumed") {
      went.millis = this.#paused === null ? 0 : performance.now() - this.#paused;
      this.#paused = null;
    }
    const from = this.#at;
    if (type === "opened" || type === "resumed") this.#at = this.node;
    this.#emit(type, went);
    if (type === "resumed" && from && from !== this.node) this.#emit("moved", { from, ...went });
  }
  #paused = null; // since when the guest is held or out of reach
  #at = null; // the node of the last link

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Moves all that can move, after anything has changed. */
  #step() {
    const m = this.#m;
    if (this.#over) return this.#deliver();
    while (m.known && this.#waiting.length > 0 && m.push(this.#waiting[0].message)) this.#waiting.shift().resolve();
    if (this.#closing && this.#waiting.length === 0) m.finish();
    this.#deliver();
    for (const [type, detail] of m.events.splice(0)) this.#tell(type, detail);
    this.#link?.flush();
    if (m.finished || (this.#leaving && this.#opt.listener === "stdio" && m.known && this.#waiting.length === 0 && m.acked === m.last)) this.#end(null);
    else this.#later();
  }

  #deliver() {
    const m = this.#m;
    while (this.#readers.length > 0) {
      const got = m.pull();
      if (got !== undefined) this.#readers.shift().resolve(got);
      else if (m.drained && m.theirs.code === BROKEN) this.#readers.shift().reject(new SessionError(0, "the guest has reset the connection"));
      else if (m.drained) this.#readers.shift().resolve(null);
      else if (this.#over) this.#readers.shift().reject(this.#gone());
      else return;
    }
  }

  #over = false;

  /** The session is over, with an error or without. */
  #end(error) {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    const { theirs } = this.#m;
    globalThis.removeEventListener?.("pagehide", this.#save);
    globalThis.removeEventListener?.("online", this.#hurry);
    clearTimeout(this.#saving);
    clearTimeout(this.#drain);
    if (error || this.#m.finished) this.#opt.storage?.removeItem(this.#opt.key);
    for (const w of this.#waiting.splice(0)) w.reject(this.#gone());
    this.#deliver();
    this.#socket?.close(1000);
    this.#wake();
    const result = { error, exit: theirs?.code === EXITED ? Number(theirs.text) : null };
    this.#resolve(result);
    this.#emit("closed", result);
  }

  #restore() {
    const { storage, key } = this.#opt;
    try {
      const saved = JSON.parse(storage?.getItem(key) ?? "null");
      if (!saved) return null;
      const m = Machine.load(saved.machine);
      this.state = saved.state;
      return m;
    } catch {
      storage.removeItem(key); // of another version of this file
      return null;
    }
  }

  #later() {
    if (this.#opt.storage) this.#saving ??= setTimeout(this.#save);
  }

  #save = () => {
    clearTimeout(this.#saving);
    this.#saving = null;
    const { storage, key, state } = this.#opt;
    if (!storage || !this.#m.known || this.#over) return;
    try {
      storage.setItem(key, JSON.stringify({ machine: this.#m.save(), state: state() }));
    } catch {
      storage.removeItem(key); // full: an old copy would lose messages
    }
  };

  /** Keeps a link as long as the session lives. */
  async #run() {
    let first = [];
    let pause = 0, failures = 0;
    this.#since = performance.now();
    while (!this.#over) {
      const urls = unique([...first, ...this.#m.urls, ...this.#urls]).slice(0, KNOWN_URLS);
      let absent = 0; // nodes in a row that know of no such guest
      for (const url of urls) {
        if (pause > 0) await this.#sleep(Math.random() * pause);
        if (this.#over) return;
        const before = performance.now();
        const end = await this.#dial(url);
        if (this.#over || this.#m.settled) return;
        absent = end.error?.reason === NOT_FOUND ? absent + 1 : 0;
        if (this.#m.known && end.sent && !end.attached && !end.error && !end.redirect) this.#strays++;
        if (end.error && this.#final(end, absent, urls.length)) return this.#lost(end.error);
        if (end.attached) {
          this.#since = performance.now();
          this.#paused ??= this.#since;
          this.#giveUp = end.redirect?.try || this.#opt.giveUp;
          failures = 0;
          this.#emit("detached", { node: url });
        }
        first = end.redirect ? end.redirect.urls.map(base) : end.attached ? [url] : first;
        pause = end.redirect ? end.redirect.wait : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures++);
        if (performance.now() - this.#since > this.#giveUp) {
          return this.#end(end.error ?? new SessionError(0, `no node has answered for ${Math.round((performance.now() - this.#since) / 1000)} s; is one of them up? last tried: ${url}`));
        }
        if (end.attached) break;
        pause -= Math.min(pause, performance.now() - before);
      }
    }
  }

  /** Whether a reset ends the session: not one of the link only, nor that of one node of several which lacks the guest. */
  #final({ error: { reason }, attached }, absent, nodes) {
    if (reason === TOO_MANY) return attached;
    if (reason === TAKEN_OVER && attached && this.#strays > 0) {
      this.#strays--; // by a resume of our own, which came late
      return false;
    }
    return reason === NOT_FOUND ? attached || absent >= nodes : !TRANSIENT.includes(reason);
  }

  /** The guest's end knows the session no more: a fault, unless all was said. */
  #lost(error) {
    const m = this.#m;
    const done = m.theirs && m.received === m.theirs.last && m.ending && m.acked === m.last;
    if (!done || (error.reason !== NOT_FOUND && error.reason !== EXPIRED)) return this.#end(error);
    m.settled = true;
    this.#step();
  }

  #sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Runs one socket to its end, and says how it ended. */
  #dial(url) {
    const { guest, listener, mode, token, WebSocket } = this.#opt;
    const path = `/v1/guests/${encodeURIComponent(guest)}/connect/${encodeURIComponent(listener)}`;
    const m = this.#m;
    return new Promise((resolve) => {
      const link = (this.#socket = new Link(new WebSocket("ws" + url.slice(4) + path, "sojourn.v1"), m, url));
      link.onframe = () => {
        if (this.#link !== link && m.attached) this.#attached(link);
        this.#step();
      };
      link.onend = (end) => {
        if (this.#link === link) this.#link = null;
        m.lost(end.code);
        this.#step();
        resolve(end);
      };
      link.open(() => m.begin(MODES[mode], token));
    });
  }

  #attached(link) {
    this.#link = link;
    this.#save(); // the token is a new one
  }
}

/** One WebSocket of a session. */
class Link {
  constructor(ws, machine, url) {
    Object.assign(this, { ws, machine, url, redirect: null, error: null, sent: false, attached: false, heard: performance.now() });
    ws.binaryType = "arraybuffer";
    this.handshake = setTimeout(() => this.drop(), HANDSHAKE);
    this.tick = setTimeout(() => this.alive(), QUIET);
  }

  open(first) {
    this.ws.onopen = () => {
      this.sent = true;
      this.ws.send(encode(first()));
    };
    this.ws.onmessage = (e) => this.message(e.data);
    this.ws.onclose = (e) => this.ended(e.code, e.reason);
    this.ws.onerror = () => {};
  }

  message(data) {
    if (this.done) return;
    this.heard = performance.now();
    try {
      if (typeof data === "string") throw breach("a text message");
      this.frame(decode(new Uint8Array(data)));
    } catch (e) {
      if (!(e instanceof SessionError)) throw e;
      this.refuse(e);
    }
  }

  frame(f) {
    if (f.kind === "reset") {
      this.error = new SessionError(f.reason, f.text || `reset ${f.reason}`);
      return this.drop();
    }
    if (f.kind === "redirect") {
      this.redirect = f;
      return this.drop();
    }
    this.machine.take(f);
    if (this.machine.attached) {
      this.attached = true;
      clearTimeout(this.handshake);
    }
    this.onframe();
    if (!this.attached) this.flush(); // a pong before the handshake
  }

  refuse(error) {
    this.error = error;
    if (this.ws.readyState === 1) this.ws.send(encode({ kind: "reset", reason: error.reason, text: error.message }));
    this.close(4000 + error.reason);
    this.ended(4000 + error.reason, error.message);
  }

  flush() {
    if (this.done || this.ws.readyState !== 1) return;
    for (let f; (f = this.machine.next());) this.ws.send(encode(f));
  }

  /** Asks a peer that is quiet whether it is there, and gives up one that does not say so. */
  alive() {
    const quiet = performance.now() - this.heard;
    if (quiet >= DEAD) return this.drop();
    if (quiet >= QUIET && this.attached && this.ws.readyState === 1) {
      this.ws.send(encode({ kind: "ping", echo: crypto.getRandomValues(new Uint8Array(8)) }));
    }
    this.tick = setTimeout(() => this.alive(), quiet < QUIET ? QUIET - quiet : QUIET);
  }

  /** Takes the socket for ended without waiting for the other side. */
  drop() {
    this.close(1000);
    this.ended(1006, "");
  }

  close(code) {
    if (this.ws.readyState < 2) this.ws.close(code);
  }

  ended(code, reason) {
    if (this.done) return;
    this.done = true;
    clearTimeout(this.handshake);
    clearTimeout(this.tick);
    if (!this.error && code >= 4400 && code < 4600) this.error = new SessionError(code - 4000, reason || `reset ${code - 4000}`);
    this.onend({ code, error: this.error, redirect: this.redirect, attached: this.attached, sent: this.sent });
  }
}

function bytesOf(data) {
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0));
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  throw new TypeError("session: send a string, an ArrayBuffer or a view of one");
}

const base = (url) => {
  const u = new URL(url, globalThis.location?.href);
  if (u.protocol !== "http:" && u.protocol !== "https:") throw new TypeError(`session: node ${url}: want http://host:port or https://host:port`);
  return u.href.replace(/\/+$/, "");
};

const unique = (list) => [...new Set(list)];
