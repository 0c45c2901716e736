// Runs in a page before its own scripts: writes down when each step on the way to the next face is taken, from the press
// of Next to the first frame. It listens to what the page's own scripts call, and changes none of it.
(() => {
  if (window !== window.top || !location.protocol.startsWith("http")) return;
  const steps = [];
  const note = (what) => steps.push({ what, at_ms: performance.timeOrigin + performance.now() });
  window.steps = steps;

  addEventListener("click", ({ target }) => target.closest?.('[data-testid="next"]') && note("press"), true);

  const fetched = window.fetch;
  window.fetch = async (...call) => {
    const answer = await fetched(...call);
    if (String(call[0]?.url ?? call[0]).endsWith("/v1/skip")) note("skip answered");
    return answer;
  };

  let match = "";
  new MutationObserver(() => {
    const now = document.body?.dataset.match ?? "";
    if (now !== match && now !== "") note("match");
    match = now;
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-match"] });

  // LiveKit's signals are protobuf with one field set: the message begins with the number of that field.
  const SAID = { 1: "offer", 4: "track announced", 6: "track asked for" };
  const HEARD = { 1: "joined", 5: "people" };
  const field = (data) => {
    const [first = 0, second = 0] = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    return (first & 0x80 ? (first & 0x7f) | (second << 7) : first) >> 3;
  };
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...how) {
      note("socket");
      super(...how);
      this.addEventListener("open", () => note("socket open"));
      this.addEventListener("message", ({ data }) => {
        const what = typeof data === "string" ? undefined : HEARD[field(data)];
        if (what !== undefined) note(what);
      });
    }
    send(data) {
      const what = typeof data === "string" ? undefined : SAID[field(data)];
      if (what !== undefined) note(what);
      super.send(data);
    }
  };

  const Connection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Connection {
    constructor(...how) {
      note("connection made");
      super(...how);
      this.addEventListener("connectionstatechange", () => note(`connection ${this.connectionState}`));
      this.addEventListener("track", ({ track }) => {
        note(`${track.kind} track`);
        track.addEventListener("unmute", () => note(`${track.kind} flows`));
      });
    }
    setRemoteDescription(...how) {
      note(`${how[0]?.type} read`);
      return super.setRemoteDescription(...how);
    }
  };

  const { srcObject } = Object.getOwnPropertyDescriptors(HTMLMediaElement.prototype);
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    ...srcObject,
    set(stream) {
      srcObject.set.call(this, stream);
      if (this.dataset.testid !== "partner" || stream === null) return;
      this.requestVideoFrameCallback?.(() => note("first frame"));
    },
  });
})();
