import { describe, expect, it } from "vitest";
import { Devices } from "../../src/devices/devices.ts";
import { asked, button, isAwaited, selected, type Kind, type Remembered } from "../../src/devices/model.ts";
import { FakeClock, settle } from "../doubles/clock.ts";
import { builtIn, FakeMachine, headset, second, webcam, type FakeDevice, type FakeTrack } from "../doubles/media.ts";

interface Setting {
  readonly devices?: readonly FakeDevice[];
  readonly remembered?: { readonly [kind in Kind]?: Remembered };
  readonly granted?: boolean;
}

async function setUp({ devices = [webcam, second, headset, builtIn], remembered = {}, granted = true }: Setting = {}) {
  const machine = new FakeMachine(devices.map((each) => ({ ...each })));
  const clock = new FakeClock();
  if (granted) machine.statuses.camera.state = machine.statuses.microphone.state = "granted";
  const it = new Devices({ media: machine.port, permissions: machine.permissions, clock, remembered });
  await settle();
  const answer = async (error?: string): Promise<void> => {
    machine.answer(0, error);
    await settle();
  };
  const ask = async (): Promise<void> => {
    void it.ask();
    await answer();
  };
  return { machine, clock, it, answer, ask };
}

const busy = (machine: FakeMachine, id: string, isBusy = true): void => {
  machine.devices.find((each) => each.id === id)!.isBusy = isBusy;
};
const track = (it: Devices, name: "audio" | "video"): FakeTrack => it.tracks[name] as unknown as FakeTrack;

describe("a later decision wins", () => {
  it.each([
    ["text only", (it: Devices) => it.release()],
    ["another tab took over", (it: Devices) => it.suspend()],
    ["Stop", (it: Devices) => it.cancel()],
    ["the page was closed", (it: Devices) => it.close()],
  ])("%s: what is opened afterwards is stopped and never sent", async (_, decide) => {
    const { machine, it: devices } = await setUp();
    const sent: unknown[] = [];
    devices.subscribe(() => sent.push(devices.tracks.audio, devices.tracks.video));
    const outcome = devices.ask();
    decide(devices);
    machine.answer();
    await settle();
    expect(machine.tracks).toHaveLength(2);
    expect(machine.live).toEqual([]);
    expect(sent.every((each) => each === null)).toBe(true);
    if (decide.toString().includes("close")) return;
    expect(await outcome).toBe("dropped");
    expect(asked(devices.model)).toBe("no");
  });

  it("a press of one device leaves the other one alone", async () => {
    const { machine, it: devices } = await setUp();
    void devices.ask();
    devices.switch("camera", false);
    machine.answer();
    await settle();
    expect(machine.live.map(({ kind }) => kind)).toEqual(["audio"]);
    expect(devices.sent).toEqual({ camera: false, microphone: true });
  });

  it("a muted microphone comes muted, and one that is called off does not come", async () => {
    const { machine, it: devices, ask } = await setUp({ remembered: { microphone: { isOff: true } } });
    await ask();
    expect(track(devices, "audio").enabled).toBe(false);
    devices.release();
    devices.switch("microphone", true);
    expect(button(devices.model.microphone)).toBe("opening");
    devices.switch("microphone", false);
    machine.answer();
    await settle();
    expect(machine.live).toEqual([]);
  });

  it("a tab that was taken over opens nothing, whatever is pressed or plugged in", async () => {
    const { machine, it: devices, ask } = await setUp();
    await ask();
    devices.suspend();
    devices.switch("camera", true);
    devices.switch("microphone", true);
    devices.flip();
    devices.choose("camera", second.id);
    expect(await devices.ask({ isPress: true })).toBe("dropped");
    machine.unplug(headset.id);
    machine.plug(headset);
    await settle();
    expect([machine.calls.length, machine.live.length]).toEqual([0, 0]);
    devices.resume();
    await ask();
    expect(devices.sent).toEqual({ camera: true, microphone: true });
    expect(track(devices, "video").deviceId).toBe(second.id);
  });

  it("a microphone that is switched on after text only brings no camera with it, not even after a take-over", async () => {
    const { machine, it: devices, answer } = await setUp();
    devices.release();
    devices.switch("microphone", true);
    await answer();
    devices.suspend();
    devices.resume();
    void devices.ask();
    await answer();
    expect(machine.live.map(({ kind }) => kind)).toEqual(["audio"]);
    expect(devices.model.camera.isOff).toBe(true);
  });

  it("also over a plan to ask that waits for something else", async () => {
    const { machine, it: devices } = await setUp();
    const outcome = devices.ask({ when: Promise.resolve(true) });
    devices.release();
    expect(await outcome).toBe("dropped");
    expect(await devices.ask({ when: Promise.resolve(false) })).toBe("dropped");
    expect(machine.asked).toEqual([]);
  });
});

