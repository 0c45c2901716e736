import { pause, type Clock } from "../clock.ts";
import { constraints, described, kindOf, troubleOf, type MediaPort } from "./browser.ts";
import type { Kind, Opened, Trouble } from "./model.ts";
import type { Want } from "./step.ts";

export interface OpeningEvents {
  /** Whether that answer is still waited for: the browser is not asked for devices that are not wanted any more. */
  readonly isCurrent: (kind: Kind) => boolean;
  readonly isGranted: (kind: Kind) => Promise<boolean>;
  readonly opened: (kind: Kind, asked: string, opened: Omit<Opened, "cause">) => void;
  readonly failed: (kind: Kind, trouble: Trouble) => void;
}

/** The person may never answer a prompt, so a call is not waited for longer than this. */
const OTHERS_MS = 8_000;

/** The refusal of the person stands above what a machine says. */
const WORST: readonly Trouble[] = ["refused", "insecure", "busy", "missing"];

/**
 * Opens devices, each for itself, with one question to the person.
 *
 * Two devices are asked for in one call, so that the browser asks once. Where that fails for a reason that may be of one
 * of them only, each is opened by a call of its own: the permission is given by then, or concerns the other device.
 */
export class Opening {
  readonly #media: MediaPort;
  readonly #clock: Clock;
  readonly #life: AbortSignal;
  readonly #calls = new Set<Promise<unknown>>();

  constructor(media: MediaPort, clock: Clock, life: AbortSignal) {
    this.#media = media;
    this.#clock = clock;
    this.#life = life;
  }

  /** Answers each want exactly once, unless it is not current any more. Never rejects. */
  async open(wants: readonly Want[], events: OpeningEvents): Promise<void> {
    let left = wants;
    if (wants.length > 1) {
      const trouble = await this.#call(wants.map(({ kind, ids }) => ({ kind, id: ids[0] ?? "" })), events);
      if (trouble === null) return;
      if (trouble === "refused") left = await this.#granted(wants, events);
    }
    for (const want of left) await this.#alone(want, events);
  }

  /** After a refusal only what is granted already is asked for: a second question would be a nuisance. */
  async #granted(wants: readonly Want[], { isGranted, failed }: OpeningEvents): Promise<readonly Want[]> {
    const granted = await Promise.all(wants.map(({ kind }) => isGranted(kind)));
    wants.forEach(({ kind }, place) => (granted[place] === true ? undefined : failed(kind, "refused")));
    return wants.filter((_, place) => granted[place] === true);
  }

  async #alone({ kind, ids }: Want, events: OpeningEvents): Promise<void> {
    const troubles: Trouble[] = [];
    for (const id of ids) {
      if (!events.isCurrent(kind)) return;
      const trouble = await this.#patiently(kind, id, events);
      if (trouble === null) return;
      troubles.push(trouble);
      if (trouble === "refused") break;
    }
    events.failed(kind, WORST.find((trouble) => troubles.includes(trouble)) ?? "missing");
  }

  /** A device may be busy only because an earlier call, whose stream is not wanted any more, has just opened it. */
  async #patiently(kind: Kind, id: string, events: OpeningEvents): Promise<Trouble | null> {
    const others = [...this.#calls];
    const trouble = await this.#call([{ kind, id }], events);
    if (trouble !== "busy" || others.length === 0) return trouble;
    await Promise.race([Promise.all(others), pause(this.#clock, OTHERS_MS, this.#life)]);
    return events.isCurrent(kind) ? this.#call([{ kind, id }], events) : null;
  }

  async #call(wanted: readonly { readonly kind: Kind; readonly id: string }[], events: OpeningEvents): Promise<Trouble | null> {
    const answer = this.#get(constraints(wanted));
    const settled = answer.then(() => undefined, () => undefined);
    this.#calls.add(settled);
    void settled.then(() => this.#calls.delete(settled));
    try {
      for (const track of (await answer).getTracks()) {
        const kind = kindOf(track);
        events.opened(kind, wanted.find((each) => each.kind === kind)?.id ?? "", described(track));
      }
      return null;
    } catch (error) {
      return troubleOf(error);
    }
  }

  /** Some browsers throw where others reject. */
  async #get(what: MediaStreamConstraints): Promise<MediaStream> {
    return await this.#media.getUserMedia(what);
  }
}
