// Runs in a page, beside the client's own code: partners who mean harm, on the browser's real connections.
import { systemClock } from "../../clients/js/src/clock.ts";
import { BOUNDS } from "../../clients/js/src/media/bounds.ts";
import { peerMedia } from "../../clients/js/src/media/peer.ts";

const NO_LIMIT = { most: Infinity, every_ms: 1 };
const FREE = {
  hellos: { pageChanges: Infinity, connections: NO_LIMIT, negotiations: NO_LIMIT },
  sections: { sectionsOfKind: Infinity },
  layers: { layers: true },
  flood: { messages: NO_LIMIT, messageChars: Infinity, excess: NO_LIMIT },
};

const unhandled = [];
addEventListener("unhandledrejection", ({ reason }) => unhandled.push(String(reason)));

const task = () => new Promise((done) => setTimeout(done, 0));

async function until(look, within_ms) {
  const end = performance.now() + within_ms;
  while (performance.now() < end) {
    const found = await look();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 20));
  }
  return null;
}

function picture() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const context = canvas.getContext("2d");
  const draw = () => {
    context.fillStyle = `hsl(${(performance.now() / 10) % 360} 80% 50%)`;
    context.fillRect(0, 0, 320, 240);
    setTimeout(draw, 50);
  };
  draw();
  return canvas.captureStream(20).getVideoTracks()[0];
}

/** A page of the client's; `free`: the bounds that are switched off for a control. */
class Side {
  made = 0;
  refused = 0;
  words = [];
  limits = [];
  tracks = [];
  pc = null;
  to = () => undefined;

  constructor(role, page, free, video = null) {
    const connect = (configuration) => {
      try {
        this.pc = new RTCPeerConnection(configuration);
      } catch (error) {
        this.refused += 1;
        throw error;
      }
      this.made += 1;
      return this.pc;
    };
    const nothing = () => undefined;
    this.session = peerMedia({ clock: systemClock, connect, bounds: { ...BOUNDS, ...(free ? FREE[free] : {}) } })({
      match: "m_1",
      page,
      grant: { kind: "peer", role, ice_servers: [] },
      tracks: { audio: null, video },
      presence: { camera: true, microphone: true, hidden: false },
      room: null,
      events: {
        status: (word) => this.words.push(word),
        limited: (limit) => this.limits.push(limit),
        tracks: (tracks) => (this.tracks = tracks),
        signal: (data) => this.to(data),
        vouched: nothing,
        presence: nothing,
        quality: nothing,
      },
    });
  }

  get isOpen() {
    return this.words.at(-1) === "open";
  }
}

/** How long two pages of the client's take to hear each other, beginning now. */
async function meet(within_ms) {
  const begun = performance.now();
  const [one, two] = [new Side("polite", "p_1"), new Side("impolite", "p_2")];
  one.to = (data) => setTimeout(() => two.session.hear(data));
  two.to = (data) => setTimeout(() => one.session.hear(data));
  one.session.hear({ from: "p_2", hello: true });
  two.session.hear({ from: "p_1", hello: true });
  await until(() => one.isOpen && two.isOpen, within_ms);
  const took_ms = Math.round(performance.now() - begun);
  one.session.close();
  two.session.close();
  return { took_ms, refused: one.refused + two.refused };
}

/** So many hellos, each of another page, each heard on its own; then the next conversation. */
async function hellos(times, within_ms, free) {
  const victim = new Side("impolite", "p_me", free, picture());
  for (let n = 0; n < times; n += 1) {
    victim.session.hear({ from: `p_${n}`, hello: true });
    await task();
  }
  const { made, refused, words, limits } = victim;
  victim.session.close();
  victim.pc = null;
  const next = await meet(within_ms);
  return { made, refused, word: words.at(-1) ?? null, limits, next };
}

/** A program's own connection to a page of the client's, and that page. */
async function attack(prepare, free, change = (sdp) => sdp) {
  const victim = new Side("polite", "p_me", free, picture());
  const attacker = new RTCPeerConnection();
  const channel = attacker.createDataChannel("presence", { negotiated: true, id: 0, ordered: false, maxRetransmits: 0 });
  victim.to = (data) => {
    if ("description" in data) void attacker.setRemoteDescription(data.description);
    else if ("candidate" in data) void attacker.addIceCandidate(data.candidate).catch(() => undefined);
  };
  attacker.addEventListener("icecandidate", ({ candidate }) => candidate && victim.session.hear({ from: "p_x", candidate: candidate.toJSON() }));
  prepare(attacker);
  const { type, sdp } = await attacker.createOffer();
  await attacker.setLocalDescription({ type, sdp });
  victim.session.hear({ from: "p_x", description: { type, sdp: change(sdp) } });
  await until(() => channel.readyState === "open", 10_000);
  return { victim, attacker, channel };
}

