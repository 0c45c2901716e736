import { describe, expect, it } from "vitest";
import { isDue, isOutdated } from "../src/version.ts";

/** A server that answers so. */
function server(body: string, status = 200): typeof fetch {
  return () => Promise.resolve(new Response(body, { status }));
}

describe("a page is outdated", () => {
  it("if the server has another version", async () => {
    expect(await isOutdated("a", server('{"version":"b"}'))).toBe(true);
  });

  it.each([
    ["the same version", server('{"version":"a"}')],
    ["no answer in JSON", server("<!doctype html>")],
    ["no version in its answer", server('{"code":"not-found"}', 404)],
    ["an error, whatever it says", server('{"version":"b"}', 503)],
    ["no answer", () => Promise.reject(new TypeError("no network"))],
  ])("but not if it has %s", async (_, ask) => {
    expect(await isOutdated("a", ask)).toBe(false);
  });
});

describe("the page asks for its version", () => {
  const due = { isIdle: true, isHidden: false, since_ms: 10 * 60_000 };

  it("on the welcome, every ten minutes", () => {
    expect(isDue(due)).toBe(true);
    expect(isDue({ ...due, since_ms: due.since_ms - 1 })).toBe(false);
  });

  it("never while its person waits or talks, however long, and never unseen", () => {
    expect(isDue({ ...due, isIdle: false, since_ms: 86_400_000 })).toBe(false);
    expect(isDue({ ...due, isHidden: true, since_ms: 86_400_000 })).toBe(false);
  });
});
