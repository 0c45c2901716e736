import type { EndReason, IdleReason, ReportReason } from "duologue";
import type { Subject } from "./report.ts";
import { value } from "./values.ts";
import { englishDevices, type DeviceWords } from "./words-devices.ts";
import { englishFailures, englishLimits, englishLink, type FailureWords, type LimitWords, type LinkWords } from "./words-limits.ts";

/** Every word that the page says, in one place. A translation is another table of this type. */
export interface Words {
  /** In which language they are (BCP 47). A browser that translates the page writes another one into the document. */
  readonly lang: string;
  readonly title: { readonly base: string; readonly found: string; readonly waiting: string; readonly stillThere: string };
  readonly page: { readonly description: string };
  readonly rules: {
    readonly age: string;
    readonly ageDetail: string;
    readonly kind: string;
    readonly kindDetail: string;
    readonly address: string;
    readonly addressDetail: string;
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
    readonly unnamedCamera: (number: number) => string;
    readonly unnamedMicrophone: (number: number) => string;
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
    readonly online: (people: number) => string;
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
    readonly banned: string;
    /** The server knows nobody by what this page can tell it. */
    readonly refused: string;
    readonly again: string;
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
    readonly notSent: string;
    readonly full: string;
    /** The server takes nothing as long as this. */
    readonly refused: string;
    readonly again: string;
    readonly you: string;
    readonly stranger: string;
  };
}

