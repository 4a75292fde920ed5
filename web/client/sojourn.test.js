// node --test: the client against a model of the guest's end.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Machine, Session, SessionError, decode, encode } from "./sojourn.js";
import { GuestEnd, World, random } from "./testdata/model.js";

// Node 18 lacks what every browser has.
globalThis.CustomEvent ??= class extends Event {
  constructor(type, { detail }) {
    super(type);
    this.detail = detail;
  }
};

const NODES = ["http://a:1", "http://b:2", "http://c:3"];

function connect(world, options = {}) {
  return new Session({ urls: [world.nodes[0]], guest: "g", mode: "raw", WebSocket: world.WebSocket, ...options });
}

/** Collects events of a session in their order. */
function listen(s, ...types) {
  const seen = [];
  for (const t of types) s.addEventListener(t, (e) => seen.push([t, e.detail]));
  return seen;
}

const until = async (what, ok) => {
  for (let i = 0; !ok(); i++) {
    assert.ok(i < 2000, `waited in vain for ${what}`);
    await new Promise((r) => setTimeout(r, 2));
  }
};

class Storage {
  map = new Map();
  getItem(k) { return this.map.get(k) ?? null; }
  setItem(k, v) { this.map.set(k, v); }
  removeItem(k) { this.map.delete(k); }
}

test("frames are the bytes that Go writes, both ways", () => {
  const cases = JSON.parse(readFileSync(new URL("testdata/frames.json", import.meta.url)));
  const kinds = new Set();
  const bytes = (v) => (v && typeof v === "object" && "hex" in v ? Uint8Array.from(Buffer.from(v.hex, "hex")) : v);
  for (const { frame, hex } of cases) {
    const want = Object.fromEntries(Object.entries(frame).map(([k, v]) => [k, bytes(v)]));
    assert.equal(Buffer.from(encode(want)).toString("hex"), hex, frame.kind);
    assert.deepEqual(decode(Uint8Array.from(Buffer.from(hex, "hex"))), want, frame.kind);
    kinds.add(frame.kind);
  }
  assert.equal(kinds.size, 13);
});

test("truncated, longer and foreign frames are refused", () => {
  const cases = JSON.parse(readFileSync(new URL("testdata/frames.json", import.meta.url)));
  const malformed = (b) => assert.throws(() => decode(b), (e) => e instanceof SessionError && e.reason === 400);
  for (const { frame, hex } of cases) {
    const whole = Uint8Array.from(Buffer.from(hex, "hex"));
    const shortest = frame.kind === "data" ? 10 : whole.length; // behind that, a payload of any length
    for (let n = 0; n < shortest; n++) malformed(whole.subarray(0, n));
    if (frame.kind !== "data") malformed(Uint8Array.of(...whole, 0));
  }
  malformed(Uint8Array.of(0));
  malformed(Uint8Array.of(14));
  malformed(Uint8Array.of(10, 0, 0, 0, 0, 0, 0, 0, 0, 9)); // nine URLs
  malformed(Uint8Array.of(4, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0)); // a number over 2^53
  malformed(Uint8Array.of(7, 0, 0, 1, 0, 255)); // not UTF-8
});

test("text and bytes of any length, both ways", async () => {
  const world = new World(NODES);
  world.onmessage = (s, m) => s.say(m);
  const s = connect(world, { token: "secret", mode: "messages" });
  const sent = ["", "wörld", new Uint8Array(0), Uint8Array.of(0, 255, 10), new Uint8Array(1 << 20).fill(7), "x".repeat(1 << 20)];
  for (const m of sent) await s.send(m);
  for (const m of sent) assert.deepEqual(await s.receive(), m);
  await assert.rejects(s.send(new Uint8Array((1 << 20) + 1)), { reason: 413 });
  assert.deepEqual([world.sessions[0].hello.auth, world.sessions[0].hello.mode], ["secret", 3]);
  assert.ok(!world.dials.some((u) => u.includes("secret")));
  await s.close();
});

