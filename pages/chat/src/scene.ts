import { currentMatch, isGone, type EndReason, type Model, type Presence, type Qualities, type Sanction } from "duologue";
import type { Waited } from "./waiting.ts";
import type { Failure } from "./words-limits.ts";
import type { Words } from "./words.ts";

export type SceneState = "loading" | "welcome" | "waiting" | "connecting" | "talking" | "reconnecting" | "still-there" | "taken-over" | "ended";

/** All that decides what is on screen. */
export interface Situation {
  readonly model: Model;
  readonly presence: Presence | null;
  readonly quality: Qualities;
  /** The person is past the welcome, in this tab. */
  readonly live: boolean;
  /** Another tab of this browser has the connection. */
  readonly elsewhere: boolean;
  /** A first picture of this match's partner was shown. */
  readonly hasPicture: boolean;
  /** People online, as read before this person is one of them; null: not known. */
  readonly crowd: number | null;
  readonly wait: Waited;
  /** Why the last conversation ended, for the few seconds in which that is news. */
  readonly news: EndReason | null;
  /** Why the call of the last conversation did not come, if this page knows it. */
  readonly failure: Failure | null;
  /** No call can be had in this browser. */
  readonly isTextOnly: boolean;
  /** The server has been away for more than a moment. */
  readonly away: boolean;
  /** The page comes from this very machine. */
  readonly loopback: boolean;
  /** Matches whose partner was blocked or reported from here: there is nothing more to do about them. */
  readonly dealt: ReadonlySet<string>;
}

/** How good the connection is. What is well is a mark only, what is not is said. */
export interface Mark {
  readonly level: "good" | "weak" | "lost";
  readonly word: string;
}

/** What is on screen, in words and switches. */
export interface Scene {
  readonly state: SceneState;
  readonly screen: "welcome" | "stage";
  readonly title: string;
  readonly detail: string;
  /** What changes each second: for the eye, and not announced each time. */
  readonly timer: string | null;
  readonly banner: string | null;
  /** A quiet line under everything: good to know, nothing to do. */
  readonly note: string | null;
  readonly people: string | null;
  readonly tabTitle: string;
  /** Over the welcome: why the person is back there. */
  readonly resting: string | null;
  readonly partner: { readonly name: string | null; readonly badge: string | null; readonly blank: string | null };
  readonly quality: Mark | null;
  readonly current: string | null;
  readonly previous: string | null;
  readonly canChat: boolean;
  /** The words of the link to a tab that is somebody else, where there is one. */
  readonly second: string | null;
  readonly takeOver: string | null;
  /** On the welcome: what a moderator decided; `confirm` are the words of the button that confirms a warning. */
  readonly sanction: { readonly title: string; readonly why: string; readonly confirm: string | null } | null;
}

/** Pure: the same situation is the same scene. */
export function scene(situation: Situation, words: Words): Scene {
  const state = sceneState(situation);
  const { model } = situation;
  const together = state === "talking" || state === "reconnecting" || state === "connecting";
  const previous = model.state?.ended?.match ?? null;
  return {
    state,
    screen: state === "welcome" ? "welcome" : "stage",
    ...status(state, situation, words),
    timer: state === "waiting" ? timer(situation, words) : null,
    banner: banner(state, situation, words),
    note: model.is_kept || state === "ended" ? null : words.unkept,
    people: people(situation, words),
    tabTitle: tabTitle(state, together, words),
    resting: model.let_go === "away" ? words.welcome.resting["you-were-away"] : model.state?.state === "idle" ? words.welcome.resting[model.state.idle_reason] : null,
    partner: partner(state, situation, words),
    quality: state === "talking" ? mark(situation, words.quality) : null,
    current: together ? currentMatch(model) : null,
    previous: previous !== null && !situation.dealt.has(previous) ? previous : null,
    canChat: together,
    second: second(state, situation, words),
    takeOver: goOn(state, model, words),
    sanction: model.sanction === null ? null : sanctioned(model.sanction, words),
  };
}

