/**
 * How long a message or the text of a report may be, in characters as `characters` counts them.
 *
 * A server can be set to take shorter messages only. A line that is too long there fails with the code `bad-field`.
 */
export const MESSAGE_CHARS = 2_000;

/** Return how long a text is in code points, as the server counts. `length` counts most emoji twice, and so does `maxlength`. */
export function characters(text: string): number {
  return text.length - (text.match(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g)?.length ?? 0);
}