// Numbered messages both ways while links are cut at random frames, replies to a resume included, and
// the guest moves.
for (let seed = 1; seed <= 12; seed++) {
  test(`once and in order, whatever is cut (seed ${seed})`, async () => {
    const rnd = random(seed);
    const world = new World(NODES, rnd);
    let quiet = false;
    world.fate = () => (!quiet && rnd() < 0.03 ? "cut" : "pass");
    world.window = 2000;
    world.onmessage = (g, m) => {
      g.say(m);
      if (rnd() < 0.1) world.move(NODES[Math.floor(rnd() * 3)], { tell: rnd() < 0.5 });
    };
    const s = connect(world, { urls: NODES });
    const want = Array.from({ length: 150 }, (_, i) => `${i} ${"x".repeat(Math.floor(rnd() * 300))}`);
    const sending = (async () => {
      for (const m of want) await s.send(m);
    })();
    for (const m of want) {
      if (rnd() < 0.1) await new Promise((r) => setTimeout(r, 15)); // what comes meanwhile waits, and is not acknowledged
      assert.equal(await s.receive(), m);
    }
    await sending;
    quiet = true;
    const alive = world.sessions.filter((g) => g.got.length > 0);
    assert.equal(alive.length, 1, "one session, however often it was resumed");
    assert.equal(alive[0].got.length, want.length);
    await s.close();
  });
}

test("a move is told, with how long it took", async () => {
  const world = new World(NODES);
  const s = connect(world);
  const seen = listen(s, "opened", "held", "released", "moved", "resumed");
  await s.send("1");
  await until("the message", () => world.sessions[0]?.got.length === 1);
  world.sessions[0].link.reply({ kind: "hold", millis: 12 });
  await until("held", () => s.held);
  await s.send("2");
  world.move(NODES[1]);
  await until("the second message", () => world.sessions[0].got.length === 2);
  assert.deepEqual(seen.map(([t]) => t), ["opened", "held", "resumed", "moved"]);
  assert.equal(seen[1][1].expected, 12);
  assert.equal(seen[3][1].from, NODES[0]);
  assert.equal(seen[3][1].node, NODES[1]);
  assert.ok(seen[3][1].millis > 0);
  assert.equal(s.node, NODES[1]);
  world.sessions[0].link.reply({ kind: "hold", millis: 1 });
  world.sessions[0].link.reply({ kind: "go" });
  await until("released", () => seen.at(-1)[0] === "released");
  await s.close();
});

test("what was written while the guest was held is written again when it goes on", async () => {
  const world = new World(NODES);
  const s = connect(world);
  await s.send("1");
  await until("a session", () => world.sessions[0]?.got.length === 1);
  const g = world.sessions[0];
  const take = g.take;
  g.take = (link, f) => f.kind === "data" || take.call(g, link, f);
  await s.send("2");
  g.link.reply({ kind: "hold", millis: 5 });
  await until("held", () => s.held);
  g.take = take;
  g.link.reply({ kind: "go" });
  await s.send("3");
  await until("all", () => g.got.length === 3);
  await s.close();
});

test("an acknowledgement may come between the end of a hold and what is written again", () => {
  const g = new GuestEnd(new World(NODES));
  const m = new Machine();
  m.begin(2, "");
  m.take({ kind: "welcome", session: g.id, next: 1, ...g.terms() });
  for (let i = 0; i < 3; i++) m.push({ type: 2, payload: new Uint8Array(1) });
  for (let i = 1; i <= 3; i++) assert.equal(m.next().number, i);
  m.take({ kind: "hold", millis: 1 });
  m.take({ kind: "go" });
  m.take({ kind: "ack", received: 2, durable: 2 });
  assert.equal(m.next().number, 3);
  assert.equal(m.next(), undefined);
  assert.throws(() => m.take({ kind: "ack", received: 4, durable: 4 }), { reason: 411 });
});

test("one node of several that lacks the guest is passed over", async () => {
  const world = new World(NODES);
  world.at = NODES[1];
  world.lacking = NODES[0];
  const s = connect(world, { urls: NODES.slice(0, 2) });
  await s.send("x");
  await until("the message", () => world.sessions[0]?.got.length === 1);
  await s.close();
});

