import { element, entitle, mark, show, write, writeOrHide } from "./elements.ts";
import type { Scene } from "./scene.ts";

/** Draws a scene. Drawing the same one again changes nothing. */
export function showScene(scene: Scene): void {
  const { body } = document;
  mark(body, "state", scene.state);
  mark(body, "screen", scene.screen);
  mark(body, "match", scene.current ?? "");
  entitle(scene.tabTitle);
  show(element("welcome", HTMLElement), scene.screen === "welcome");
  show(element("stage", HTMLElement), scene.screen === "stage");
  write(element("people", HTMLElement), scene.people);
  writeOrHide(element("banner", HTMLElement), scene.banner);
  writeOrHide(element("note", HTMLElement), scene.note);
  write(element("status-title", HTMLElement), scene.title);
  writeOrHide(element("status-detail", HTMLElement), scene.detail);
  writeOrHide(element("status-timer", HTMLElement), scene.timer);
  showSanction(scene);
  showPartner(scene);
  showQuality(scene);
  showActions(scene);
}

function showSanction({ sanction }: Scene): void {
  show(element("sanction", HTMLElement), sanction !== null);
  write(element("sanction-title", HTMLElement), sanction?.title ?? null);
  write(element("sanction-why", HTMLElement), sanction?.why ?? null);
  writeOrHide(element("confirm", HTMLButtonElement), sanction?.confirm ?? null);
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
  const over = scene.state === "taken-over" || scene.state === "ended";
  const looking = scene.state === "waiting" || scene.state === "still-there";
  element("next", HTMLButtonElement).disabled = scene.current === null;
  element("report", HTMLButtonElement).disabled = scene.current === null;
  element("stop", HTMLButtonElement).disabled = over;
  writeOrHide(element("take-over", HTMLButtonElement), scene.takeOver);
  writeOrHide(element("second", HTMLElement), scene.second);
  show(element("after-stop", HTMLElement), scene.state === "welcome" && scene.previous !== null);
  show(element("report-previous", HTMLElement), looking && scene.previous !== null);
  show(element("block-previous", HTMLElement), looking && scene.previous !== null);
}
