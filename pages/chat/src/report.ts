import type { ReportReason } from "duologue";
import { Bounded } from "./bounded.ts";
import { element, make, write } from "./elements.ts";
import type { Words } from "./words.ts";

export interface Report {
  readonly match: string;
  readonly reason: ReportReason;
  readonly text: string;
  /** Of the conversation that is on: it ends with the report. */
  readonly skip: boolean;
}

/** Whom a report is about: the partner of now, of the conversation before, or of an earlier one. */
export type Subject = "current" | "previous" | "earlier";

/** The dialog in which a person says what happened. It is about one match, whatever happens while it is open. */
export class ReportDialog {
  readonly #dialog = element("report-dialog", HTMLDialogElement);
  readonly #form = element("report-form", HTMLFormElement);
  readonly #text = element("report-text", HTMLTextAreaElement);
  readonly #title = element("report-title", HTMLElement);
  readonly #button = element("report-send", HTMLButtonElement);
  readonly #bound: Bounded;
  readonly #words: Words["report"];
  #about: string | null = null;
  #current: string | null = null;
  #previous: string | null = null;
  #subject: Subject = "current";

  constructor(words: Words, send: (report: Report) => void) {
    this.#words = words.report;
    this.#bound = new Bounded("report-text", HTMLTextAreaElement, words.tooLong);
    this.#offer();
    element("report-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    this.#form.addEventListener("submit", () => {
      const reason = new FormData(this.#form).get("reason");
      if (this.#about === null || !isReason(reason, this.#words.reasons)) return;
      send({ match: this.#about, reason, text: this.#text.value.trim(), skip: this.#subject === "current" });
    });
  }

  open(match: string): void {
    this.#about = match;
    this.#form.reset();
    this.#bound.check();
    this.#draw();
    this.#dialog.showModal();
  }

  /** Follows which conversation is on and which one was before: a partner can go while the dialog is open. */
  show(current: string | null, previous: string | null): void {
    this.#current = current;
    this.#previous = previous;
    this.#draw(); // guard: report-follows
  }

  /** The button says what it does: only of the conversation that is on does a report end anything. */
  #draw(): void {
    if (this.#about === null) return;
    this.#subject = subject(this.#about, this.#current, this.#previous);
    write(this.#title, this.#words.titles[this.#subject]);
    write(this.#button, this.#subject === "current" ? this.#words.sendAndNext : this.#words.send);
  }

  #offer(): void {
    const list = element("report-reasons", HTMLFieldSetElement);
    for (const [reason, text] of Object.entries(this.#words.reasons)) {
      const label = make("label", "radio");
      const radio = document.createElement("input");
      radio.type = "radio";
      radio.name = "reason";
      radio.value = reason;
      radio.required = true;
      label.append(radio, make("span", "", text));
      list.append(label);
    }
  }
}

/** Return whom a report about that match is about. */
export function subject(about: string, current: string | null, previous: string | null): Subject {
  if (about === current) return "current";
  return about === previous ? "previous" : "earlier";
}

function isReason(value: unknown, reasons: Readonly<Record<ReportReason, string>>): value is ReportReason {
  return typeof value === "string" && Object.hasOwn(reasons, value);
}
