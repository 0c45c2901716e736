import { asked, button, isAwaited, type DeviceModel, type DevicesModel, type Failure, type Kind } from "duologue/devices";
import { value } from "./values.ts";
import type { Words } from "./words.ts";

/** A button of a device: what a press does, and whether the device is silent or dark now. */
export interface OwnButton {
  readonly label: string;
  /** The label as it is said aloud, beginning with the same words. */
  readonly spoken: string;
  readonly isOff: boolean;
  readonly isDisabled: boolean;
}

/** What is wrong with a device, or was, and how to leave it so. */
export interface OwnNote {
  readonly text: string;
  /** The words of a button that keeps the device off, where it would come back without a press. */
  readonly keepOff: string | null;
  /** The device that ran before still runs: worth saying for some seconds only. */
  readonly isBrief: boolean;
}

/** Pure: what the page says of the person's own devices. */
export interface OwnScene {
  readonly buttons: Readonly<Record<Kind, OwnButton>>;
  readonly notes: Readonly<Record<Kind, OwnNote | null>>;
  /** Beside the list in which a choice failed. */
  readonly lists: Readonly<Record<Kind, string | null>>;
  readonly blank: string;
  readonly isMuted: boolean;
  readonly welcome: { readonly word: string; readonly note: string | null; readonly ask: string | null; readonly isRetry: boolean };
  /** Which of the two a start now would bring. */
  readonly start: "both" | "sound" | "text";
}

export function own(model: DevicesModel, words: Words): OwnScene {
  const { camera, microphone } = model;
  const hasMicrophone = button(microphone) === "on";
  return {
    buttons: { camera: ownButton("camera", camera, words), microphone: ownButton("microphone", microphone, words) },
    notes: { camera: note("camera", camera, words), microphone: note("microphone", microphone, words) },
    lists: { camera: listNote("camera", camera, words), microphone: listNote("microphone", microphone, words) },
    blank: blank(camera, words),
    isMuted: !hasMicrophone && (microphone.open !== null || microphone.failure?.cause === "lost"),
    welcome: { word: welcomeWord(model, words), note: welcomeNote(model, words), ask: askLabel(model, words), isRetry: microphone.failure !== null && microphone.open === null },
    start: asked(model) !== "yes" || camera.open !== null ? "both" : microphone.open !== null ? "sound" : "text",
  };
}

function ownButton(kind: Kind, device: DeviceModel, { controls, devices }: Words): OwnButton {
  const [on, off] = kind === "camera" ? [controls.cameraOn, controls.cameraOff] : [controls.unmute, controls.mute];
  const state = button(device);
  const label = state === "on" ? off : state === "opening" ? devices.cancel : on;
  return { label, spoken: state === "opening" ? devices.cancelled[kind] : label, isOff: state !== "on", isDisabled: device.failure?.trouble === "insecure" };
}

/** On the stage: whatever keeps a device from being sent, but for the person's own wish. */
function note(kind: Kind, device: DeviceModel, words: Words): OwnNote | null {
  const { devices, controls } = words;
  const { failure, open } = device;
  if (button(device) === "held") return { text: devices.held[kind], keepOff: devices.keepOff[kind], isBrief: false };
  if (failure === null || device.request !== null) return null;
  if (open !== null) return { text: other(kind, failure, words), keepOff: null, isBrief: true };
  // The welcome has said it, and the person has started without.
  const isKnown = failure.cause === "ask";
  if (isKnown && failure.trouble !== "busy") return null;
  const text = trouble(kind, failure, kind === "camera" ? controls.cameraOn : controls.unmute, words);
  if (isKnown) return { text, keepOff: null, isBrief: true };
  return { text, keepOff: isAwaited(device) ? devices.keepOff[kind] : null, isBrief: false };
}

function listNote(kind: Kind, { failure, open }: DeviceModel, words: Words): string | null {
  if (failure?.cause !== "choose") return null;
  return open === null ? trouble(kind, failure, words.camera.again, words) : other(kind, failure, words);
}

function trouble(kind: Kind, failure: Failure, again: string, { camera, devices }: Words): string {
  return failure.trouble === "insecure" ? camera.insecure : devices.trouble[kind][failure.trouble](again);
}

/** Another device was asked for and did not come: the one before goes on. */
function other(kind: Kind, failure: Failure, { devices }: Words): string {
  const { other: of } = devices;
  return failure.trouble === "busy" ? of.busy[kind] : failure.trouble === "refused" ? of.refused[kind] : of.missing[kind];
}

function blank(camera: DeviceModel, { stage, devices }: Words): string {
  if (button(camera) === "opening") return devices.starting;
  return camera.isOff || camera.failure !== null ? stage.meOff : stage.meNone;
}

function isBoth({ camera, microphone }: DevicesModel): boolean {
  return camera.open === null && microphone.open === null && camera.failure !== null && camera.failure.trouble === microphone.failure?.trouble;
}

function welcomeWord(model: DevicesModel, words: Words): string {
  const { camera, microphone } = model;
  const isOpening = button(camera) === "opening";
  if ((isOpening || asked(model) === "asking") && !isAllowed(model)) return words.camera.asking;
  if (isOpening) return words.devices.starting;
  if (camera.failure !== null) {
    const { trouble: what } = camera.failure;
    if (isBoth(model) && (what === "refused" || what === "missing" || what === "busy")) return words.camera[what];
    return trouble("camera", camera.failure, words.camera.again, words);
  }
  if (camera.isOff && asked(model) === "yes") return words.stage.meOff;
  return microphone.open === null ? words.camera.off : words.camera.noCamera;
}

/** The browser asks no question any more: what takes its time is the device. */
function isAllowed({ camera, microphone }: DevicesModel): boolean {
  return [camera, microphone].every(({ request, permission }) => request === null || permission === "granted");
}

function welcomeNote(model: DevicesModel, words: Words): string | null {
  const { camera, microphone } = model;
  if (microphone.open !== null || microphone.request !== null || isBoth(model)) return null;
  if (microphone.failure !== null) return trouble("microphone", microphone.failure, words.camera.again, words);
  return camera.open === null ? null : words.camera.noMicrophone;
}

function askLabel(model: DevicesModel, { camera: words, controls }: Words): string | null {
  const { camera } = model;
  if (camera.open !== null || camera.request !== null || camera.failure?.trouble === "insecure") return null;
  if (asked(model) === "no") return words.turnOn;
  return camera.failure === null ? controls.cameraOn : words.again;
}

/** What came back without a press, for a toast; null where nothing did. */
export function news(before: DeviceModel, now: DeviceModel, kind: Kind, { devices }: Words): string | null {
  const { open } = now;
  if (open === null || open.track === before.open?.track || (open.cause !== "lost" && open.cause !== "default")) return null;
  const isSame = open.cause === "lost" && (before.failure?.lost?.id ?? open.id) === open.id;
  return isSame ? devices.back[kind] : devices.using(open.label === "" ? devices.another[kind] : value(open.label));
}
