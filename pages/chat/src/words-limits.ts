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
