/// <reference types="node" />
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseFrame } from "../src/parse.ts";
import { SseParser } from "../src/stream/sse.ts";

const FRAMES = new URL("../../../protocol/frames/", import.meta.url);

describe("the event stream format", () => {
  it("is read whatever the line ends are and wherever the pieces are cut", () => {
    const text = ": hello\r\nretry: 700\ndata: one\rdata: two\r\n\r\nid: m:4\ndata:three\n\ndata: unfinished";
    for (let size = 1; size < 9; size += 1) {
      const parser = new SseParser();
      const events = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size)).flatMap((piece) => parser.feed(piece));
      expect(events).toEqual([
        { data: "one\ntwo", lastEventId: "" },
        { data: "three", lastEventId: "m:4" },
      ]);
    }
  });

  it("passes over a block without data", () => {
    expect(new SseParser("m:1").feed("retry: 500\n\nid: m:2\n\n")).toEqual([]);
  });
});

describe("the contract's sample streams", () => {
  it.each(readdirSync(FRAMES))("%s: every event is a frame that this client knows", (name) => {
    const events = new SseParser().feed(readFileSync(new URL(name, FRAMES), "utf8"));
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) expect(parseFrame(event.data), event.data).not.toBeNull();
  });
});

describe("a frame", () => {
  it.each(["", "[]", "null", "{", '{"type":1}', '{"type":"news"}', '{"type":"message","match":"m","n":"1"}', '{"type":"snapshot","state":{"state":"matched"}}'])(
    "that cannot be read is none: %s",
    (text) => expect(parseFrame(text)).toBeNull(),
  );
});
