import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";
import { DuologueProvider, useDuologue, Video } from "../../src/react/index.ts";

it("renders where there is no window: nothing of a browser is touched", () => {
  expect(typeof window).toBe("undefined");
  const Page = () => {
    const { link, partner } = useDuologue();
    return createElement("p", null, link, createElement(Video, { stream: partner?.stream ?? null, muted: true }));
  };
  const html = renderToString(createElement(DuologueProvider, null, createElement(Page)));
  expect(html).toContain("closed");
  expect(html).toContain("<video");
});
