export interface ServerSentEvent {
  readonly data: string;
  readonly lastEventId: string;
}

/**
 * The event stream format (WHATWG HTML, "server-sent events"), for bodies that are read with `fetch`.
 *
 * Feed it decoded text in any pieces; it answers the events that are complete. `event:` and `retry:` are not
 * used by this protocol and are passed over.
 */
export class SseParser {
  #rest = "";
  #data: string[] = [];
  #id: string;
  #afterCarriageReturn = false;

  constructor(lastEventId = "") {
    this.#id = lastEventId;
  }

  feed(text: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    // A CR that ended the last piece was a line's end already: the LF that completes the pair is none.
    const piece = this.#afterCarriageReturn && text.startsWith("\n") ? text.slice(1) : text;
    if (text !== "") this.#afterCarriageReturn = text.endsWith("\r");
    const lines = (this.#rest + piece).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line, events);
    return events;
  }

  #line(line: string, events: ServerSentEvent[]): void {
    if (line === "") {
      if (this.#data.length > 0) events.push({ data: this.#data.join("\n"), lastEventId: this.#id });
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }
}
