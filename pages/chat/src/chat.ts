import type { Model } from "duologue";
import { Bounded } from "./bounded.ts";
import { ChatLog } from "./chatlog.ts";
import { describe, element } from "./elements.ts";
import type { Words } from "./words.ts";

export interface ChatActions {
  readonly say: (text: string, key?: string) => void;
}

/** The text chat: what was said, and the field for what comes next. */
export class ChatPanel {
  readonly #log: ChatLog;
  readonly #input = element("chat-input", HTMLInputElement);
  readonly #send = element("chat-send", HTMLButtonElement);
  readonly #bound: Bounded;
  readonly #words: Words;
  readonly #actions: ChatActions;
  #match: string | null = null;

  constructor(words: Words, actions: ChatActions) {
    this.#words = words;
    this.#actions = actions;
    this.#log = new ChatLog(element("chat-log", HTMLDivElement), words.said, actions.say);
    this.#bound = new Bounded("chat-input", HTMLInputElement, words.tooLong);
    element("chat-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
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
    describe(this.#input, "placeholder", canChat ? placeholder : placeholderNobody);
    this.#log.show(model.chat.lines);
  }

  /** What was written for one stranger must not go to the next. */
  #begin(match: string | null): void {
    this.#match = match;
    this.#log.clear();
    this.#empty();
  }

  #submit(): void {
    const text = this.#input.value.trim();
    if (text === "" || this.#input.readOnly) return;
    this.#empty();
    this.#actions.say(text);
  }

  #empty(): void {
    this.#input.value = "";
    this.#bound.check();
  }
}