export const english: Words = {
  lang: "en",
  title: { base: "Duologue", found: "Someone is here · Duologue", waiting: "Looking… · Duologue", stillThere: "Still there? · Duologue" },
  page: { description: "Meet someone new, face to face, one conversation at a time." },
  rules: {
    age: "18 or older.",
    ageDetail: "Nobody under 18 may take part.",
    kind: "Be kind.",
    kindDetail: "No nudity, no threats, no hate, no recording of others. Whoever meets somebody who does can report and block them.",
    address: "Your network address may show.",
    addressDetail:
      "Unless this site carries them over a server of its own, picture and sound go straight to the other person, whose device can see " +
      "your IP address, and with it roughly where you are.",
    consent: "I am 18 or older and agree to the rules.",
  },
  choices: {
    title: "Whom to meet",
    optional: "(optional)",
    interests: "Interests",
    interestsExample: "music, hiking",
    interestsHint: "Press Enter or a comma after each. You meet people who share one first; after a while, anyone.",
    interestsYours: "Your interests",
    interestsRefused: {
      long: "An interest may have 64 characters. Please make this one shorter.",
      many: "You have 16 interests, and more are not possible. Remove one first.",
    },
    remove: (interest) => `Remove ${value(interest)}`,
    added: (interests) => `Added: ${value(interests)}`,
    removed: (interest) => `Removed: ${value(interest)}`,
    language: "Language",
    anyLanguage: "Any",
    autoNext: "Go on by itself when a conversation ends",
  },
  welcome: {
    greeting: "Meet someone new",
    lead:
      "You are put face to face with one other person, picked at random. Talk as long as you both like. " +
      "When either of you presses Next, each meets somebody else.",
    resting: {
      never: "",
      left: "",
      "you-were-away": "You were away for a while, so we took you out of the queue. Press Start when you are back.",
      "one-conversation": "That conversation is over. Press Start when you want to meet the next person.",
    },
    second: "In this tab you are somebody else. Press Start to meet the person in the other tab.",
    start: "Start",
    startSound: "Start with sound only",
    startText: "Start with text only",
    agreeFirst: "Please confirm first that you are 18 or older and agree to the rules.",
  },
  camera: {
    region: "Your camera and microphone",
    turnOn: "Turn them on",
    again: "Try again",
    level: "How loud your microphone is",
    camera: "Camera",
    microphone: "Microphone",
    off: "Your camera and microphone are off.",
    asking: "Your browser is asking for your permission…",
    refused: "The browser was not allowed to use your camera or microphone. You can allow it in the address bar and try again, or start with text only.",
    missing: "No camera or microphone was found. You can start with text only.",
    busy: "The camera or microphone is in use by another program. Close that and try again, or start with text only.",
    insecure: "No camera and microphone here: browsers give them to addresses with https only, and this one has http.",
    insecureHere:
      "To get https on this network, stop Duologue on the computer that runs it, start it with “duologue serve --lan”, and open the " +
      "https address that it shows there. Or start with text only now.",
    insecureSite: "Open this address with https:// in front. If that does not work, ask the operator of this site. Or start with text only now.",
    noCamera: "No camera, so the other person will hear you but not see you.",
    noMicrophone: "No microphone, so the other person will see you but not hear you.",
    unnamedCamera: (number) => `Camera ${number}`,
    unnamedMicrophone: (number) => `Microphone ${number}`,
  },
  devices: englishDevices,
  stage: {
    heading: "Your conversation",
    theirs: "The other person",
    hear: "Tap to hear",
    muted: "Muted",
    meOff: "Your camera is off",
    meNone: "You are here without a camera",
  },
  second: {
    open: "Open a second person",
    another: "Open another person",
    apart:
      "You two have just met, so you wait 15 seconds or more before you meet again. After a block you never do. " +
      "Another person meets you at once.",
  },
  chat: {
    region: "Text chat",
    messages: "Messages",
    message: "Message",
    placeholder: "Write a message",
    placeholderNobody: "Nobody to write to yet",
    send: "Send",
  },
  tooLong: {
    by: (over, most) => `${value(over)} ${over === 1 ? "character" : "characters"} too many. Up to ${value(most)} can be sent.`,
    said: "This is too long to send. Nothing of it is lost.",
    shorten: "This is too long to send. Please make it shorter first; nothing of it is lost.",
  },
  status: {
    loading: "Connecting…",
    looking: "Looking for someone…",
    alone: "Nobody else is here yet",
    online: (people) => `${value(people)} ${people === 1 ? "person" : "people"} online`,
    connecting: "Someone is here",
    connectingDetail: "Connecting the two of you…",
    talking: (alias) => (alias === "" ? "You are talking. Say hello!" : `You are talking with ${value(alias)}. Say hello!`),
    writing: (alias) => (alias === "" ? "You are writing. Say hello!" : `You are writing with ${value(alias)}. Say hello!`),
    reconnecting: "Reconnecting to your partner…",
    reconnectingDetail: "You can wait a moment, or press Next.",
    limited: {
      pages: "Their page was loaded again too often, so you are not connected to it any more. Press Next to meet somebody else.",
      flood: "Their page sent far too much, so the connection was closed. Press Next to meet somebody else.",
    },
    finding: "Finding the next one…",
    noVideo: "Video is not available right now",
    noVideoDetail: "You keep your place. As soon as it is back, somebody is found for you.",
    leaving: "Stopping…",
  },
  stillThere: {
    title: "Still there?",
    detail: "You did not press, write or say anything in your last conversations. Nobody new is looked for until you press the button.",
    yes: "Yes, find the next person",
  },
  ended: {
    skipped: "",
    "partner-skipped": "Your partner left.",
    left: "",
    "partner-left": "Your partner left.",
    "partner-lost": "Your partner's connection was lost.",
    "no-show": "They did not show up.",
    "media-failed": "The two of you could not be connected.",
    "media-unavailable": "The video server did not answer.",
    "you-were-away": "You were away.",
  },
  failure: englishFailures,
  limits: englishLimits,
  partner: {
    cameraOff: "Their camera is off",
    muted: "Their microphone is off",
    hidden: "Stepped away",
    nobody: "No picture yet",
    writes: "This person can only write: their browser cannot make calls. They do not see or hear you.",
    youWrite: "You two write: your browser cannot make calls, so you do not see or hear each other.",
  },
  quality: {
    good: "Good connection",
    own: "Your connection is weak",
    ownLost: "Your connection is lost",
    theirs: "Their connection is weak",
    theirsLost: "Their connection is lost",
    held: "Weak connection: sound first",
  },
  link: englishLink,
  unkept: "This browser blocks cookies for this page. You can still talk, but after a reload you are a new person.",
  over: {
    elsewhere: "Open in another tab",
    elsewhereDetail: "Duologue runs in one tab of a browser at a time. When you close that one, it goes on here.",
    takenOver: "Open somewhere else",
    takenOverDetail: "Duologue runs in one place at a time, and another page or device of yours has taken over.",
    here: "Use it here",
    ended: "Your session is over",
    endedDetail: "It has run out. You can begin a new one.",
    banned: "You cannot take part any more. If you think that this is a mistake, please ask the operator.",
    refused:
      "This browser blocks cookies for this page, and the other way to say who you are was refused as well. " +
      "Allow cookies for this address, then begin again.",
    again: "Begin again",
  },
  controls: {
    group: "Controls",
    next: "Next",
    stop: "Stop",
    report: "Report & next",
    more: "More",
    close: "Close",
    flip: "Switch to the other camera",
    block: "Block this person & next",
    blockPrevious: "Block the previous person",
    reportPrevious: "Report the previous person",
    mute: "Mute",
    unmute: "Unmute",
    cameraOff: "Camera off",
    cameraOn: "Camera on",
    escape: "Esc is Next",
  },
  report: {
    question: "What happened?",
    more: "More about it",
    hint: "The operator gets this with the messages of that conversation. The other person is not told.",
    cancel: "Cancel",
    titles: { current: "Report this person", previous: "Report the previous person", earlier: "Report a person you met before" },
    send: "Report",
    sendAndNext: "Report & next",
    reasons: {
      nudity: "Nudity or sexual behaviour",
      minor: "Seems to be under 18",
      violence: "Violence or threats",
      harassment: "Insults or harassment",
      spam: "Advertising, a recording, or a bot",
      other: "Something else",
    },
  },
  said: {
    blocked: "Blocked. You will not meet this person or their browser again, and for a day nobody from their network.",
    reported: "Thank you. Your report is with the operator. You will not meet this person or their browser again, and for a day nobody from their network.",
    notKept: "This person is blocked. There is no room for your report at the moment, so it is sent again until there is.",
    tooLate: "That conversation is too long ago.",
    failed: "That did not work. Please try again.",
    unknownPool: "This address names a room that does not exist here.",
    notSent: "not sent",
    full: "not sent: you have written as much as one conversation can hold",
    refused: "not sent: this site takes shorter messages only",
    again: "Try again",
    you: "You",
    stranger: "Stranger",
  },
};