describe("each device stands for itself", () => {
  it("and both are one question", async () => {
    const { machine, it: devices, ask } = await setUp({ granted: false });
    await ask();
    expect(machine.asked).toHaveLength(1);
    expect(Object.keys(machine.asked[0]!).sort()).toEqual(["audio", "video"]);
    expect(devices.sent).toEqual({ camera: true, microphone: true });
  });

  it("a camera in use elsewhere does not cost the microphone, and is said", async () => {
    const { machine, it: devices, answer } = await setUp({ devices: [webcam, headset] });
    busy(machine, webcam.id);
    const outcome = devices.ask();
    for (let n = 0; n < 3; n += 1) await answer();
    expect(await outcome).toBe("answered");
    expect(devices.sent).toEqual({ camera: false, microphone: true });
    expect(devices.model.camera.failure).toMatchObject({ trouble: "busy", cause: "ask" });
    busy(machine, webcam.id, false);
    void devices.ask();
    await answer();
    expect(devices.sent.camera).toBe(true);
    expect(devices.model.camera.failure).toBeNull();
  });

  it("a device that is missing is no reason to do without the other", async () => {
    const { it: devices, answer } = await setUp({ devices: [headset], granted: false });
    void devices.ask();
    for (let n = 0; n < 3; n += 1) await answer();
    expect(devices.sent).toEqual({ camera: false, microphone: true });
    expect(devices.model.camera.failure?.trouble).toBe("missing");
  });

  it("after a refusal only what was allowed before is asked for", async () => {
    const { machine, it: devices, answer } = await setUp({ granted: false });
    machine.statuses.microphone.state = "granted";
    void devices.ask();
    await answer("NotAllowedError");
    await answer();
    expect(machine.asked).toHaveLength(2);
    expect(devices.sent).toEqual({ camera: false, microphone: true });
    expect(devices.model.camera.failure?.trouble).toBe("refused");
  });

  it("a page without TLS has none, and says so of both", async () => {
    const devices = new Devices({ media: undefined, permissions: undefined });
    expect(await devices.ask()).toBe("answered");
    expect([devices.model.camera.failure?.trouble, devices.model.microphone.failure?.trouble]).toEqual(["insecure", "insecure"]);
  });

  it("waits for a stream that nobody wants any more before it calls a device busy", async () => {
    const { machine, it: devices } = await setUp();
    devices.switch("camera", true);
    devices.switch("camera", false);
    devices.switch("camera", true);
    machine.answer(1, "NotReadableError"); // the first call is about to open it
    await settle();
    machine.answer(0);
    await settle();
    expect(machine.live).toEqual([]);
    machine.answer(0);
    await settle();
    expect(devices.sent.camera).toBe(true);
  });
});

describe("a choice", () => {
  const stored = { camera: { chosen: second.id }, microphone: { chosen: builtIn.id } };

  it("that was stored and fails gives way to the system's, for that device only", async () => {
    const { machine, it: devices, answer } = await setUp({ remembered: stored });
    busy(machine, second.id);
    void devices.ask();
    for (let n = 0; n < 4; n += 1) await answer();
    expect(track(devices, "video").deviceId).toBe(webcam.id);
    expect(track(devices, "audio").deviceId).toBe(builtIn.id);
    expect(devices.model.camera.chosen).toBe(second.id);
    expect(selected(devices.model.camera)).toBe(webcam.id);
  });

  it("is worth storing once it worked, and the device before goes on until then", async () => {
    const { machine, it: devices, ask, answer } = await setUp();
    await ask();
    const before = track(devices, "video");
    devices.choose("camera", second.id);
    expect([before.readyState, devices.sent.camera, devices.model.camera.chosen]).toEqual(["live", true, ""]);
    await answer();
    expect([before.readyState, devices.model.camera.chosen]).toEqual(["ended", second.id]);
    devices.choose("microphone", builtIn.id);
    busy(machine, builtIn.id);
    await answer();
    expect([track(devices, "audio").deviceId, devices.model.microphone.chosen]).toEqual([headset.id, ""]);
    expect(devices.model.microphone.failure).toMatchObject({ trouble: "busy", cause: "choose" });
  });

  it("switches nothing on: while a device is off it waits", async () => {
    const { machine, it: devices, answer } = await setUp();
    devices.choose("camera", second.id);
    expect(machine.calls).toEqual([]);
    expect(devices.model.camera.chosen).toBe("");
    devices.switch("camera", true);
    await answer();
    expect([track(devices, "video").deviceId, devices.model.camera.chosen]).toEqual([second.id, second.id]);
  });
});