test("no more than 1024 messages are on their way", async () => {
  const world = new World(NODES);
  const s = connect(world);
  await s.send("first");
  await until("a session", () => world.sessions[0]?.got.length === 1);
  const g = world.sessions[0];
  g.acking = false;
  let sent = 0;
  const all = Array.from({ length: 1500 }, () => s.send("").then(() => sent++));
  await until("1024 of them", () => sent === 1024);
  await new Promise((r) => setTimeout(r, 20));
  assert.equal(sent, 1024);
  g.acking = true;
  g.ack();
  await Promise.all(all);
  await until("all", () => g.got.length === 1501);
  await s.close();
});

test("the sender waits at the window", async () => {
  const world = new World(NODES);
  world.window = 1000;
  const s = connect(world);
  await s.send("first");
  await until("a session", () => world.sessions[0]?.got.length === 1);
  world.sessions[0].acking = false;
  await s.send(new Uint8Array(800));
  let sent = false;
  const third = s.send(new Uint8Array(800)).then(() => (sent = true));
  await new Promise((r) => setTimeout(r, 30));
  assert.equal(sent, false);
  assert.ok(s.bufferedAmount >= 1600);
  world.sessions[0].acking = true;
  world.sessions[0].ack();
  await third;
  await until("all", () => world.sessions[0].got.length === 3);
  await s.close();
});

test("what is not durable is sent again after a crash, and what is said again is told", async () => {
  const world = new World(NODES);
  const s = connect(world);
  const seen = listen(s, "rewound");
  for (const m of ["1", "2", "3"]) await s.send(m);
  await until("three", () => world.sessions[0]?.got.length === 3);
  const g = world.sessions[0];
  // Another session's acknowledgements were durable; of this one they are from now on only up to 3.
  g.durable = 3;
  await s.send("4");
  g.say("out 1");
  g.say("out 2");
  assert.equal(await s.receive(), "out 1");
  assert.equal(await s.receive(), "out 2");
  const third = s.receive(); // takes the second
  await until("the acknowledgement", () => g.acked === 2 && g.got.length === 4);
  g.got.length = 3;
  g.out.length = 1;
  world.move(NODES[1], { tell: false });
  await until("the message again", () => g.got.length === 4);
  g.say("out 2, otherwise");
  assert.equal(await third, "out 2, otherwise");
  assert.deepEqual(seen.map(([, d]) => [d.from, d.to]), [[2, 1]]);
  await s.close();
});

test("a page that is loaded again goes on", async () => {
  const world = new World(NODES);
  const storage = new Storage();
  const seen = [];
  const options = { storage, state: () => seen };
  const s = connect(world, options);
  await s.send("1");
  await until("one", () => world.sessions[0]?.got.length === 1);
  const g = world.sessions[0];
  g.acking = false;
  await s.send("2");
  g.say("a");
  g.say("b");
  seen.push(await s.receive());
  const taken = s.receive(); // "a" is taken, "b" is shown and not taken
  await taken;
  await new Promise((r) => setTimeout(r, 20));
  // The page is gone: nothing of it runs any more, and what was on its way is lost.
  const last = [...world.links].map((l) => l.onclose);
  world.links.forEach((l) => ((l.onmessage = l.onclose = () => {}), l.finish(1006)));
  g.got.length = 1;
  const again = connect(world, { storage });
  assert.deepEqual(again.state, ["a"]);
  assert.equal(await again.receive(), "b");
  g.acking = true;
  await again.send("3");
  await until("all", () => g.got.length === 3);
  assert.deepEqual(g.got.map((m) => new TextDecoder().decode(m.payload)), ["1", "2", "3"]);
  assert.equal(world.sessions.length, 1);
  await again.close();
  last.forEach((f) => f({ code: 1006, reason: "" }));
  assert.equal((await s.closed).error.reason, 403, "the page before has an old token");
});