function tabTitle(state: SceneState, together: boolean, { title }: Words): string {
  if (together) return title.found;
  if (state === "still-there") return title.stillThere;
  return state === "waiting" ? title.waiting : title.base;
}

/** The words of the one button with which the person goes on here. */
function goOn(state: SceneState, { ended_reason }: Model, { over, stillThere }: Words): string | null {
  if (state === "still-there") return stillThere.yes;
  if (state === "taken-over") return over.here;
  return state === "ended" && ended_reason !== "banned" ? over.again : null;
}

function sceneState({ model, live, elsewhere }: Situation): SceneState {
  if (elsewhere) return "taken-over";
  if (model.link === "ended" && model.ended_reason === "banned") return "ended"; // not the welcome: Start would lead nowhere
  if (!live) return "welcome";
  if (model.link === "taken-over") return "taken-over";
  if (model.link === "ended") return "ended";
  if (model.state === null) return "loading";
  if (model.let_go === "unattended") return "still-there";
  if (isResting(model)) return "welcome";
  if (model.state.state !== "matched" || model.skipping === currentMatch(model)) return "waiting";
  return callState(model);
}

/** Out of the queue and not on the way back into it. */
export function isResting({ state, own, press, asking, let_go }: Model): boolean {
  if (let_go === "unattended") return false; // they are asked where they are
  const wish = press?.wish ?? asking?.wish ?? own?.wish;
  if (wish === "rest") return true;
  return state?.state === "idle" && wish === undefined;
}

function callState({ media }: Model): SceneState {
  if (isGone(media) && (media.everOpen || media.away_until_ms !== null)) return "reconnecting";
  return media.status === "open" ? "talking" : "connecting";
}

function status(state: SceneState, situation: Situation, words: Words): { title: string; detail: string } {
  const { status, over } = words;
  switch (state) {
    case "welcome":
      return { title: "", detail: "" };
    case "loading":
      return { title: status.loading, detail: "" };
    case "waiting":
      return looking(situation, words);
    case "connecting":
      return { title: status.connecting, detail: limited(situation, words) ?? status.connectingDetail };
    case "talking":
      return { title: (isText(situation.model) ? status.writing : status.talking)(alias(situation.model)), detail: "" };
    case "reconnecting":
      return { title: status.reconnecting, detail: limited(situation, words) ?? status.reconnectingDetail };
    case "still-there":
      return { title: words.stillThere.title, detail: words.stillThere.detail };
    case "taken-over":
      if (situation.elsewhere) return { title: over.elsewhere, detail: over.elsewhereDetail };
      return { title: over.takenOver, detail: over.takenOverDetail };
    case "ended":
      return ended(situation.model, words);
  }
}

function ended({ ended_reason: reason, sanction }: Model, words: Words): { title: string; detail: string } {
  const { over } = words;
  if (reason === "banned" && sanction !== null) {
    const { title, why } = sanctioned(sanction, words);
    return { title, detail: why };
  }
  return { title: over.ended, detail: reason === "session-refused" ? over.refused : over.endedDetail };
}

/** What was decided, the rule, what happened, by whom, and what the person can do. */
function sanctioned({ kind, rule, why, automatic, until_ms }: Sanction, { sanction: words, lang }: Words): NonNullable<Scene["sanction"]> {
  const until = new Intl.DateTimeFormat(lang, { dateStyle: "long", timeStyle: "short" }).format(until_ms);
  const isWarning = kind === "warn";
  return {
    title: isWarning ? words.warned : words.out(until),
    why: [words.rule(rule, why), words.decided[automatic ? "machine" : "person"], words.appeal].join(" "),
    confirm: isWarning ? words.confirm : null,
  };
}

/** A partner who asked for more than their page may. */
function limited({ model: { media } }: Situation, { status }: Words): string | null {
  return media.limit === null ? null : status.limited[media.limit];
}

