// What a user of the client writes. The compiler checks it against sojourn.d.ts.

import { Session, SessionError, type End, type Message } from "../sojourn.js";

export async function chat(node: string, guest: string): Promise<End> {
  const s = new Session({ urls: [node], guest, listener: "chat", mode: "messages", storage: sessionStorage, state: () => ({ seen: 1 }) });
  s.addEventListener("moved", (e) => console.log(e.detail.from, e.detail.node, e.detail.millis.toFixed(1)));
  s.addEventListener("rewound", ({ detail: { from, to } }) => console.log(from - to));
  await s.send("hello");
  await s.send(new Uint8Array([1, 2, 3]));
  try {
    for await (const m of s) show(m);
  } catch (e) {
    if (e instanceof SessionError && e.reason === 404) console.log(e.message);
  }
  s.closeSend();
  const last: Message | null = await s.receive();
  if (last !== null) show(last);
  return s.close();
}

function show(m: Message) {
  console.log(typeof m === "string" ? m.length : m.byteLength, m);
}

// @ts-expect-error: a guest is needed
new Session({ urls: [] });
// @ts-expect-error: there is no such mode
new Session({ urls: [], guest: "g", mode: "words" });
