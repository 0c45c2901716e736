import type { CameraState } from "./camera.ts";
import { element, entitle, icon, mark, show, write, writeAround, writeOrHide } from "./elements.ts";
import type { Scene } from "./scene.ts";
import type { Words } from "./words.ts";

/** Draws a scene. Drawing the same one again changes nothing. */
export function showScene(scene: Scene): void {
  const { body } = document;
  const count = countIn(scene.people);
  mark(body, "state", scene.state);
  mark(body, "screen", scene.screen);
  mark(body, "match", scene.current ?? "");
  entitle(scene.tabTitle);
  show(element("welcome", HTMLElement), scene.screen === "welcome");
  show(element("stage", HTMLElement), scene.screen === "stage");
  writeAround(element("people", HTMLElement), scene.people, count);
  writeOrHide(element("banner", HTMLElement), scene.banner);
  writeOrHide(element("note", HTMLElement), scene.note);
  writeAround(element("status-title", HTMLElement), scene.title, scene.partner.name);
  writeOrHide(element("status-detail", HTMLElement), scene.detail, count);
  showPartner(scene);
  showQuality(scene);
  showActions(scene);
}

/** The number in the words about how many people are here; it changes while the words stay. */
function countIn(people: string | null): string | null {
  return people?.match(/\d[\d,]*/)?.[0] ?? null;
}

function showPartner({ partner }: Scene): void {
  writeOrHide(element("partner-name", HTMLElement), partner.name);
  writeOrHide(element("partner-badge", HTMLElement), partner.badge);
  write(element("partner-word", HTMLElement), partner.blank);
  show(element("partner-blank", HTMLElement), partner.blank !== null);
}

function showQuality({ quality }: Scene): void {
  const badge = element("quality", HTMLElement);
  show(badge, quality !== null);
  mark(badge, "level", quality?.level ?? "");
  write(element("quality-word", HTMLElement), quality?.word ?? null);
}

function showActions(scene: Scene): void {
  const over = scene.takeOver !== null || scene.state === "ended";
  const looking = scene.state === "waiting";
  element("next", HTMLButtonElement).disabled = scene.current === null;
  element("report", HTMLButtonElement).disabled = scene.current === null;
  element("stop", HTMLButtonElement).disabled = over;
  writeOrHide(element("take-over", HTMLButtonElement), scene.takeOver);
  writeOrHide(element("second", HTMLElement), scene.second);
  show(element("report-previous", HTMLElement), looking && scene.previous !== null);
  show(element("block-previous", HTMLElement), looking && scene.previous !== null);
}

/** The person's own picture, and the buttons that say what they will do. */
export function showOwn(state: CameraState, words: Words): void {
  const { audio, video, muted, cameraOff, cameras, microphones, asked } = state;
  const silent = muted || audio === null;
  const mute = element("mute", HTMLButtonElement);
  const camera = element("camera", HTMLButtonElement);
  mute.disabled = audio === null && asked === "yes" && microphones.length === 0;
  toggle(mute, silent, silent ? words.controls.unmute : words.controls.mute, silent ? "i-mic-off" : "i-mic");
  camera.disabled = video === null && asked === "yes" && cameras.length === 0;
  const off = video === null;
  toggle(camera, off, off ? words.controls.cameraOn : words.controls.cameraOff, off ? "i-camera-off" : "i-camera");
  show(element("me-blank", HTMLElement), video === null);
  write(element("me-word", HTMLElement), cameraOff ? words.stage.meOff : words.stage.meNone);
  show(element("me-badge", HTMLElement), audio !== null && muted);
  show(element("flip", HTMLButtonElement), video !== null && cameras.length > 1);
}

function toggle(button: HTMLButtonElement, pressed: boolean, label: string, symbol: string): void {
  mark(button, "on", String(pressed));
  const text = button.querySelector("span");
  if (text !== null) write(text, label);
  icon(button, symbol);
}
