/** One line of the conversation. `n` is its number in the match, null until the server gave it one. */
export interface Line {
  readonly n: number | null;
  /** Ours only: the key that makes a repeated send harmless. */
  readonly key: string | null;
  readonly from: "me" | "partner";
  readonly text: string;
  readonly at_ms: number;
  readonly status: "sending" | "sent" | "failed";
  /** Of a line that failed: the code of the refusal, `""` without one. `conversation-full` is refused again whenever it is sent. */
  readonly code?: string;
}

/** The messages of one match, kept on screen until the next one begins. */
export interface Chat {
  readonly match: string | null;
  readonly lines: readonly Line[];
}

/** Lines that are kept of one conversation: a stranger can write for hours. The server keeps fewer, so none that is lost comes back. */
export const MOST_LINES = 256;

export const noChat: Chat = { match: null, lines: [] };

/** A line that is on its way. */
export function said(chat: Chat, key: string, text: string, at_ms: number): Chat {
  const line: Line = { n: null, key, from: "me", text, at_ms, status: "sending" };
  return { ...chat, lines: newest([...chat.lines.filter((other) => other.key !== key), line], MOST_LINES) };
}

/** The reply gave our line its number; the stream may have brought the same line before. */
export function numbered(chat: Chat, key: string, n: number): Chat {
  const known = chat.lines.some((line) => line.n === n);
  const lines = known
    ? chat.lines.filter((line) => line.key !== key || line.n === n)
    : chat.lines.map((line) => (line.key === key ? { ...line, n, status: "sent" as const } : line));
  return { ...chat, lines: inOrder(lines) };
}

export function unsent(chat: Chat, key: string, code = ""): Chat {
  const lines = chat.lines.map((line) => (line.key === key && line.n === null ? { ...line, status: "failed" as const, code } : line));
  return { ...chat, lines };
}

/**
 * A line from the stream: dropped when it is known, and merged with our own one that still waits for its reply.
 * Another line of a known number takes its place: the store fell back, and used the number again.
 */
export function received(chat: Chat, message: { n: number; from: "me" | "partner"; text: string; at_ms: number }, most = MOST_LINES): Chat {
  const known = chat.lines.find((line) => line.n === message.n);
  if (known?.text === message.text && known.from === message.from) return chat;
  const own = message.from === "me" ? chat.lines.find((line) => line.n === null && line.text === message.text) : undefined;
  const line: Line = { ...message, key: own?.key ?? null, status: "sent" };
  return { ...chat, lines: newest(inOrder([...chat.lines.filter((other) => other !== own && other !== known), line]), most) };
}

/** Without what a store that fell back no longer knows: it will give those numbers to other lines. */
export function upTo(chat: Chat, last: number): Chat {
  const lines = chat.lines.filter((line) => line.n === null || line.n <= last);
  return lines.length === chat.lines.length ? chat : { ...chat, lines };
}

function newest(lines: readonly Line[], most: number): readonly Line[] {
  return lines.slice(-most);
}

/** By number; what has none yet comes last, in the order of writing. */
function inOrder(lines: readonly Line[]): readonly Line[] {
  return [...lines].sort((a, b) => (a.n ?? Infinity) - (b.n ?? Infinity) || 0);
}