/** Pictures that are being encoded: each of them with frames of the last moment. */
async function encodings(pc, enough) {
  const count = async () => {
    const stats = [...(await pc.getStats()).values()];
    return stats.filter(({ type, kind, framesEncoded }) => type === "outbound-rtp" && kind === "video" && framesEncoded > 0).length;
  };
  let most = 0;
  await until(async () => {
    most = Math.max(most, await count());
    return most >= enough;
  }, 2_500);
  return most;
}

const greedy = (pictures) => (attacker) => {
  for (let n = 0; n < pictures; n += 1) attacker.addTransceiver("video", { direction: "sendrecv" });
  for (let n = 0; n < 3; n += 1) attacker.addTransceiver("audio", { direction: "sendrecv" });
};

/** An offer of eight pictures. */
async function sections(free) {
  const { victim, attacker } = await attack(greedy(8), free);
  const encoded = await encodings(victim.pc, 8);
  const [, ...answers] = (attacker.remoteDescription?.sdp ?? "").split(/^m=/m);
  // Rejected, or without a direction in which anything flows.
  const answered = answers.filter((each) => /^(?:audio|video) [1-9]/.test(each) && !each.includes("a=inactive")).map((each) => each.slice(0, 5));
  victim.session.close();
  attacker.close();
  return { encoded, answered, tracks: victim.tracks.length };
}

/** An offer that asks for three encodings of the one picture. */
async function layers(free) {
  const change = (sdp) => sdp.replace(/^a=mid:.*\r\n/m, "$&a=rid:h recv\r\na=rid:m recv\r\na=rid:l recv\r\na=simulcast:recv h;m;l\r\n");
  const prepare = (attacker) => attacker.addTransceiver("video", { direction: "recvonly" });
  const { victim, attacker } = await attack(prepare, free, change);
  const encoded = victim.pc.getSenders().flatMap((sender) => sender.getParameters().encodings).length;
  victim.session.close();
  attacker.close();
  return { encoded };
}

/** Messages as fast as they go, or channels. */
async function flood(what, free) {
  const { victim, attacker, channel } = await attack(greedy(1), free);
  const { pc } = victim;
  const end = performance.now() + 2_000;
  while (pc.signalingState !== "closed" && performance.now() < end && attacker.connectionState !== "closed") {
    if (what === "channels") attacker.createDataChannel("another");
    else for (let n = 0; n < 50 && channel.readyState === "open" && channel.bufferedAmount < 1_000_000; n += 1) channel.send(what === "long" ? "x".repeat(9_000) : "{}");
    await task();
  }
  await until(() => pc.signalingState === "closed", 500);
  const { words, limits } = victim;
  const result = { closed: pc.signalingState === "closed", word: words.at(-1) ?? null, limits };
  victim.session.close();
  attacker.close();
  return result;
}

/** Descriptions and candidates that make no sense, to both sides; then an honest conversation. */
async function nonsense() {
  const texts = ["", "v=0", "v=0\r\nm=video 9 X 1\r\n", "\u0000", "m=\r\n".repeat(3_000), "v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(400)];
  for (const role of ["polite", "impolite"]) {
    const victim = new Side(role, "p_me", null, picture());
    victim.session.hear({ from: "p_x", hello: true });
    for (const type of ["offer", "answer", "pranswer", "rollback", "none"]) {
      for (const sdp of texts) victim.session.hear({ from: "p_x", description: { type, sdp } });
    }
    for (const candidate of [{}, { candidate: "x" }, { candidate: "candidate:", sdpMid: "9" }, { candidate: "candidate:1 1 udp 1 x 1 typ host", sdpMLineIndex: 99 }]) {
      victim.session.hear({ from: "p_x", candidate });
    }
    await until(() => false, 300);
    victim.session.close();
  }
  return { unhandled, next: await meet(10_000) };
}

window.hostile = { hellos, sections, layers, flood, nonsense };