/** First why the person is looking again, while that is news; then how many there are. */
function looking({ model, news, failure, loopback, wait }: Situation, { status, ended, failure: failures, second: secondWords }: Words): { title: string; detail: string } {
  if (model.state?.state === "waiting" && model.state.media_available === false) return { title: status.noVideo, detail: status.noVideoDetail };
  const skipping = model.skipping !== null;
  const why = skipping || news === null ? "" : ended[news];
  const title = skipping || news !== null ? `${why} ${status.finding}`.trim() : status.looking;
  if (wait.again_s !== null && failure === null && !skipping) return { title, detail: status.again };
  const crowd = others(model) === 0 ? status.alone : loopback && isApart(model) ? secondWords.apart : status.online(others(model));
  return { title, detail: failure !== null ? failures[failure] : skipping ? "" : crowd };
}

function people({ live, crowd, model }: Situation, { status }: Words): string | null {
  if (!live) return crowd === null || crowd === 0 ? null : status.here(crowd);
  return others(model) > 0 ? status.online(others(model)) : null;
}

/** Besides oneself. */
function others({ people_online }: Model): number {
  return Math.max(0, (people_online ?? 0) - 1);
}

const LONG_S = 5;

/** In how long two people meet again, or for how long one has waited, once that is long. */
function timer({ model, failure, wait: { again_s, waited_s } }: Situation, { status }: Words): string | null {
  if (model.skipping !== null || failure !== null) return null; // a reason is long, and matters more
  if (again_s !== null) return status.againIn(again_s);
  return waited_s >= LONG_S ? status.waited(waited_s) : null;
}

/** On the server's own machine: the page offers a second person to a person who is alone, and another one to people who have met. */
function second(state: SceneState, { model, loopback }: Situation, { second: words }: Words): string | null {
  if (state !== "waiting" || !loopback) return null;
  if (others(model) === 0) return words.open;
  return hasMet(model) ? words.another : null;
}

/** Only this person is here and, as far as the page can tell, the partner of their last conversation. */
function isApart(model: Model): boolean {
  return others(model) === 1 && hasMet(model);
}

function hasMet({ state, skipping }: Model): boolean {
  return skipping === null && state?.state === "waiting" && state.ended !== undefined;
}

/** A server that says why it refuses people of this network is not unavailable: the page says so at once. */
function banner(state: SceneState, { model, away }: Situation, { link, sanction }: Words): string | null {
  if (state === "welcome" || state === "taken-over" || state === "ended") return null;
  if (model.kept_out === "network-full") return link.networkFull;
  const isCall = state === "talking" || state === "reconnecting";
  if (isCall && model.sanction?.kind === "warn") return sanction.warnedTalking(model.sanction.rule);
  if (model.is_blocked) return isCall ? link.blockedTalking : link.blocked;
  if (!away) return null;
  if (isCall) return link.awayTalking;
  return model.state === null ? link.never : link.away;
}

function partner(state: SceneState, { model, presence, hasPicture, isTextOnly }: Situation, { partner: words }: Words): Scene["partner"] {
  const here = state === "talking";
  const name = alias(model);
  const named = name === "" || !(here || state === "connecting" || state === "reconnecting") ? null : name;
  if (here && isText(model)) return { name: named, badge: null, blank: isTextOnly ? words.youWrite : words.writes };
  if (!here || presence === null) return { name: named, badge: null, blank: null };
  const blank = presence.camera ? (hasPicture ? null : words.nobody) : words.cameraOff;
  const badge = presence.hidden ? words.hidden : presence.microphone ? null : words.muted;
  return { name: named, badge, blank };
}

/** One's own is said first: it is what one can do something about. Browser to browser nothing is known, and no mark shown. */
function mark({ quality: { own, partner, isPictureHeld } }: Situation, words: Words["quality"]): Mark | null {
  if (isPictureHeld) return { level: "weak", word: words.held };
  if (own === "lost") return { level: "lost", word: words.ownLost };
  if (partner === "lost") return { level: "lost", word: words.theirsLost };
  if (own === "poor") return { level: "weak", word: words.own };
  if (partner === "poor") return { level: "weak", word: words.theirs };
  return own === null && partner === null ? null : { level: "good", word: words.good };
}

function alias({ state }: Model): string {
  return state?.state === "matched" ? state.match.partner.alias : "";
}

function isText({ state }: Model): boolean {
  return state?.state === "matched" && state.match.media.kind === "text";
}