test("both ends", async () => {
  const world = new World(NODES);
  const s = connect(world, { listener: "chat" });
  await s.send("last");
  s.closeSend();
  await assert.rejects(s.send("more"));
  await until("our end", () => world.sessions[0]?.theirs?.last === 1);
  world.sessions[0].say("bye");
  world.sessions[0].end(1, "7");
  assert.equal(await s.receive(), "bye");
  assert.equal(await s.receive(), null);
  assert.deepEqual(await s.closed, { error: null, exit: 7 });
  assert.equal(await s.receive(), null);
});

test("our end is said again after a cut", async () => {
  const world = new World(NODES);
  const s = connect(world, { listener: "chat" });
  await s.send("last");
  s.closeSend();
  await until("our end", () => world.sessions[0]?.theirs?.last === 1);
  world.cut();
  await until("the cut", () => !s.connected);
  await until("our end again", () => s.connected && world.sessions[0].theirs?.last === 1);
  world.sessions[0].end();
  assert.equal(await s.receive(), null);
  assert.deepEqual(await s.closed, { error: null, exit: null });
});

test("a standing session goes on with its numbers", async () => {
  const world = new World(NODES);
  const g = (world.standing = new GuestEnd(world));
  world.sessions.push(g);
  for (let i = 0; i < 3; i++) g.got.push({}), g.say("before"), g.say("before");
  const s = connect(world);
  await until("a session", () => s.connected);
  await s.send("4");
  await until("the message", () => g.got.length === 4);
  g.say("7");
  assert.equal(await s.receive(), "7");
  const next = s.receive();
  await until("the acknowledgement", () => g.acked === 7);
  world.cut();
  g.say("8");
  assert.equal(await next, "8");
  await s.close();
});

test("an older copy of the guest is not talked to", async () => {
  const world = new World(NODES);
  const s = connect(world, { urls: NODES.slice(0, 2) });
  await s.send("1");
  await until("one", () => world.sessions[0]?.got.length === 1);
  world.stale = NODES[0];
  world.move(NODES[1], { tell: false });
  await s.send("2");
  await until("two", () => world.sessions[0].got.length === 2);
  assert.equal(s.node, NODES[1]);
  await s.close();
});

test("a peer that says nothing is pinged, and given up", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const sockets = [];
  class Silent {
    sent = [];
    readyState = 1;
    constructor() { sockets.push(this); }
    send(b) { this.sent.push(decode(b).kind); }
    close() { this.readyState = 3; }
  }
  const pass = async (ms) => {
    for (; ms > 0; ms -= 1000) {
      now += 1000;
      t.mock.timers.tick(1000);
      for (let i = 0; i < 5; i++) await null;
    }
  };
  const s = new Session({ urls: NODES, guest: "g", WebSocket: Silent });
  sockets[0].onopen({});
  assert.deepEqual(sockets[0].sent, ["hello"]);
  await pass(11_000);
  assert.equal(sockets[0].readyState, 3, "no answer to the first frame");
  await pass(1000);
  const second = sockets[1];
  second.onopen({});
  const g = new GuestEnd(new World(NODES));
  second.onmessage({ data: encode({ kind: "welcome", session: g.id, next: 1, ...g.terms() }).buffer });
  await pass(31_000);
  assert.deepEqual(second.sent, ["hello", "ping", "ping"]);
  assert.equal(second.readyState, 1);
  await pass(16_000);
  assert.equal(second.readyState, 3, "nothing was heard for 45 s");
  await pass(2000);
  assert.equal(sockets.length, 3);
  s.close();
  await pass(6000);
  await s.closed;
});

test("an end that the guest's end has closed behind is read to the end", async () => {
  const world = new World(NODES);
  const s = connect(world);
  await s.send("1");
  await until("one", () => world.sessions[0]?.got.length === 1);
  const g = world.sessions[0];
  g.say("a");
  g.say("b");
  g.end();
  g.link.finish(1000);
  await until("the socket's end", () => !s.connected);
  assert.equal(await s.receive(), "a");
  assert.equal(await s.receive(), "b");
  assert.equal(await s.receive(), null);
  assert.equal((await s.closed).error, null);
  assert.equal(world.dials.length, 1);
});

