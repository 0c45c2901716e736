// Runs in a page before its own scripts: writes down when each step on the way to the next face is taken, from the
// press of Next to the first frame. It listens to what the page's own scripts do, and changes none of it.
(() => {
  if (window !== window.top || !location.protocol.startsWith("http")) return;
  const steps = [];
  const note = (what) => steps.push({ what, at_ms: performance.timeOrigin + performance.now() });
  window.steps = steps;

  addEventListener("click", ({ target }) => target.closest?.('[data-testid="next"]') && note("press"), true);

  const fetched = window.fetch;
  window.fetch = async (...call) => {
    const isSkip = String(call[0]?.url ?? call[0]).endsWith("/v1/skip");
    if (isSkip) note("skip sent");
    const answer = await fetched(...call);
    if (isSkip) note("skip answered");
    return answer;
  };

  let match = "";
  new MutationObserver(() => {
    const now = document.body?.dataset.match ?? "";
    if (now !== match && now !== "") note("match");
    match = now;
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-match"] });

  // LiveKit's signals are protobuf: the first byte is the number of the one field that is set.
  const SAID = { 1: "offer", 4: "add track", 6: "subscribe", 7: "track setting" };
  const HEARD = { 1: "join answered", 2: "answer", 5: "people", 6: "track accepted", 21: "subscribed", 25: "sections wanted" };
  const field = (data) => (data instanceof ArrayBuffer ? new Uint8Array(data)[0] : data[0]) >> 3;
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...how) {
      note("socket");
      super(...how);
      this.addEventListener("open", () => note("socket open"));
      this.addEventListener("message", ({ data }) => {
        const number = data instanceof ArrayBuffer ? new DataView(data).getUint8(0) >> 3 : null;
        // Field numbers from 16 on take a second byte.
        const whole = number !== null && new Uint8Array(data)[0] & 0x80 ? ((new Uint8Array(data)[0] & 0x7f) | (new Uint8Array(data)[1] << 7)) >> 3 : number;
        if (whole in HEARD) note(`heard: ${HEARD[whole]}`);
      });
    }
    send(data) {
      const number = typeof data === "string" ? null : field(data);
      if (number in SAID) note(`said: ${SAID[number]}`);
      super.send(data);
    }
  };

  const Connection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Connection {
    constructor(...how) {
      note("connection made");
      super(...how);
      this.addEventListener("iceconnectionstatechange", () => note(`ice ${this.iceConnectionState}`));
      this.addEventListener("connectionstatechange", () => note(`connection ${this.connectionState}`));
      this.addEventListener("track", ({ track }) => {
        note(`${track.kind} track`);
        track.addEventListener("unmute", () => note(`${track.kind} flows`));
      });
    }
    setRemoteDescription(...how) {
      note(`${how[0]?.type} applied`);
      return super.setRemoteDescription(...how);
    }
  };

  const { srcObject } = Object.getOwnPropertyDescriptors(HTMLMediaElement.prototype);
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    ...srcObject,
    set(stream) {
      srcObject.set.call(this, stream);
      if (this.dataset.testid !== "partner" || stream === null) return;
      note("shown");
      this.requestVideoFrameCallback(() => note("first frame"));
    },
  });
})();
