// @vitest-environment happy-dom
import { act, createElement, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Video, type VideoProps } from "../../src/react/index.ts";
import { settle } from "../doubles/clock.ts";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

let root: Root;
let container: HTMLElement;
let play: () => Promise<void>;
let plays = 0;

beforeEach(() => {
  container = document.body.appendChild(document.createElement("div"));
  root = createRoot(container);
  play = () => Promise.resolve();
  vi.spyOn(HTMLMediaElement.prototype, "play").mockImplementation(() => {
    plays += 1;
    return play();
  });
});

afterEach(async () => {
  await act(async () => {
    root.unmount();
    await settle();
  });
  container.remove();
  vi.restoreAllMocks();
});

async function show(props: VideoProps): Promise<HTMLVideoElement> {
  await act(async () => {
    root.render(createElement(StrictMode, null, createElement(Video, props)));
    await settle();
  });
  return container.querySelector("video")!;
}

const stream = (): MediaStream => new MediaStream();

describe("<Video>", () => {
  it("shows the stream that it is given, and none when there is none", async () => {
    const [one, other] = [stream(), stream()];
    expect((await show({ stream: one, id: "partner", muted: true })).srcObject).toBe(one);
    expect((await show({ stream: other })).srcObject).toBe(other);
    expect((await show({ stream: null })).srcObject).toBeNull();
  });

  it("tells of the first picture once a stream, to whoever asks by then", async () => {
    const one = stream();
    const told: string[] = [];
    const video = await show({ stream: one, onFirstFrame: () => void told.push("early") });
    await show({ stream: one, onFirstFrame: () => void told.push("late") });
    for (let time = 0; time < 2; time += 1) video.dispatchEvent(new Event("loadeddata"));
    expect(told).toEqual(["late"]);
    await show({ stream: stream(), onFirstFrame: () => void told.push("next") });
    video.dispatchEvent(new Event("loadeddata"));
    expect(told).toEqual(["late", "next"]);
  });

  it("hands over a way to play when the browser wants a press first, and only then", async () => {
    const offered: (() => void)[] = [];
    const onBlocked = (again: () => void): void => void offered.push(again);
    play = () => Promise.reject(new DOMException("", "AbortError"));
    await show({ stream: stream(), onBlocked });
    expect(offered).toEqual([]);
    play = () => Promise.reject(new DOMException("", "NotAllowedError"));
    await show({ stream: stream(), onBlocked });
    expect(offered).not.toEqual([]);
    const before = plays;
    play = () => Promise.resolve();
    offered[0]?.();
    expect(plays).toBe(before + 1);
  });
});
