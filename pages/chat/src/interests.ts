/**
 * Interests as a person types them. The server gives them one form and compares that (docs/protocol.md, "Tags"); here they are
 * only taken apart for the screen, and kept as they were typed.
 */

import { characters } from "duologue";

export const MOST_INTERESTS = 16;
export const LONGEST_INTEREST = 64;

/** Commas and semicolons of many scripts, the bar, tabs and line breaks: the server's own list. A slash is part of an interest. */
const APART = /[,;|\t\n\v\f\r\u0085\u2028\u2029՝،؛߸፣፤᠂᠈⁏⸲⸴⸵⹁⹉⹌、꓾꘍꛵꛶︐︑︔﹐﹑﹔，；｜､]/u;

/** Return the interests in a text, without spaces around them. */
export function apart(text: string): readonly string[] {
  return text
    .split(APART)
    .map((part) => part.replace(/\s+/gu, " ").trim())
    .filter((part) => !/^[#＃\s]*$/u.test(part));
}

/** Return whether the text holds a separator: what stands before it is complete. */
export function isApart(text: string): boolean {
  return APART.test(text);
}

/** What became of a text that was added: the list afterwards, and what was left out and why. */
export interface Added {
  readonly list: readonly string[];
  readonly refused: "long" | "many" | null;
  /** What was refused, for the person to change. */
  readonly rest: readonly string[];
}

/** Adds each interest of the text that is not in the list, in other letters or not. */
export function added(list: readonly string[], text: string): Added {
  const known = new Set(list.map(folded));
  const made = [...list];
  const rest: string[] = [];
  let refused: Added["refused"] = null;
  for (const each of apart(text)) {
    if (known.has(folded(each))) continue;
    const why = characters(each) > LONGEST_INTEREST ? "long" : made.length >= MOST_INTERESTS ? "many" : null;
    if (why === null) {
      known.add(folded(each));
      made.push(each);
    } else {
      refused ??= why;
      rest.push(each);
    }
  }
  return { list: made, refused, rest };
}

function folded(interest: string): string {
  return interest.normalize("NFKC").replace(/^[#\s]+/u, "").toLowerCase();
}
