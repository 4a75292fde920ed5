// A screen of lines that grows downwards: text, tabs, carriage return, backspace, colours, and erasing
// of a line or of all. Other escape sequences are dropped. It is what programs that talk by the line
// need; it is no VT100.

const LINES = 5_000; // of scrollback
const KEPT = 200_000; // characters that a page that is loaded again shows again
const LONGEST = 64; // characters of an escape sequence; a longer one is text
const STYLES = { 1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse" };
const ESCAPE = /^\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78cDEHM])/;

export class Screen {
  #log;
  #prompt;
  #utf8 = new TextDecoder();
  #rest = ""; // the beginning of an escape sequence
  #cells = []; // of the last line: [character, classes]
  #at = 0;
  #style = { bold: false, faint: false, italic: false, underline: false, inverse: false, color: null };
  #said = "";

  /** Whole lines go to log, the last one, without an end yet, to prompt. */
  constructor(log, prompt) {
    this.#log = log;
    this.#prompt = prompt;
  }

  /** All that was written, for a page that shows it again. */
  get transcript() { return this.#said; }

  bytes(b) { this.write(this.#utf8.decode(b, { stream: true })); }

  write(text) {
    this.#said += text;
    if (this.#said.length > KEPT) this.#said = this.#said.slice(this.#said.indexOf("\n", this.#said.length - KEPT / 2) + 1);
    text = this.#rest + text;
    this.#rest = "";
    for (let i = 0; i < text.length;) {
      if (text[i] === "\x1b") {
        const m = ESCAPE.exec(text.slice(i, i + LONGEST));
        if (!m && text.length - i < LONGEST) {
          this.#rest = text.slice(i);
          break;
        }
        if (m) {
          this.#escape(m[1], m[2]);
          i += m[0].length;
          continue;
        }
      }
      const c = String.fromCodePoint(text.codePointAt(i));
      this.#character(c);
      i += c.length;
    }
    this.#prompt.replaceChildren(...this.#spans());
  }

  clear() {
    this.#log.replaceChildren();
    this.#cells = [];
    this.#at = 0;
  }

  #character(c) {
    switch (c) {
      case "\n": return this.#line();
      case "\r": this.#at = 0; return;
      case "\b": this.#at = Math.max(0, this.#at - 1); return;
      case "\t":
        do this.#put(" "); while (this.#at % 8 !== 0);
        return;
      default: if (c >= " " && c !== "\x7f") this.#put(c);
    }
  }

  #put(c) {
    const { color, ...on } = this.#style;
    const classes = Object.keys(on).filter((k) => on[k]);
    if (color !== null) classes.push(`c${color}`);
    this.#cells[this.#at++] = [c, classes.join(" ")];
  }

  #line() {
    const div = document.createElement("div");
    div.append(...this.#spans());
    this.#log.append(div);
    this.#cells = [];
    this.#at = 0;
    while (this.#log.childElementCount > LINES) this.#log.firstElementChild.remove();
  }

  #spans() {
    const spans = [];
    let last = null;
    for (const cell of this.#cells) {
      const [c, classes] = cell ?? [" ", ""];
      if (last === null || last.className !== classes) {
        last = document.createElement("span");
        last.className = classes;
        spans.push(last);
      }
      last.textContent += c;
    }
    return spans;
  }

  #escape(args, final) {
    const n = (args ?? "").split(";").map(Number);
    if (final === "m") for (const v of n) this.#select(v);
    else if (final === "K" && n[0] === 0) this.#cells.length = Math.min(this.#cells.length, this.#at);
    else if (final === "K" && n[0] === 2) this.#cells = [];
    else if (final === "J" && n[0] >= 2) this.clear();
    else if (final === "D") this.#at = Math.max(0, this.#at - (n[0] || 1));
    else if (final === "C") this.#at = Math.min(this.#at + (n[0] || 1), 1000);
    else if (final === "G") this.#at = Math.min(Math.max(0, (n[0] || 1) - 1), 1000);
  }

  #select(v) {
    const s = this.#style;
    if (!v) Object.assign(s, { bold: false, faint: false, italic: false, underline: false, inverse: false, color: null });
    else if (STYLES[v]) s[STYLES[v]] = true;
    else if (v === 22) s.bold = s.faint = false;
    else if (STYLES[v - 20]) s[STYLES[v - 20]] = false;
    else if (v >= 30 && v <= 37) s.color = v - 30;
    else if (v >= 90 && v <= 97) s.color = v - 90;
    else if (v === 39) s.color = null;
  }
}