test("a session that is forgotten when all was said is over, and not lost", async () => {
  const world = new World(NODES);
  const s = connect(world, { listener: "chat" });
  await s.send("1");
  await until("one", () => s.bufferedAmount === 0 && world.sessions[0]?.got.length === 1);
  const g = world.sessions[0];
  g.say("a");
  g.end();
  s.closeSend();
  await until("our end", () => g.theirs);
  world.refuse = [410, "ended"];
  world.cut();
  assert.equal(await s.receive(), "a");
  assert.equal(await s.receive(), null);
  assert.equal((await s.closed).error, null);
});

test("a session that is gone says so", async () => {
  for (const reason of [400, 401, 403, 404, 409, 410, 411, 413]) {
    const world = new World(NODES);
    const s = connect(world);
    world.refuse = [reason, "because"];
    await assert.rejects(s.receive(), { reason, message: "because" });
    assert.equal((await s.closed).error.reason, reason);
    await assert.rejects(s.send("x"), { reason });
  }
});

test("what passes is tried again", async () => {
  const world = new World(NODES);
  const s = connect(world);
  for (const [i, reason] of [503, 408, 429].entries()) {
    world.refuse = [reason, "later"];
    await until("three attempts", () => world.dials.length >= 3 * (i + 1));
  }
  world.refuse = null;
  await s.send("x");
  await until("the message", () => world.sessions[0]?.got.length === 1);
  await s.close();
});

test("a session that ends while it looks for its guest leaves no socket", async () => {
  const world = new World(NODES);
  const s = connect(world);
  await s.send("x");
  await until("its acknowledgement", () => s.bufferedAmount === 0 && world.sessions[0]);
  world.cut();
  await until("a new socket", () => !s.connected && world.links.size === 1);
  await s.close();
  await until("no socket", () => world.links.size === 0);
});

test("nobody answers", async () => {
  const world = new World([]);
  const s = new Session({ urls: NODES, guest: "g", giveUp: 60, WebSocket: world.WebSocket });
  const { error } = await s.closed;
  assert.match(error.message, /no node has answered/);
  assert.deepEqual([...new Set(world.dials)].sort(), NODES);
});

test("a peer that breaks the rules is refused with its reason", async () => {
  const breaches = [
    [411, (g) => g.link.reply({ kind: "data", number: 5, type: 1, payload: new Uint8Array(1) })],
    [411, (g) => g.link.reply({ kind: "ack", received: 9, durable: 9 })],
    [411, (g) => g.link.reply({ kind: "ack", received: 0, durable: 1 })],
    [400, (g) => g.link.reply({ kind: "data", number: 1, type: 3, payload: new Uint8Array(1) })],
    [400, (g) => g.link.reply({ kind: "data", number: 1, type: 1, payload: Uint8Array.of(255) })],
    [400, (g) => g.link.reply({ kind: "hello", oldest: 1, newest: 1, mode: 0, auth: "" })],
    [411, (g) => ((g.got.length = 0), g.link.finish(1006))],
    [411, (g) => (g.got.push(g.got[0]), (g.world.fate = () => "pass"), (g.resumed = function (l) { l.session = g; l.reply({ kind: "resumed", ...g.terms(), sent: 0 }); }), g.link.finish(1006))],
  ];
  for (const [reason, breach] of breaches) {
    const world = new World(NODES);
    const s = connect(world);
    await s.send("x");
    await until("the message", () => world.sessions[0]?.got.length === 1);
    await until("its acknowledgement", () => s.bufferedAmount === 0);
    breach(world.sessions[0]);
    assert.equal((await s.closed).error?.reason, reason);
  }
});

test("a frame before the handshake is a breach", async () => {
  const world = new World(NODES);
  const s = connect(world);
  await until("a socket", () => world.links.size === 1);
  [...world.links][0].reply({ kind: "ack", received: 0, durable: 0 });
  assert.equal((await s.closed).error.reason, 400);
});
