import { Duologue } from "../../src/client.ts";
import type { MediaSession, MediaSetting } from "../../src/media/port.ts";
import type { StreamHandlers } from "../../src/stream/transport.ts";
import type { PersonState } from "../../src/vocabulary.ts";
import { FakeClock, settle } from "./clock.ts";
import { idle, T0 } from "./states.ts";

export interface Sent {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly signal: AbortSignal;
}

/** A client whose server is this test. */
export class House {
  readonly clock = new FakeClock(T0);
  readonly sent: Sent[] = [];
  readonly streams: { url: string; handlers: StreamHandlers; closed: boolean }[] = [];
  readonly sessions: { setting: MediaSetting; closed: boolean; asked: number; rooms: unknown[]; hasLeft: () => void }[] = [];
  readonly errors: unknown[] = [];
  /** What opening media throws. */
  failure: Error | null = null;
  answer: (sent: Sent) => Response | Promise<Response> = (sent) =>
    sent.path.endsWith("sessions") ? granted("a") : Response.json({ outcome: "ok", state: this.client.view.model.state ?? idle(1) });
  readonly media = (setting: MediaSetting): MediaSession => {
    if (this.failure !== null) throw this.failure;
    const nothing = (): void => undefined;
    const session = { setting, closed: false, asked: 0, rooms: [] as unknown[], hasLeft: nothing };
    const left = new Promise<void>((done) => (session.hasLeft = done));
    this.sessions.push(session);
    return {
      hear: nothing,
      grant: nothing,
      send: nothing,
      tell: nothing,
      ask: () => void (session.asked += 1),
      attach: (room) => void session.rooms.push(room),
      close: () => void (session.closed = true),
      left: () => left,
    };
  };
  readonly client = new Duologue({
    clock: this.clock,
    random: () => 0.5,
    fetch: ((path: string, request: RequestInit) => {
      const body = typeof request.body === "string" ? (JSON.parse(request.body) as Record<string, unknown>) : {};
      const sent = { path, body, signal: request.signal! };
      this.sent.push(sent);
      return Promise.resolve(this.answer(sent));
    }) as typeof globalThis.fetch,
    stream: (url, _id, handlers) => {
      const stream = { url, handlers, closed: false };
      this.streams.push(stream);
      return { close: () => void (stream.closed = true) };
    },
    media: this.media,
    onError: (error) => void this.errors.push(error),
  });

  frame(type: string, state: PersonState, more: object = {}): void {
    this.streams.at(-1)?.handlers.onEvent(JSON.stringify({ type, at_ms: T0, state, ...more }), "");
  }

  async open(state: PersonState): Promise<this> {
    this.client.open();
    await settle();
    this.frame("snapshot", state);
    await settle();
    return this;
  }

  bodies(path: string): Record<string, unknown>[] {
    return this.sent.filter((sent) => sent.path === `/v1/${path}`).map(({ body }) => body);
  }
}

export function granted(person: string): Response {
  return Response.json({ person, token: "t", expires_at_ms: T0 + 10 ** 9 }, { status: 201 });
}

export const never = ({ signal }: Sent): Promise<Response> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
