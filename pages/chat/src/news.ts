import type { EndReason, Model, Obstacle } from "duologue";
import type { Failure } from "./words-limits.ts";

/** How long the end of a conversation is said, before the page only says that it looks. */
const NEWS_MS = 8_000;

/** A drain or a short break of the server is over before the person needs to be told. */
const AWAY_MS = 1_200;

/** What the state alone does not tell: what is still news, and how the last call went. */
export class News {
  readonly #changed: () => void;
  #ended: string | null = null;
  #first = true;
  #reason: EndReason | null = null;
  #call: { readonly match: string; readonly everOpen: boolean; readonly servers: number; readonly obstacle: Obstacle | null } | null = null;
  #failure: Failure | null = null;
  #away = false;
  #awayTimer: ReturnType<typeof setTimeout> | null = null;
  #newsTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get reason(): EndReason | null {
    return this.#reason;
  }

  /** Why the last call did not come. */
  get failure(): Failure | null {
    return this.#failure;
  }

  get away(): boolean {
    return this.#away;
  }

  follow(model: Model): void {
    this.#followLink(model.link === "away");
    if (model.state === null) return;
    const ended = model.state.ended ?? null;
    // What ended before this page was loaded is not news.
    if (ended !== null && ended.match !== this.#ended && !this.#first) this.#end(ended.match, ended.reason);
    this.#ended = ended?.match ?? null;
    this.#first = false;
    this.#followCall(model);
  }

  #end(match: string, reason: EndReason): void {
    this.#reason = reason;
    const call = this.#call?.match === match ? this.#call : null;
    this.#failure = reason === "media-failed" && call !== null && !call.everOpen ? failure(call.obstacle, call.servers) : null;
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
    this.#call = { match: state.match.match, everOpen: media.everOpen, servers, obstacle: media.obstacle };
    if (media.everOpen) this.#failure = null;
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

/** The networks are named only if both browsers looked for a way between them. */
function failure(obstacle: Obstacle | null, servers: number): Failure | null {
  if (obstacle === "way") return servers === 0 ? "noWay" : "noWayAtAll";
  if (obstacle === "answer") return "noAnswer";
  return obstacle;
}
