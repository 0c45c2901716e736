import type { ReportReason } from "duologue";
import { element, write } from "./elements.ts";
import type { Words } from "./words.ts";

export interface Report {
  readonly match: string;
  readonly reason: ReportReason;
  readonly text: string;
  /** Of the conversation that is on: it ends with the report. */
  readonly skip: boolean;
}

/** The dialog in which a person says what happened. */
export class ReportDialog {
  readonly #dialog = element("report-dialog", HTMLDialogElement);
  readonly #form = element("report-form", HTMLFormElement);
  readonly #text = element("report-text", HTMLTextAreaElement);
  readonly #words: Words["report"];
  #about: { match: string; skip: boolean } | null = null;

  constructor(words: Words["report"], send: (report: Report) => void) {
    this.#words = words;
    this.#offer();
    element("report-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    this.#form.addEventListener("submit", () => {
      const reason = new FormData(this.#form).get("reason");
      if (this.#about !== null && isReason(reason, words.reasons)) send({ ...this.#about, reason, text: this.#text.value.trim() });
    });
  }

  open(match: string, { skip }: { skip: boolean }): void {
    this.#about = { match, skip };
    this.#form.reset();
    write(element("report-title", HTMLElement), skip ? this.#words.title : this.#words.titlePrevious);
    write(element("report-send", HTMLButtonElement), skip ? this.#words.send : this.#words.sendPrevious);
    this.#dialog.showModal();
  }

  #offer(): void {
    const list = element("report-reasons", HTMLFieldSetElement);
    for (const [reason, text] of Object.entries(this.#words.reasons)) {
      const label = document.createElement("label");
      label.className = "radio";
      const radio = document.createElement("input");
      radio.type = "radio";
      radio.name = "reason";
      radio.value = reason;
      radio.required = true;
      label.append(radio, ` ${text}`);
      list.append(label);
    }
  }
}

function isReason(value: unknown, reasons: Readonly<Record<ReportReason, string>>): value is ReportReason {
  return typeof value === "string" && Object.hasOwn(reasons, value);
}
