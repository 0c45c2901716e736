export type Failure = "noWay" | "noWayAtAll" | "noAnswer" | "browser";

/** Why a call did not come, where this page knows it. */
export type FailureWords = Readonly<Record<Failure, string>>;

/** What this browser cannot do, and what works in spite of it. */
export interface LimitWords {
  readonly requests: string;
  readonly webrtc: string;
  readonly codecs: string;
  readonly cookies: string;
  /** In place of the preview. */
  readonly word: string;
}

/** The connection to the server. */
export interface LinkWords {
  readonly away: string;
  readonly awayTalking: string;
  readonly networkFull: string;
  /** The server answers, but what it tells by itself does not get through. */
  readonly blocked: string;
  readonly blockedTalking: string;
  /** Nothing that this page asked was answered since it was loaded. */
  readonly never: string;
}

export const englishFailures: FailureWords = {
  noWay:
    "There was no direct way between your two networks, and this site offers no detour. " +
    "Its operator can add a STUN or TURN server (DUOLOGUE_ICE_SERVERS).",
  noWayAtAll: "There was no way between your two networks. A VPN or a firewall on either side may be why.",
  noAnswer: "Their browser did not answer the call. As far as this page can tell, yours is fine.",
  browser: "Your browser made no connection for the call. Close other tabs with calls, or restart the browser, and try again.",
};

export const englishLimits: LimitWords = {
  requests: "This browser is too old for this page. Please use another one, or update it.",
  webrtc: "This browser cannot make calls here: it has no WebRTC, or it is switched off. You can write with people, or use another browser.",
  codecs: "This browser can send neither sound nor picture. You can write with people, or use another browser.",
  cookies: "This browser blocks cookies for this page. You can take part, but after a reload you are a new person.",
  word: "Text only in this browser",
};

export const englishLink: LinkWords = {
  away: "The server cannot be reached. Trying again by itself; you keep your place.",
  awayTalking: "The server cannot be reached. Your conversation goes on; trying again by itself.",
  networkFull: "Too many people use your network connection at the moment. This page keeps trying. You can also try another network.",
  blocked:
    "Something on this device or network blocks live updates from this site. Allow them in your content blocker, or try another " +
    "browser or network. This page keeps trying.",
  blockedTalking:
    "Something on this device or network blocks live updates from this site. Your conversation goes on. " +
    "Allow live updates in your content blocker; this page keeps trying.",
  never:
    "This page cannot reach its server. If other sites work, a content blocker or your network may stop it: " +
    "allow this site, or try another browser. This page keeps trying.",
};
