import type { Line, Model } from "duologue";
import { element } from "./elements.ts";
import type { Words } from "./words.ts";

export interface ChatActions {
  readonly say: (text: string, key?: string) => void;
}

/** The text chat: one paragraph a line, added and changed but never rebuilt, so that a screen reader hears each once. */
export class ChatPanel {
  readonly #log = element("chat-log", HTMLDivElement);
  readonly #input = element("chat-input", HTMLInputElement);
  readonly #send = element("chat-send", HTMLButtonElement);
  #items = new Map<string, HTMLParagraphElement>();
  readonly #words: Words;
  readonly #actions: ChatActions;
  #match: string | null = null;

  constructor(words: Words, actions: ChatActions) {
    this.#words = words;
    this.#actions = actions;
    element("chat-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    // A turned phone, or a keyboard that opens, shows another part of the log: the newest line is what one looks for.
    new ResizeObserver(() => this.#toEnd()).observe(this.#log);
  }

  get hasDraft(): boolean {
    return this.#input.value.trim() !== "";
  }

  show(model: Model, canChat: boolean): void {
    if (model.chat.match !== this.#match) this.#begin(model.chat.match);
    // Read-only and not disabled: a field that is disabled loses the focus of who is about to write.
    this.#input.readOnly = !canChat;
    this.#send.disabled = !canChat;
    const { placeholder, placeholderNobody } = this.#words.chat;
    this.#input.placeholder = canChat ? placeholder : placeholderNobody;
    this.#draw(model.chat.lines);
  }

  /** What was written for one stranger must not go to the next. */
  #begin(match: string | null): void {
    this.#match = match;
    this.#items.clear();
    this.#log.replaceChildren();
    this.#input.value = "";
  }

  #submit(): void {
    const text = this.#input.value.trim();
    if (text === "" || this.#input.readOnly) return;
    this.#input.value = "";
    this.#actions.say(text);
  }

  #draw(lines: readonly Line[]): void {
    const atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 40;
    const items = new Map<string, HTMLParagraphElement>();
    let added = false;
    const names = new Set(lines.map(nameOf));
    // First, so that what follows moves nothing: of a long conversation the oldest lines go.
    for (const [name, item] of this.#items) if (!names.has(name)) item.remove();
    for (const [place, line] of lines.entries()) {
      const name = nameOf(line);
      const item = this.#items.get(name) ?? this.#item(line);
      added ||= !this.#items.has(name);
      items.set(name, item);
      this.#mark(item, line);
      const there = this.#log.children[place] ?? null;
      if (there !== item) this.#log.insertBefore(item, there);
    }
    this.#items = items;
    if (added && atEnd) this.#toEnd();
  }

  #toEnd(): void {
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #item(line: Line): HTMLParagraphElement {
    const item = document.createElement("p");
    const who = document.createElement("span");
    who.className = "who";
    who.textContent = line.from === "me" ? this.#words.said.you : this.#words.said.stranger;
    const text = document.createElement("span");
    text.className = "text";
    text.textContent = line.text; // a stranger's: never markup
    text.dir = "auto";
    item.append(who, text);
    item.dataset["from"] = line.from;
    return item;
  }

  #mark(item: HTMLParagraphElement, line: Line): void {
    if (item.dataset["status"] === line.status) return;
    item.dataset["status"] = line.status;
    item.querySelector(".unsent")?.remove();
    if (line.status === "failed") item.append(this.#unsent(line));
  }

  #unsent({ key, text, code }: Line): HTMLElement {
    const note = document.createElement("span");
    note.className = "unsent";
    if (code === "conversation-full") {
      note.textContent = this.#words.said.full;
      return note;
    }
    const again = document.createElement("button");
    again.type = "button";
    again.className = "link";
    again.textContent = this.#words.said.again;
    again.addEventListener("click", () => this.#actions.say(text, key ?? undefined));
    note.append(`${this.#words.said.notSent} `, again);
    return note;
  }
}

function nameOf({ key, n }: Line): string {
  return key ?? `n${n ?? ""}`;
}
