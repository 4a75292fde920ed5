// A model of the guest's end of sojourn.v1 and of the network in between, for tests of sojourn.js.
// It is written from docs/SESSIONS.md and shares nothing with the client but the encoding of frames.

import { decode, encode } from "../sojourn.js";

/** Random numbers that a seed repeats (mulberry32). */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

/** One guest that is on one of some nodes, and its sessions. `fate` may drop a link at each frame. */
export class World {
  constructor(nodes, rnd = Math.random) {
    Object.assign(this, { nodes, rnd, at: nodes[0], standing: null, stale: null, lacking: null, sessions: [], links: new Set(), refuse: null, window: 1 << 20, dials: [] });
    this.onmessage = () => {};
    this.fate = () => "pass";
    const world = this;
    this.WebSocket = class extends Socket {
      constructor(url, protocol) {
        super(world, url, protocol);
      }
    };
  }

  bytes(n) { return Uint8Array.from({ length: n }, () => Math.floor(this.rnd() * 256)); }

  /** Moves the guest; its clients are told, or find their sockets cut. */
  move(to, { tell = true, wait = 5 } = {}) {
    this.at = to;
    for (const s of this.sessions) s.epoch++;
    for (const l of [...this.links]) {
      if (tell) l.reply({ kind: "redirect", wait, try: 5000, urls: [to] });
      l.finish(tell ? 1012 : 1006);
    }
  }

  cut() {
    for (const l of [...this.links]) l.finish(1006);
  }
}

export class GuestEnd {
  constructor(world) {
    Object.assign(this, {
      world, id: world.bytes(16), tokens: [world.bytes(32)], epoch: 1, got: [], out: [], acked: 0,
      durable: Infinity, acking: true, ending: null, theirs: null, link: null,
    });
  }

  /** Says a message to the client. */
  say(data) {
    const payload = typeof data === "string" ? new TextEncoder().encode(data) : data;
    this.out.push({ type: typeof data === "string" ? 1 : 2, payload });
    this.link?.reply({ kind: "data", number: this.out.length, ...this.out.at(-1) });
  }

  end(code = 0, text = "") {
    this.ending = { last: this.out.length, code, text };
    this.link?.reply({ kind: "close", ...this.ending });
  }

  terms() {
    return { version: 1, token: this.tokens.at(-1), epoch: this.epoch, received: this.got.length, maxMessage: 1 << 20, window: this.world.window, urls: [this.world.at] };
  }

  resumed(link, f) {
    const i = this.tokens.findIndex((t) => same(t, f.token));
    if (i < 0) return link.reset(403, "wrong token");
    if (f.received > this.out.length && f.epoch >= this.epoch) return link.reset(411, "claims more than was sent");
    if (f.sent < this.got.length) return link.reset(411, "sent less than was received");
    this.tokens = [this.tokens[i], this.world.bytes(32)];
    this.theirs = null; // it is said again, like messages that have not arrived
    this.link?.finish(1006);
    this.link = link;
    link.session = this;
    link.proof = false;
    link.reply({ kind: "resumed", ...this.terms(), sent: this.out.length });
    for (let n = Math.min(f.received, this.out.length); n < this.out.length; n++) link.reply({ kind: "data", number: n + 1, ...this.out[n] });
    if (this.ending) link.reply({ kind: "close", ...this.ending });
    this.ack();
  }

  take(link, f) {
    if (f.kind !== "ping" && f.kind !== "pong") this.tokens = this.tokens.slice(-1); // it is known: RESUMED has arrived
    switch (f.kind) {
      case "data":
        if (f.number <= this.got.length) return;
        if (f.number !== this.got.length + 1) return link.reset(411, "gap");
        this.got.push({ type: f.type, payload: f.payload.slice() });
        this.ack();
        return this.world.onmessage(this, f.type === 1 ? new TextDecoder().decode(f.payload) : f.payload.slice());
      case "ack":
        if (f.received > this.out.length) return link.reset(411, "ack beyond what was sent");
        this.acked = Math.max(this.acked, f.received);
        return;
      case "close": this.theirs = f; return;
      case "ping": return link.reply({ kind: "pong", echo: f.echo });
    }
  }

  ack() {
    if (this.acking) this.link?.reply({ kind: "ack", received: this.got.length, durable: Math.min(this.durable, this.got.length) });
  }
}

class Socket {
  constructor(world, url, protocol) {
    Object.assign(this, { world, url, protocol, readyState: 0, session: null, queue: [], over: false });
    const u = new URL(url);
    this.node = `http://${u.host}`;
    world.dials.push(this.node);
    world.links.add(this);
    setTimeout(() => {
      if (this.over) return;
      if (world.nodes.includes(this.node) && world.fate(this, "open") !== "cut") {
        this.readyState = 1;
        this.onopen({});
      } else this.finish(1006);
    });
  }

  /** From the client. */
  send(bytes) {
    const copy = bytes.slice();
    this.later(() => this.arrive(decode(copy)));
  }

  arrive(f) {
    if (this.world.fate(this, f.kind) === "cut") return this.finish(1006);
    const { refuse, at } = this.world;
    if (refuse) return this.reset(...refuse);
    if (this.session) return this.session.take(this, f);
    if (this.node === this.world.lacking) return this.reset(404, "no such guest");
    if (this.node !== at && this.node !== this.world.stale) {
      this.reply({ kind: "redirect", wait: 1, try: 5000, urls: [at] });
      return this.finish(1012);
    }
    if (f.kind === "hello") {
      const s = (this.session = this.world.standing ?? new GuestEnd(this.world));
      s.link = this;
      s.hello = f;
      this.world.sessions.push(s);
      return this.reply({ kind: "welcome", session: s.id, next: s.out.length + 1, ...s.terms() });
    }
    const s = this.world.sessions.find((x) => same(x.id, f.session));
    if (this.node === this.world.stale) return this.reply({ kind: "resumed", ...s.terms(), epoch: 0, received: 0, sent: 0 });
    return s ? s.resumed(this, f) : this.reset(404, "no such session");
  }

  reply(f) {
    if (this.over) return;
    const bytes = encode(f);
    this.later(() => {
      if (this.world.fate(this, `reply ${f.kind}`) === "cut") return this.finish(1006);
      this.onmessage({ data: bytes.buffer });
    });
  }

  reset(reason, text) {
    this.reply({ kind: "reset", reason, text });
    this.finish(4000 + reason);
  }

  later(f) {
    this.queue.push(f);
    setTimeout(() => this.over || this.queue.shift()?.());
  }

  /** Ends the socket once all before it has arrived; a cut ends it at once. */
  finish(code) {
    if (code !== 1006) return this.later(() => this.finished(code));
    this.finished(code);
  }

  finished(code) {
    if (this.over) return;
    Object.assign(this, { over: true, readyState: 3, code });
    this.world.links.delete(this);
    if (this.session?.link === this) this.session.link = null;
    setTimeout(() => this.onclose({ code, reason: "" }));
  }

  close(code) {
    this.finished(code);
  }
}
