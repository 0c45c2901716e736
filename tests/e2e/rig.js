// Runs in every page before its own scripts: devices that a test can hold back, take, and give back. What it does not
// change is Chromium's own: the tracks are those of its fake devices.
(() => {
  const media = navigator.mediaDevices;
  if (media === undefined) return;
  const get = media.getUserMedia.bind(media);
  const list = media.enumerateDevices.bind(media);
  const rig = (window.rig = {
    calls: [],
    tracks: [],
    connections: [],
    /** Kinds ("video") and ids of devices that another program has. */
    busy: [],
    /** Kinds of devices ("audioinput") that are pulled out. */
    gone: [],
    open: () => undefined,
    gate: null,
    hold: () => (rig.gate = new Promise((resolve) => (rig.open = resolve))),
    live: () => rig.tracks.filter(({ readyState }) => readyState === "live").map(({ kind }) => kind).sort(),
    /** As a plug that is pulled: the track ends, the list is shorter, and both are told. */
    unplug: (kind) => {
      rig.gone = [...rig.gone, `${kind}input`];
      for (const track of rig.tracks) if (track.kind === kind && track.readyState === "live") rig.end(track);
      media.dispatchEvent(new Event("devicechange"));
    },
    plug: () => {
      rig.gone = [];
      media.dispatchEvent(new Event("devicechange"));
    },
    end: (track) => {
      track.stop();
      track.dispatchEvent(new Event("ended"));
    },
    /** What came over the network from the partner, in packets by kind. */
    received: async () => {
      const packets = { audio: 0, video: 0 };
      for (const connection of rig.connections) {
        for (const [, { type, kind, packetsReceived }] of await connection.getStats()) if (type === "inbound-rtp") packets[kind] += packetsReceived;
      }
      return packets;
    },
  });
  media.getUserMedia = async (what) => {
    rig.calls.push(Object.keys(what).sort().join("+"));
    await rig.gate;
    for (const [kind, { deviceId }] of Object.entries(what)) {
      if (rig.gone.includes(`${kind}input`)) throw new DOMException("", "NotFoundError");
      if (rig.busy.includes(kind) || rig.busy.includes(deviceId?.exact)) throw new DOMException("", "NotReadableError");
    }
    const stream = await get(what);
    rig.tracks.push(...stream.getTracks());
    return stream;
  };
  // The second of Chromium's fake cameras measures depth: its pictures are not encoded for a partner.
  media.enumerateDevices = async () => (await list()).filter(({ kind, label }) => !rig.gone.includes(kind) && !label.startsWith("fake_device_1"));
  const Connection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Connection {
    constructor(...given) {
      super(...given);
      rig.connections.push(this);
    }
  };
})();
