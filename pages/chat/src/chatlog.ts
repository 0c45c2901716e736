import type { Line } from "duologue";
import { exact, make, mark, write, writeExact } from "./elements.ts";
import type { Words } from "./words.ts";

interface Row {
  readonly paragraph: HTMLParagraphElement;
  readonly who: HTMLElement;
  readonly text: HTMLElement;
  /** That the line was not sent, with what can be done. */
  note: HTMLElement | null;
}

/**
 * The lines of a conversation: one paragraph a line, added and changed but never rebuilt, so that a screen reader hears each once.
 *
 * It remembers what it put where, and never asks the document: a translator or an extension may have wrapped or moved the rows.
 */
export class ChatLog {
  readonly #log: HTMLElement;
  readonly #words: Words["said"];
  readonly #say: (text: string, key?: string) => void;
  readonly #rows = new Map<string, Row>();
  /** The names of the rows, from top to bottom. */
  #order: string[] = [];

  constructor(log: HTMLElement, words: Words["said"], say: (text: string, key?: string) => void) {
    this.#log = log;
    this.#words = words;
    this.#say = say;
    // A turned phone, or a keyboard that opens, shows another part of the log: the newest line is what one looks for.
    new ResizeObserver(() => this.#toEnd()).observe(log);
  }

  clear(): void {
    this.#rows.clear();
    this.#order = [];
    this.#log.replaceChildren();
  }

  show(lines: readonly Line[]): void {
    const atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 40;
    const names = lines.map(nameOf);
    // First, so that what follows moves nothing: of a long conversation the oldest lines go.
    this.#dropAllBut(new Set(names));
    const added = names.some((name) => !this.#rows.has(name));
    for (const [place, line] of lines.entries()) this.#put(line, place);
    if (added && atEnd) this.#toEnd();
  }

  #dropAllBut(names: ReadonlySet<string>): void {
    for (const [name, { paragraph }] of this.#rows) {
      if (names.has(name)) continue;
      paragraph.remove();
      this.#rows.delete(name);
    }
    this.#order = this.#order.filter((name) => names.has(name));
  }

  #put(line: Line, place: number): void {
    const name = nameOf(line);
    const row = this.#rows.get(name) ?? newRow();
    this.#rows.set(name, row);
    this.#draw(row, line);
    if (this.#order[place] === name) return;
    const others = this.#order.filter((other) => other !== name);
    this.#order = [...others.slice(0, place), name, ...others.slice(place)];
    const above = place === 0 ? undefined : this.#rows.get(this.#order[place - 1] ?? "")?.paragraph;
    if (place === 0) this.#log.prepend(row.paragraph);
    else if (above !== undefined && this.#log.contains(above)) above.after(row.paragraph);
    else this.#log.append(row.paragraph);
  }

  #draw(row: Row, line: Line): void {
    mark(row.paragraph, "from", line.from);
    write(row.who, line.from === "me" ? this.#words.you : this.#words.stranger);
    writeExact(row.text, line.text); // a stranger's: never markup
    mark(row.paragraph, "status", line.status);
    if ((row.note !== null) === (line.status === "failed")) return;
    row.note?.remove();
    row.note = line.status === "failed" ? this.#unsent(line) : null;
    if (row.note !== null) row.paragraph.append(row.note);
  }

  #unsent({ key, text, code }: Line): HTMLElement {
    const { full, refused, notSent, again } = this.#words;
    if (code === "conversation-full") return make("span", "unsent", full);
    if (code === "bad-field") return make("span", "unsent", refused);
    const note = make("span", "unsent");
    const button = make("button", "link", again);
    button.type = "button";
    button.addEventListener("click", () => this.#say(text, key ?? undefined));
    note.append(make("span", "", notSent), " ", button);
    return note;
  }

  #toEnd(): void {
    this.#log.scrollTop = this.#log.scrollHeight;
  }
}

function newRow(): Row {
  const [paragraph, who, text] = [make("p", ""), make("span", "who"), exact("span", "")];
  text.className = "text";
  text.dir = "auto";
  paragraph.append(who, text);
  return { paragraph, who, text, note: null };
}

function nameOf({ key, n }: Line): string {
  return key ?? `n${n ?? ""}`;
}
