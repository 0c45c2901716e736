import { describe, expect, it } from "vitest";
import { canCall, support, type Scope } from "../src/support.ts";

class Connection {
  closes = 0;
  static made: Connection[] = [];
  constructor() {
    Connection.made.push(this);
  }
  createDataChannel(): void {}
  addTransceiver(): object {
    return { sender: { replaceTrack: () => undefined } };
  }
  getTransceivers(): void {}
  setLocalDescription(): void {}
  setRemoteDescription(): void {}
  addIceCandidate(): void {}
  close(): void {
    this.closes += 1;
  }
}

const storage = { getItem: () => null };

/** A browser in which everything works, but for what is given. */
function browser(change: object = {}): Scope {
  const whole = {
    RTCPeerConnection: Connection,
    RTCRtpSender: { getCapabilities: () => ({ codecs: [{}] }) },
    fetch: () => undefined,
    AbortController,
    TextDecoder,
    crypto: {},
    isSecureContext: true,
    navigator: { mediaDevices: { getUserMedia: () => undefined }, cookieEnabled: true },
    localStorage: storage,
    sessionStorage: storage,
  };
  return { ...whole, ...change } as unknown as Scope;
}

class Forbidden extends Connection {
  constructor() {
    super();
    throw new DOMException("", "NotAllowedError");
  }
}
class WithoutChannels extends Connection {
  override createDataChannel = undefined as never;
}
class WithoutReplacing extends Connection {
  override addTransceiver = () => ({ sender: {} });
}

describe("what a browser cannot do", () => {
  it("is nothing in one that can do all, and no connection is left open", () => {
    Connection.made = [];
    expect(support(browser())).toEqual({ works: "call", lacks: [] });
    expect(Connection.made.map(({ closes }) => closes)).toEqual([1]);
  });

  it.each<[string, object]>([
    ["has no WebRTC", { RTCPeerConnection: undefined }],
    ["forbids it by a policy: the constructor throws", { RTCPeerConnection: Forbidden }],
    ["makes connections without data channels", { RTCPeerConnection: WithoutChannels }],
    ["cannot replace a track", { RTCPeerConnection: WithoutReplacing }],
  ])("is a call, where it %s", (_, change) => {
    expect(support(browser(change))).toEqual({ works: "text", lacks: ["webrtc"] });
    expect(canCall(browser(change))).toBe(false);
  });

  it("is a call, where there is no codec of either kind; one of the two is enough", () => {
    const codecs = (some: string[]) => browser({ RTCRtpSender: { getCapabilities: (kind: string) => ({ codecs: some.includes(kind) ? [{}] : [] }) } });
    expect(support(codecs([]))).toEqual({ works: "text", lacks: ["codecs"] });
    expect(support(codecs(["audio"])).works).toBe("call");
    expect(support(browser({ RTCRtpSender: undefined })).works).toBe("call");
  });

  it("is one's own picture and sound, for one of two reasons that are told apart", () => {
    expect(support(browser({ navigator: {} }))).toEqual({ works: "call", lacks: ["devices"] });
    expect(support(browser({ navigator: {}, isSecureContext: false }))).toEqual({ works: "call", lacks: ["insecure"] });
  });

  it("is to remember, where cookies are blocked, or naming a storage throws", () => {
    const blocked = Object.defineProperty(browser({ navigator: { mediaDevices: { getUserMedia: () => undefined }, cookieEnabled: false } }), "localStorage", {
      get: () => {
        throw new DOMException("", "SecurityError");
      },
    });
    expect(support(blocked)).toEqual({ works: "call", lacks: ["cookies", "storage"] });
  });

  it("is everything, where no server can be asked", () => {
    expect(support(browser({ fetch: undefined })).works).toBe("nothing");
  });
});
