import type { EndReason, Model } from "duologue";

/** How long the end of a conversation is said, before the page only says that it looks. */
const NEWS_MS = 8_000;

/** A drain or a short blink of the server is over sooner than anybody should be told. */
const AWAY_MS = 1_200;

/** What the state alone does not tell: what is still news, and how the last call went. */
export class News {
  readonly #changed: () => void;
  #ended: string | null = null;
  #first = true;
  #reason: EndReason | null = null;
  #call: { readonly match: string; readonly everOpen: boolean; readonly servers: number } | null = null;
  #noWay = false;
  #away = false;
  #awayTimer: ReturnType<typeof setTimeout> | null = null;
  #newsTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get reason(): EndReason | null {
    return this.#reason;
  }

  get noWay(): boolean {
    return this.#noWay;
  }

  get away(): boolean {
    return this.#away;
  }

  follow(model: Model): void {
    this.#followLink(model.link === "away");
    if (model.state === null) return;
    const ended = model.state.ended ?? null;
    // What ended before this page was loaded is no news.
    if (ended !== null && ended.match !== this.#ended && !this.#first) this.#end(ended.match, ended.reason);
    this.#ended = ended?.match ?? null;
    this.#first = false;
    this.#followCall(model);
  }

  #end(match: string, reason: EndReason): void {
    this.#reason = reason;
    const call = this.#call?.match === match ? this.#call : null;
    this.#noWay = reason === "media-failed" && call !== null && !call.everOpen && call.servers === 0;
    clearTimeout(this.#newsTimer);
    this.#newsTimer = setTimeout(() => {
      this.#reason = null;
      this.#changed();
    }, NEWS_MS);
  }

  #followCall({ state, media }: Model): void {
    if (state?.state !== "matched") return;
    const { kind } = state.match.media;
    const servers = kind === "peer" ? state.match.media.ice_servers.length : 1;
    this.#call = { match: state.match.match, everOpen: media.everOpen, servers };
    if (media.everOpen) this.#noWay = false;
  }

  #followLink(away: boolean): void {
    if (away === (this.#awayTimer !== null)) return;
    if (away) {
      this.#awayTimer = setTimeout(() => this.#say(true), AWAY_MS);
      return;
    }
    clearTimeout(this.#awayTimer ?? undefined);
    this.#awayTimer = null;
    this.#away = false;
  }

  #say(away: boolean): void {
    this.#away = away;
    this.#changed();
  }
}
