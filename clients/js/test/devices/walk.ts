import { expect } from "vitest";
import { Devices } from "../../src/devices/devices.ts";
import { button, KINDS, type Kind } from "../../src/devices/model.ts";
import type { LocalTracks } from "../../src/media/port.ts";
import { FakeClock, settle } from "../doubles/clock.ts";
import { builtIn, FakeMachine, headset, second, webcam, type FakeTrack } from "../doubles/media.ts";

/** Numbers in [0, 1), the same for the same seed (the constants are those of ISO C's own example). */
function numbers(seed: number): () => number {
  let last = seed;
  return () => (last = (Math.imul(last, 1_103_515_245) + 12_345) & 0x7fff_ffff) / 0x8000_0000;
}

const ERRORS = ["NotReadableError", "NotFoundError", "NotAllowedError", "AbortError", "OverconstrainedError"];
const HARDWARE = [webcam, second, headset, builtIn];

/**
 * A person, a machine and a page, and all that can happen to them, as the dice say.
 *
 * Beside the page a second account is kept, of decisions only: which devices the person and the page allow at this
 * moment. It knows nothing of generations, and a device that runs against it is a fault.
 */
export class DevicesWalk {
  readonly machine = new FakeMachine(HARDWARE);
  readonly clock = new FakeClock();
  readonly devices: Devices;
  readonly said: string[] = [];
  /** Everything that the devices were in between, for a test to see that the dice reached it. */
  readonly states: Set<string>;
  readonly #random: () => number;
  readonly #allowed: Record<Kind, boolean> = { camera: false, microphone: false };
  /** What a listener threw. */
  readonly #faults: unknown[] = [];
  #muted = false;
  #cameraOff = false;
  #isSuspended = false;
  #page: LocalTracks = { audio: null, video: null };
  #told = { camera: false, microphone: false };

