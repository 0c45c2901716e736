import type { EndReason, IdleReason, ReportReason } from "duologue";
import type { Subject } from "./report.ts";
import type { DeviceWords } from "./words-devices.ts";
import type { FailureWords, LimitWords, LinkWords } from "./words-limits.ts";

/**
 * Every text of the page. Each file in `words/` exports one language as `words`, and is named after it (BCP 47).
 * The build finds the files; a text that a language lacks is a compile error.
 */
export type Language = (name: string) => Words;


export interface Words {
  /** In which language they are (BCP 47). A browser that translates the page writes another one into the document. */
  readonly lang: string;
  /** In which direction the language is written. */
  readonly dir: "ltr" | "rtl";
  readonly title: { readonly base: string; readonly found: string; readonly waiting: string; readonly stillThere: string };
  readonly page: { readonly description: string };
  readonly rules: {
    readonly age: string;
    readonly ageDetail: string;
    readonly kind: string;
    readonly kindDetail: string;
    readonly address: string;
    readonly addressDetail: string;
    /** In their place where no address reaches the other person: calls go through a server. */
    readonly relayed: string;
    readonly relayedDetail: string;
    readonly consent: string;
  };
  readonly choices: {
    readonly title: string;
    readonly optional: string;
    readonly interests: string;
    readonly interestsExample: string;
    readonly interestsHint: string;
    readonly interestsYours: string;
    /** Why an interest stays in the field. */
    readonly interestsRefused: Readonly<Record<"long" | "many", string>>;
    readonly remove: (interest: string) => string;
    readonly added: (interests: string) => string;
    readonly removed: (interest: string) => string;
    readonly language: string;
    readonly anyLanguage: string;
    readonly autoNext: string;
  };
  /** The page itself: its language, what its operator links to, and that a newer one is there. */
  readonly site: {
    readonly language: string;
    readonly links: string;
    readonly rules: string;
    readonly privacy: string;
    readonly imprint: string;
    readonly newVersion: string;
    readonly reload: string;
  };
  readonly welcome: {
    readonly greeting: string;
    readonly lead: string;
    readonly resting: Readonly<Record<IdleReason, string>>;
    readonly second: string;
    readonly start: string;
    readonly startSound: string;
    readonly startText: string;
    readonly agreeFirst: string;
  };
  readonly camera: {
    readonly region: string;
    readonly turnOn: string;
    readonly again: string;
    readonly level: string;
    readonly camera: string;
    readonly microphone: string;
    readonly off: string;
    readonly asking: string;
    readonly refused: string;
    readonly missing: string;
    readonly busy: string;
    readonly insecure: string;
    /** How the person gets an address with https: on a network of their own, and on a public site. */
    readonly insecureHere: string;
    readonly insecureSite: string;
    readonly noCamera: string;
    readonly noMicrophone: string;
    readonly unnamedCamera: (place: number) => string;
    readonly unnamedMicrophone: (place: number) => string;
  };
  readonly devices: DeviceWords;
  readonly stage: {
    readonly heading: string;
    readonly theirs: string;
    readonly hear: string;
    readonly muted: string;
    readonly meOff: string;
    readonly meNone: string;
  };
  /** On the server's own machine: a tab that is somebody else, and why two people who just met wait. */
  readonly second: { readonly open: string; readonly another: string; readonly apart: string };
  readonly chat: {
    readonly region: string;
    readonly messages: string;
    readonly message: string;
    readonly placeholder: string;
    readonly placeholderNobody: string;
    readonly send: string;
  };
  /** A text that the server would not take: by how many characters, what a screen reader says, and why nothing is sent. */
  readonly tooLong: { readonly by: (over: number, most: number) => string; readonly said: string; readonly shorten: string };
  readonly status: {
    readonly loading: string;
    readonly looking: string;
    readonly alone: string;
    /** People before one is among them, and people besides oneself. */
    readonly here: (people: number) => string;
    readonly online: (others: number) => string;
    readonly again: string;
    readonly againIn: (seconds: number) => string;
    readonly waited: (seconds: number) => string;
    readonly connecting: string;
    readonly connectingDetail: string;
    readonly talking: (alias: string) => string;
    readonly writing: (alias: string) => string;
    readonly reconnecting: string;
    readonly reconnectingDetail: string;
    /** Why there is no picture: the other page asked for more than it may. */
    readonly limited: Readonly<Record<"pages" | "flood", string>>;
    readonly finding: string;
    readonly noVideo: string;
    readonly noVideoDetail: string;
    readonly leaving: string;
  };
  /** Several conversations passed without a sign of the person. */
  readonly stillThere: { readonly title: string; readonly detail: string; readonly yes: string };
  /** Why the last conversation ended, said while the next one is looked for. */
  readonly ended: Readonly<Record<EndReason, string>>;
  /** Why the two could not be connected, where this page knows it. */
  readonly failure: FailureWords;
  /** What this browser cannot do, and what works in spite of it. */
  readonly limits: LimitWords;
  readonly partner: {
    readonly cameraOff: string;
    readonly muted: string;
    readonly hidden: string;
    readonly nobody: string;
    /** They cannot have a call; this page can. */
    readonly writes: string;
    /** This page cannot have a call. */
    readonly youWrite: string;
  };
  readonly quality: {
    readonly good: string;
    readonly own: string;
    readonly ownLost: string;
    readonly theirs: string;
    readonly theirsLost: string;
    readonly held: string;
  };
  readonly link: LinkWords;
  /** The browser blocks our cookies: everything works, but a reload begins a new session. */
  readonly unkept: string;
  readonly over: {
    readonly elsewhere: string;
    readonly elsewhereDetail: string;
    readonly takenOver: string;
    readonly takenOverDetail: string;
    readonly here: string;
    readonly ended: string;
    readonly endedDetail: string;
    /** The server knows nobody by what this page can tell it. */
    readonly refused: string;
    readonly again: string;
  };
  /** What a moderator decided about this person. */
  readonly sanction: {
    /** Until when they are kept out: an instant. */
    readonly out: (until: string) => string;
    readonly rule: (rule: string, why: string) => string;
    readonly decided: Readonly<Record<"person" | "machine", string>>;
    readonly appeal: string;
    readonly warned: string;
    readonly warnedTalking: (rule: string) => string;
    readonly confirm: string;
  };
  readonly controls: {
    readonly group: string;
    readonly next: string;
    readonly stop: string;
    readonly report: string;
    readonly more: string;
    readonly close: string;
    readonly flip: string;
    readonly block: string;
    readonly blockPrevious: string;
    readonly reportPrevious: string;
    readonly mute: string;
    readonly unmute: string;
    readonly cameraOff: string;
    readonly cameraOn: string;
    readonly escape: string;
  };
  readonly report: {
    readonly question: string;
    readonly more: string;
    readonly hint: string;
    readonly cancel: string;
    readonly titles: Readonly<Record<Subject, string>>;
    readonly send: string;
    /** Of the conversation that is on. */
    readonly sendAndNext: string;
    readonly reasons: Readonly<Record<ReportReason, string>>;
  };
  readonly said: {
    readonly blocked: string;
    readonly reported: string;
    readonly notKept: string;
    readonly tooLate: string;
    readonly failed: string;
    readonly unknownPool: string;
    /** The page is older than the rules. */
    readonly newRules: string;
    readonly notSent: string;
    readonly full: string;
    /** The server takes nothing as long as this. */
    readonly refused: string;
    readonly again: string;
    readonly you: string;
    readonly stranger: string;
  };
}
