import { Linter } from "eslint";
import { describe, expect, it } from "vitest";
import { writing } from "../../../eslint.config.js";

const linter = new Linter();

/** How often the rule strikes. */
function complaints(code) {
  const found = linter.verify(code, [{ rules: { "no-restricted-syntax": ["error", ...writing] } }]);
  expect(found.filter(({ fatal }) => fatal)).toEqual([]);
  return found.length;
}

describe("only elements.ts writes words: the linter", () => {
  it.each([
    `target.textContent = "words";`,
    `if (target.textContent !== words) again();`,
    `const { innerText } = target;`,
    `target.innerHTML = "";`,
    `document.title = words;`,
    `input.placeholder = words;`,
    `button.ariaLabel = words;`,
    `button.setAttribute("aria-label", words);`,
    `input.setCustomValidity(words);`,
    "label.append(radio, `${words}`);",
    `label.append("words");`,
    `label.append("more " + words);`,
    `list.replaceChildren(new Option(words, "id"));`,
    `text.nodeValue = words;`,
  ])("refuses %s", (code) => expect(complaints(code)).toBeGreaterThan(0));

  it.each([
    `write(target, words.title);`,
    `const { title, placeholder } = words;`,
    `note.append(make("span", "", words), " ", button);`,
    `list.replaceChildren();`,
    `line.text.trim();`,
    `socket.data = 1;`,
  ])("allows %s", (code) => expect(complaints(code)).toBe(0));
});