  constructor(seed: number, states: Set<string>) {
    this.states = states;
    this.#random = numbers(seed);
    this.machine.hasOneCamera = seed % 3 === 0;
    if (seed % 2 === 0) for (const kind of KINDS) this.machine.statuses[kind].state = "granted";
    this.devices = new Devices({ media: this.machine.port, permissions: this.machine.permissions, clock: this.clock, onError: (fault) => this.#faults.push(fault) });
    this.devices.subscribe(() => {
      this.#page = this.devices.tracks;
      this.#told = this.devices.sent;
      this.#check("told");
    });
  }

  async step(): Promise<void> {
    if (this.#faults.length > 0) throw this.#faults[0];
    const happenings = [...this.#presses(), ...this.#machine(), ...this.#page_()];
    const [name, happen] = happenings[Math.floor(this.#random() * happenings.length)]!;
    this.said.push(name);
    happen();
    this.#check("at once");
    if (this.#random() < 0.2) return;
    await settle();
    this.#check("settled");
  }

  #presses(): (readonly [string, () => void])[] {
    const kind: Kind = this.#random() < 0.5 ? "camera" : "microphone";
    return [
      ["camera on", () => this.#switch("camera", true)],
      ["camera off", () => this.#switch("camera", false)],
      ["unmute", () => this.#switch("microphone", true)],
      ["mute", () => this.#switch("microphone", false)],
      ["the button", () => this.#switch(kind, button(this.devices.model[kind]) === "off")],
      ["flip", () => this.devices.flip()],
      ["choose", () => this.devices.choose(kind, this.#one(HARDWARE.filter((each) => each.kind === kind))!.id)],
      ["try again", () => this.#ask(true)],
      ["text only", () => this.#without()],
      ["stop", () => this.#cancel()],
    ];
  }

  #page_(): (readonly [string, () => void])[] {
    return [
      ["start", () => this.#ask(false)],
      ["a match", () => (this.#page = this.devices.tracks)],
      ["taken over", () => this.#suspend()],
      ["pagehide", () => this.#suspend()],
      ["back", () => {
        this.#isSuspended = false;
        this.devices.resume();
        this.#ask(false);
      }],
    ];
  }

  #machine(): (readonly [string, () => void])[] {
    const { machine } = this;
    const place = Math.floor(this.#random() * machine.calls.length);
    const kind: Kind = this.#random() < 0.5 ? "camera" : "microphone";
    const device = this.#one(HARDWARE)!;
    const isThere = machine.devices.some(({ id }) => id === device.id);
    return [
      ...Array.from({ length: machine.calls.length > 0 ? 6 : 0 }, () => ["an answer", () => machine.answer(place)] as const),
      ...(machine.calls.length > 0 ? [["an error", () => machine.answer(place, this.#one(ERRORS))] as const] : []),
      ["ended", () => this.#one(machine.live)?.end()],
      ["held", () => this.#one(machine.live)?.hold(true)],
      ["let go", () => this.#one(machine.live)?.hold(false)],
      ["plugged", () => (isThere ? machine.unplug(device.id) : machine.plug({ ...device }))],
      ["busy", () => void (machine.devices = machine.devices.map((each) => ({ ...each, isBusy: each.id === device.id && this.#random() < 0.5 })))],
      ["permission", () => machine.permit(kind, this.#one(["granted", "granted", "prompt", "denied"] as const)!)],
      ["time", () => void this.clock.advance(5_000)],
    ];
  }

  #switch(kind: Kind, on: boolean): void {
    if (!this.#isSuspended) {
      if (kind === "camera") this.#cameraOff = !on;
      else this.#muted = !on;
      if (on) this.#allowed[kind] = true;
    }
    // A microphone that does not run yet is called off by a mute.
    if (kind === "microphone" && !on && this.#page.audio === null) this.#allowed.microphone = false;
    this.devices.switch(kind, on);
  }

  #ask(isPress: boolean): void {
    if (!this.#isSuspended) {
      if (isPress) this.#cameraOff = false;
      this.#allowed.camera = true;
      this.#allowed.microphone = true;
    }
    void this.devices.ask({ isPress });
  }

  #without(): void {
    this.#allowed.camera = this.#allowed.microphone = false;
    this.devices.release();
  }

  #suspend(): void {
    this.#isSuspended = true;
    this.#allowed.camera = this.#allowed.microphone = false;
    this.devices.suspend();
  }

  /** What runs may go on; what does not run yet is called off. */
  #cancel(): void {
    this.#allowed.camera &&= this.#page.video !== null;
    this.#allowed.microphone &&= this.#page.audio !== null;
    this.devices.cancel();
  }

  #one<T>(of: readonly T[]): T | undefined {
    return of[Math.floor(this.#random() * of.length)];
  }

  #check(when: string): void {
    for (const kind of KINDS) {
      const name = kind === "camera" ? "video" : "audio";
      const sent = this.#page[name] as unknown as FakeTrack | null;
      const isSeen = sent?.isSeen === true;
      const device = this.devices.model[kind];
      this.states.add(`${kind} ${button(device)}`).add(`${kind} ${device.failure?.trouble ?? "well"}`).add(`${kind} by ${device.open?.cause ?? "nobody"}`);
      // Nothing is sent, and after a moment nothing runs, that was decided against; and nothing beside what is sent.
      const mayRun = this.#allowed[kind] && !this.#isSuspended && !(kind === "camera" && this.#cameraOff);
      const live = this.machine.live.filter((track) => track.kind === name);
      this.#holds((button(device) === "on") === isSeen, `the button of the ${kind} says what is sent`, when);
      this.#holds(this.#told[kind] === isSeen, `the partner is told of the ${kind}`, when);
      this.#holds(mayRun || sent === null, `no ${kind} is sent against the last decision`, when);
      this.#holds(!(isSeen && kind === "microphone" && this.#muted), "nothing is heard while muted", when);
      this.#holds(when !== "settled" || live.every((track) => track === sent), `no ${kind} runs that is not sent`, when);
    }
  }

  #holds(so: boolean, what: string, when: string): void {
    if (!so) expect.fail(`not so (${when}): ${what}; after ${this.said.slice(-12).join(", ")}`);
  }
}

export async function walk(seed: number, steps: number, states = new Set<string>()): Promise<void> {
  const it = new DevicesWalk(seed, states);
  for (let n = 0; n < steps; n += 1) await it.step();
  it.devices.close();
  while (it.machine.calls.length > 0) it.machine.answer();
  await settle();
  expect(it.machine.live).toEqual([]);
}
