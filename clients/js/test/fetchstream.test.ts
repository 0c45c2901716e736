import { describe, expect, it } from "vitest";
import { suppliedSession } from "../src/session.ts";
import { fetchStream } from "../src/stream/fetchstream.ts";
import type { StreamEnd } from "../src/stream/transport.ts";

/** A stream whose fetch the test is; resolves with how it ended. */
function ended(fetch: typeof globalThis.fetch, token = () => "t", lastEventId = ""): Promise<StreamEnd> {
  return new Promise((resolve) => void fetchStream(fetch, suppliedSession(token))("/v1/events", lastEventId, { onEvent: () => undefined, onEnd: resolve }));
}

describe("a stream by fetch", () => {
  it("sends the token and the last id, and tells the status of a refusal", async () => {
    let sent: RequestInit | undefined;
    const end = await ended((_, request) => ((sent = request), Promise.resolve(new Response(null, { status: 404 }))), undefined, "m_1:3");
    expect(end).toEqual({ why: "refused", status: 404 });
    expect(sent?.headers).toEqual({ Accept: "text/event-stream", Authorization: "Bearer t", "Last-Event-ID": "m_1:3" });
  });

  it("is lost, and nothing worse, when the page's own code for the token throws", async () => {
    const refuse = (): string => {
      throw new Error("not logged in yet");
    };
    expect(await ended(() => Promise.reject(new Error("never asked")), refuse)).toEqual({ why: "lost" });
  });

  it("ends nothing but itself when it is closed", async () => {
    let aborted = false;
    const fetch = (_: unknown, request?: RequestInit): Promise<Response> =>
      new Promise((__, reject) => {
        request?.signal?.addEventListener("abort", () => {
          aborted = true;
          reject(new Error("aborted"));
        });
      });
    const ends: StreamEnd[] = [];
    const stream = fetchStream(fetch, suppliedSession(() => "t"))("/v1/events", "", { onEvent: () => undefined, onEnd: (end) => void ends.push(end) });
    stream.close();
    await Promise.resolve();
    expect([aborted, ends]).toEqual([true, []]);
  });
});
