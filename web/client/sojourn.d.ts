/** How messages become bytes of the guest's streams; "default" is the listener's own. */
export type Mode = "default" | "lines" | "raw" | "messages";

export interface Options {
  /** Base URLs of nodes, http or https, best first. Any node that knows the guest does. */
  urls: string[];
  /** The guest's id. */
  guest: string;
  /** "stdio", the guest's standard streams, unless another is named. */
  listener?: string;
  mode?: Mode;
  /** The nodes' bearer token. It goes into the first frame, never into a URL. */
  token?: string;
  /** Look this long for a guest that cannot be reached, in ms; 120000 by default. */
  giveUp?: number;
  /** Keeps the session for a page that is loaded again: sessionStorage. It then holds the session's secret. */
  storage?: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** The entry of storage; one for each guest and listener by default. */
  key?: string;
  /** What the page has made of what it took, saved together with the session. Anything that JSON can hold. */
  state?: () => unknown;
  /** The constructor to use where there is no global one. */
  WebSocket?: new (url: string, protocols?: string) => WebSocket;
}

export type Message = string | Uint8Array;

/** How a session ended. Exit is the guest's exit code if it has ended by itself. */
export interface End {
  error: SessionError | null;
  exit: number | null;
}

/** The details of the events. Node is the base URL of the node that the session goes through. */
export interface Events {
  /** A session has begun. */
  opened: { node: string };
  /** The guest is about to move. What is sent is kept. */
  held: { node: string; expected: number };
  /** The guest goes on where it was. */
  released: { node: string; millis: number };
  /** The socket is gone; nodes are tried in turn. */
  detached: { node: string };
  /** The session goes on; it stood still for so long. */
  resumed: { node: string; millis: number };
  /** As resumed, when it goes on through another node. */
  moved: { from: string; node: string; millis: number };
  /** The guest is back from an older image: the messages after `to` come again, or others in their place. */
  rewound: { node: string; from: number; to: number };
  /** The session is over. */
  closed: End;
}

/** Why a session is gone. */
export class SessionError extends Error {
  /** A number of docs/SESSIONS.md, 0 when no node could be reached or the guest has broken the connection. */
  readonly reason: number;
  constructor(reason: number, message: string);
}

export class Session extends EventTarget implements AsyncIterable<Message> {
  constructor(options: Options);
  /** What Options.state returned when the session was last saved; null for a new one. */
  state: unknown;
  readonly closed: Promise<End>;
  /** Bytes that are sent and not acknowledged, or that wait for room. */
  readonly bufferedAmount: number;
  readonly node: string | null;
  readonly connected: boolean;
  readonly held: boolean;
  /** Sends a text or a binary message. Resolves when there is room for it in the window. */
  send(data: string | ArrayBuffer | ArrayBufferView): Promise<void>;
  /** The next message, null at the end. A message counts as taken when the next is asked for. */
  receive(): Promise<Message | null>;
  [Symbol.asyncIterator](): AsyncIterator<Message>;
  /** Ends our direction: the guest reads end of file. */
  closeSend(): void;
  /** Leaves once what was sent has arrived, at most 5 s from now. Standard streams are only left. */
  close(): Promise<End>;
  addEventListener<K extends keyof Events>(type: K, listener: (event: CustomEvent<Events[K]>) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}
