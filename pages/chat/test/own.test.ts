import type { DeviceModel, DevicesModel, Failure, Kind, Opened } from "duologue/devices";
import { Devices } from "duologue/devices";
import { describe, expect, it } from "vitest";
import { news, own } from "../src/own.ts";
import { value } from "../src/values.ts";
import { words as english } from "../src/words/en.ts";

const words = english("Duologue");

const empty = new Devices({ media: undefined, permissions: undefined }).model;
const opened = (kind: Kind, change: Partial<Opened> = {}): Opened => ({
  track: { kind: kind === "camera" ? "video" : "audio" } as MediaStreamTrack,
  id: kind,
  label: kind,
  group: null,
  isHeld: false,
  isOnly: false,
  cause: "ask",
  ...change,
});
const lost = (trouble: Failure["trouble"], id = "microphone"): Failure => ({ trouble, cause: "lost", lost: { id, group: null } });

/** Both devices run, but for the changes. */
function model(camera: Partial<DeviceModel> = {}, microphone: Partial<DeviceModel> = {}): DevicesModel {
  const device = (kind: Kind): DeviceModel => ({ ...empty[kind], isWanted: true, open: opened(kind) });
  return { ...empty, isAnswered: true, camera: { ...device("camera"), ...camera }, microphone: { ...device("microphone"), ...microphone } };
}

const request = { generation: 1, cause: "ask", before: null, why: null, ids: [""] } as const;

describe("what the buttons say", () => {
  const labels = (it: DevicesModel): string[] => [own(it, words).buttons.microphone.label, own(it, words).buttons.camera.label];

  it("is what a press does", () => {
    expect(labels(model())).toEqual(["Mute", "Camera off"]);
    expect(labels(model({ open: null, isOff: true }, { isOff: true }))).toEqual(["Unmute", "Camera on"]);
    expect(labels(model({ open: null, request }, { open: null, request }))).toEqual(["Cancel", "Cancel"]);
    expect(labels(model({ open: opened("camera", { isHeld: true }) }, { open: opened("microphone", { isHeld: true }) }))).toEqual(["Unmute", "Camera on"]);
  });

  it("stays while another device is on its way", () => expect(labels(model({ request }, { request }))).toEqual(["Mute", "Camera off"]));
});

describe("on the stage", () => {
  const note = (it: DevicesModel, kind: Kind) => own(it, words).notes[kind];

  it("says nothing of what works, nor of what its person switched off", () => {
    expect(own(model(), words).notes).toEqual({ camera: null, microphone: null });
    expect(own(model({ open: null, isOff: true }, { isOff: true }), words).notes).toEqual({ camera: null, microphone: null });
  });

  it("says that a microphone was unplugged, and offers to stay muted", () => {
    const it = note(model({}, { open: null, failure: lost("unplugged") }), "microphone");
    expect(it?.text).toContain("Your microphone was unplugged");
    expect(it?.keepOff).toBe("Stay muted");
  });

  it("says that the system holds it", () => expect(note(model({}, { open: opened("microphone", { isHeld: true }) }), "microphone")?.text).toContain("Your device has muted"));

  it("names the button that tries again", () => {
    const failure = { trouble: "busy", cause: "switch", lost: null } as const;
    expect(note(model({ open: null, failure }), "camera")?.text).toContain("press Camera on");
    expect(note(model({}, { open: null, failure }), "microphone")?.text).toContain("press Unmute");
  });

  it("says once more what the welcome said only if it can be mended", () => {
    const failure = { trouble: "busy", cause: "ask", lost: null } as const;
    expect(note(model({ open: null, failure }), "camera")?.isBrief).toBe(true);
    expect(note(model({ open: null, failure: { ...failure, trouble: "missing" } }), "camera")).toBeNull();
  });

  it("says for some seconds that another camera did not come", () => {
    const it = note(model({ failure: { trouble: "busy", cause: "flip", lost: null } }), "camera");
    expect([it?.isBrief, it?.keepOff]).toEqual([true, null]);
    expect(it?.text).toContain("this one stays on");
  });
});

describe("on the welcome", () => {
  const welcome = (it: DevicesModel) => own(it, words).welcome;
  const busy = { trouble: "busy", cause: "ask", lost: null } as const;

  it("says one thing of both, and each thing of one", () => {
    expect(welcome(model({ open: null, failure: busy }, { open: null, failure: busy }))).toMatchObject({ word: words.camera.busy, note: null });
    expect(welcome(model({ open: null, failure: busy })).word).toContain("Your camera is in use");
    expect(welcome(model({}, { open: null, failure: busy }))).toMatchObject({ isRetry: true });
    expect(welcome(model({}, { open: null, failure: busy })).note).toContain("Your microphone is in use");
  });

  it("says whether the browser asks or the camera is slow", () => {
    const asking = (permission: PermissionState) => ({ ...model({ open: null, request, permission }, { open: null, request, permission }), isAnswered: false });
    expect(welcome(asking("prompt")).word).toBe(words.camera.asking);
    expect(welcome(asking("granted")).word).toBe(words.devices.starting);
  });

  it("offers to turn on what is off, and to try again what failed", () => {
    expect(welcome(empty).ask).toBe(words.camera.turnOn);
    expect(welcome(model({ open: null, isOff: true })).ask).toBe(words.controls.cameraOn);
    expect(welcome(model({ open: null, failure: busy })).ask).toBe(words.camera.again);
    expect(welcome(model()).ask).toBeNull();
  });
});

describe("what came back without a press", () => {
  it("is said: the same one, or another", () => {
    const before: DeviceModel = { ...model().microphone, open: null, failure: lost("unplugged") };
    const back = (open: Partial<Opened>): string | null => news(before, { ...before, open: opened("microphone", open) }, "microphone", words);
    expect(back({ cause: "lost" })).toBe(words.devices.back.microphone);
    expect(back({ cause: "lost", id: "other", label: "Built-in" })).toBe(`Now in use: ${value("Built-in")}.`);
    expect(back({ cause: "default", label: "" })).toBe("Now in use: another microphone.");
    expect(back({ cause: "switch" })).toBeNull();
  });
});
