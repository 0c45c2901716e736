/**
 * What this browser cannot do, found before a person waits for it.
 *
 * - `requests`: it cannot ask a server anything that this package asks. Nothing works.
 * - `webrtc`: no connection for a call can be made: the constructor is missing or throws (a policy, a hardened browser), or
 *   what it makes lacks something that a call needs. Text works.
 * - `codecs`: it can send neither sound nor picture. Text works.
 * - `insecure`: camera and microphone are only for pages with https, or on localhost. The page can see, hear and write.
 * - `devices`: the page is secure, and the browser has no camera and microphone for any page. The same works.
 * - `cookies`: a reload begins as a new person.
 * - `storage`: what a person chose is forgotten with the page.
 */
export type Lack = "requests" | "webrtc" | "codecs" | "insecure" | "devices" | "cookies" | "storage";

export interface Support {
  /** What works: a call, text alone, or nothing. */
  readonly works: "call" | "text" | "nothing";
  readonly lacks: readonly Lack[];
}

/** The globals that are looked at; a test gives its own. */
export type Scope = Partial<Pick<typeof globalThis, "RTCPeerConnection" | "RTCRtpSender" | "fetch" | "AbortController" | "TextDecoder" | "crypto" | "isSecureContext" | "localStorage" | "sessionStorage">> & {
  readonly navigator?: { readonly mediaDevices?: { readonly getUserMedia?: unknown }; readonly cookieEnabled?: boolean };
};

/** What a call does with a connection. */
const NEEDED = ["createDataChannel", "addTransceiver", "getTransceivers", "setLocalDescription", "setRemoteDescription", "addIceCandidate"] as const;

/**
 * Looks at the browser; asks the person nothing, and asks no server. Can be repeated.
 *
 * A page calls it before Start, and says what does not work and what does. Not everything shows here: that a content blocker
 * stops live updates is told by `model.is_blocked`, that cookies do not come back by `model.is_kept`.
 */
export function support(scope: Scope = globalThis): Support {
  const lacks = [...requestLacks(scope), ...callLacks(scope), ...deviceLacks(scope), ...memoryLacks(scope)];
  const works = lacks.includes("requests") ? "nothing" : lacks.includes("webrtc") || lacks.includes("codecs") ? "text" : "call";
  return { works, lacks };
}

/** Whether a call can be had here. Where not (Node, a browser without WebRTC), text can. */
export function canCall(scope: Scope = globalThis): boolean {
  return callLacks(scope).length === 0;
}

function requestLacks({ fetch, AbortController, TextDecoder, crypto }: Scope): Lack[] {
  const isThere = [fetch, AbortController, TextDecoder, crypto].every((each) => each !== undefined);
  return isThere ? [] : ["requests"];
}

function callLacks(scope: Scope): Lack[] {
  if (!connects(scope)) return ["webrtc"];
  return encodes(scope) ? [] : ["codecs"];
}

/** One connection is made and closed: a browser whose policy forbids it has the name, and throws. */
function connects({ RTCPeerConnection }: Scope): boolean {
  if (typeof RTCPeerConnection !== "function") return false;
  try {
    const pc = new RTCPeerConnection();
    try {
      return NEEDED.every((name) => typeof pc[name] === "function") && typeof pc.addTransceiver("audio").sender.replaceTrack === "function";
    } finally {
      pc.close();
    }
  } catch {
    return false;
  }
}

/** A browser that does not answer the question is believed to have some. */
function encodes({ RTCRtpSender }: Scope): boolean {
  const codecs = (["audio", "video"] as const).map((kind) => RTCRtpSender?.getCapabilities(kind)?.codecs);
  return codecs.some((each) => each === undefined || each.length > 0);
}

function deviceLacks({ navigator, isSecureContext }: Scope): Lack[] {
  if (typeof navigator?.mediaDevices?.getUserMedia === "function") return [];
  return [isSecureContext === false ? "insecure" : "devices"];
}

function memoryLacks(scope: Scope): Lack[] {
  const lacks: Lack[] = scope.navigator?.cookieEnabled === false ? ["cookies"] : [];
  return stores(() => scope.localStorage) && stores(() => scope.sessionStorage) ? lacks : [...lacks, "storage"];
}

/** To name a storage that is forbidden throws. */
function stores(name: () => Storage | undefined): boolean {
  try {
    const storage = name();
    storage?.getItem("");
    return storage != null;
  } catch {
    return false;
  }
}
