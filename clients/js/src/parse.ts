import type { Frame, PersonState, PollReply, Reply, Sanction } from "./vocabulary.ts";

const STATE_FRAMES = new Set([
  "snapshot",
  "state",
  "waiting",
  "new-match",
  "skip-confirmed",
  "force-disconnect",
  "idle",
  "partner-away",
  "partner-back",
  "probe",
  "media",
  "room-closing",
]);

/** The fields without which a frame of that type cannot be acted on. */
const NEEDED: Readonly<Record<string, Readonly<Record<string, "number" | "string" | "object">>>> = {
  "peer-signal": { match: "string", n: "number", data: "object" },
  message: { match: "string", n: "number", from: "string", text: "string" },
  heartbeat: { now_ms: "number", version: "number", people_online: "number" },
  unavailable: {},
  "taken-over": {},
  reconnect: { after_ms: "number" },
  "session-ended": {},
};

type Fields = Record<string, unknown>;

/**
 * One event's data as a frame, or null for what this client does not know or cannot read.
 *
 * Unknown types and fields are left alone, so that a newer server may say more than an older page understands.
 */
export function parseFrame(text: string): Frame | null {
  const fields = parseFields(text);
  if (fields === null || typeof fields["type"] !== "string") return null;
  if (STATE_FRAMES.has(fields["type"])) return isState(fields["state"]) ? (fields as unknown as Frame) : null;
  const needed = NEEDED[fields["type"]];
  if (needed === undefined || !has(fields, needed)) return null;
  return fields as unknown as Frame;
}

/** The body of a command's answer, or null if it is not one. */
export function parseReply(body: unknown): Reply | null {
  return isFields(body) && typeof body["outcome"] === "string" && isState(body["state"]) ? (body as unknown as Reply) : null;
}

/** The state in the answer of `GET /v1/state`, or null. */
export function parseStateAnswer(body: unknown): PersonState | null {
  return isFields(body) && isState(body["state"]) ? body["state"] : null;
}

/** The answer to a poll, or null if it is not one. Lines that cannot be read are left out. */
export function parsePoll(body: unknown): PollReply | "taken-over" | null {
  if (!isFields(body)) return null;
  if (body["taken_over"] === true) return "taken-over";
  if (!isState(body["state"]) || !has(body, { people_online: "number", now_ms: "number" })) return null;
  const lines = (name: string, needed: Readonly<Record<string, string>>): unknown[] =>
    Array.isArray(body[name]) ? body[name].filter((line) => isFields(line) && has(line, needed)) : [];
  const messages = lines("messages", { n: "number", from: "string", text: "string", at_ms: "number" });
  const signals = lines("signals", { n: "number", data: "object", at_ms: "number" });
  return { ...body, messages, signals } as unknown as PollReply;
}

/** What a moderator decided, as a problem document names it, or null. */
export function parseSanction(value: unknown): Sanction | null {
  const needed = { sanction: "string", kind: "string", rule: "string", why: "string", until_ms: "number" };
  return isFields(value) && has(value, needed) ? (value as unknown as Sanction) : null;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseFields(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

function has(fields: Fields, needed: Readonly<Record<string, string>>): boolean {
  return Object.entries(needed).every(([name, type]) => typeof fields[name] === type && fields[name] !== null);
}

function isState(value: unknown): value is PersonState {
  if (!isFields(value) || typeof value["version"] !== "number" || typeof value["intent"] !== "number") return false;
  if (value["state"] === "matched") return isMatch(value["match"]);
  return value["state"] === "idle" || value["state"] === "waiting";
}

function isMatch(value: unknown): boolean {
  return isFields(value) && typeof value["match"] === "string" && isFields(value["partner"]) && isFields(value["media"]);
}