describe("Flip", () => {
  it("that fails keeps the camera that works", async () => {
    const { machine, it: devices, ask, answer } = await setUp();
    await ask();
    const before = track(devices, "video");
    busy(machine, second.id);
    devices.flip();
    await answer();
    expect([before.readyState, track(devices, "video"), button(devices.model.camera)]).toEqual(["live", before, "on"]);
    expect(devices.model.camera.failure).toMatchObject({ trouble: "busy", cause: "flip" });
  });

  const front = { ...webcam, facingMode: "user" };
  const back = { ...second, facingMode: "environment" };

  it("of a telephone that runs one camera at a time closes the first, and opens the second", async () => {
    const { machine, it: devices, ask, answer } = await setUp({ devices: [front, back, headset] });
    machine.hasOneCamera = true;
    await ask();
    devices.flip();
    await answer();
    expect(button(devices.model.camera)).toBe("opening");
    await answer();
    expect([track(devices, "video").deviceId, devices.model.camera.chosen, machine.live.length]).toEqual([back.id, back.id, 2]);
  });

  it("that fails there too brings the first one back, and says so", async () => {
    const { machine, it: devices, ask, answer } = await setUp({ devices: [front, back, headset] });
    machine.hasOneCamera = true;
    busy(machine, back.id);
    await ask();
    devices.flip();
    for (let n = 0; n < 3; n += 1) await answer();
    expect([track(devices, "video").deviceId, devices.model.camera.chosen, button(devices.model.camera)]).toEqual([front.id, "", "on"]);
    expect(devices.model.camera.failure).toMatchObject({ trouble: "busy", cause: "flip" });
  });
});

describe("after the start", () => {
  it("a microphone that is unplugged is known, and opened again when it is back", async () => {
    const { machine, it: devices, ask, answer } = await setUp({ devices: [webcam, headset] });
    await ask();
    machine.unplug(headset.id);
    expect(devices.sent.microphone).toBe(false);
    await settle();
    expect(devices.model.microphone.failure).toMatchObject({ trouble: "unplugged", cause: "lost" });
    expect(isAwaited(devices.model.microphone)).toBe(true);
    machine.plug(headset);
    await settle();
    await answer();
    expect(devices.sent.microphone).toBe(true);
    expect(devices.model.microphone.open?.cause).toBe("lost");
  });

  it("unless it was switched off meanwhile", async () => {
    const { machine, it: devices, ask } = await setUp({ devices: [webcam, headset] });
    await ask();
    machine.unplug(headset.id);
    machine.unplug(webcam.id);
    await settle();
    devices.switch("microphone", false);
    devices.switch("camera", false);
    machine.plug(headset);
    machine.plug(webcam);
    await settle();
    expect(machine.calls).toEqual([]);
  });

  it("another microphone takes its place where none was chosen, and never another camera", async () => {
    const { machine, it: devices, ask, answer } = await setUp();
    await ask();
    machine.unplug(headset.id);
    machine.unplug(webcam.id);
    await settle();
    expect(machine.asked).toHaveLength(2);
    await answer();
    expect(track(devices, "audio").deviceId).toBe(builtIn.id);
    expect(devices.model.camera).toMatchObject({ open: null, failure: { trouble: "unplugged" } });
  });

  it("a track that the system ends has one more try, and no endless ones", async () => {
    const { clock, machine, it: devices, ask, answer } = await setUp();
    await ask();
    track(devices, "video").end();
    await settle();
    await answer();
    expect(devices.sent.camera).toBe(true);
    track(devices, "video").end();
    await settle();
    expect(machine.calls).toEqual([]);
    expect(devices.model.camera.failure?.trouble).toBe("stopped");
    await clock.advance(10_000);
    machine.dispatchEvent(new Event("devicechange"));
    await settle();
    expect(machine.calls).toHaveLength(1);
  });

  it("what the system mutes is not said to be sent", async () => {
    const { it: devices, ask } = await setUp();
    await ask();
    track(devices, "audio").hold(true);
    expect([devices.sent.microphone, button(devices.model.microphone)]).toEqual([false, "held"]);
    devices.switch("microphone", false);
    track(devices, "audio").hold(false);
    expect([devices.sent.microphone, button(devices.model.microphone)]).toEqual([false, "off"]);
    devices.switch("microphone", true);
    expect(devices.sent.microphone).toBe(true);
  });

  it("a permission that is taken back and given again", async () => {
    const { machine, it: devices, ask, answer } = await setUp();
    await ask();
    machine.permit("camera", "denied");
    await settle();
    expect(devices.sent).toEqual({ camera: false, microphone: true });
    expect(devices.model.camera.failure?.trouble).toBe("withdrawn");
    machine.permit("camera", "granted");
    await answer();
    expect(devices.sent.camera).toBe(true);
  });

  it("the system's choice of microphone that changes is followed", async () => {
    const standard = { kind: "microphone", id: "default", label: "Default", group: headset.group } as const;
    const { machine, it: devices, ask, answer } = await setUp({ devices: [standard, headset, builtIn, webcam] });
    await ask();
    const before = track(devices, "audio");
    machine.devices = machine.devices.map((each) => (each.id === "default" ? { ...standard, group: builtIn.group } : each));
    machine.dispatchEvent(new Event("devicechange"));
    await settle();
    expect(devices.sent.microphone).toBe(true);
    await answer();
    expect([before.readyState, devices.model.microphone.open?.group, devices.model.microphone.open?.cause]).toEqual(["ended", builtIn.group, "default"]);
  });
});
