import { createContext, createElement, useContext, useEffect, useState, useSyncExternalStore, type ReactElement, type ReactNode } from "react";
import { Duologue, type DuologueOptions } from "../client.ts";
import type { Seated } from "./scene.ts";
import { seatOf, type Seat } from "./seat.ts";

/** Read at the first render; what they say later changes nothing, but for `connect`. */
export interface SeatOptions extends DuologueOptions {
  /** False: do not connect yet, or no longer (for example without a login). The default is true. */
  readonly connect?: boolean;
}

export interface UseDuologueOptions extends SeatOptions {
  /** One that you made yourself: every component that names it shares it. */
  readonly client?: Duologue;
}

const Shared = createContext<Seat | null>(null);

/** One client for all components inside it that use `useDuologue()` without a client of their own. */
export function DuologueProvider({ children, ...options }: UseDuologueOptions & { readonly children?: ReactNode }): ReactElement {
  const seat = useOwnSeat(options);
  useHold(seat, options.connect ?? true);
  return createElement(Shared.Provider, { value: seat }, children);
}

/**
 * A seat at a Duologue server: what to show, and what a person can do.
 *
 * Inside a `DuologueProvider`, its client; else `client`; else one of this component's own, made of `options`. It is
 * connected while a component that uses it is mounted. Unmounting tells the server nothing, as a reload does not: only
 * `stop` ends a conversation.
 */
export function useDuologue(options: UseDuologueOptions = {}): Seated {
  const shared = useContext(Shared);
  const own = useOwnSeat(options, shared);
  const isShared = own === shared;
  useHold(own, !isShared && (options.connect ?? true));
  return useSyncExternalStore(own.subscribe, own.seated, () => own.first);
}

function useOwnSeat(options: UseDuologueOptions, shared: Seat | null = null): Seat {
  const { client } = options;
  // Making a client has no effect until it is opened, so the one that StrictMode makes and drops costs nothing.
  const [made] = useState(() => shared ?? seatOf(client ?? new Duologue(options)));
  return client === undefined ? (shared ?? made) : seatOf(client);
}

function useHold(seat: Seat, connect: boolean): void {
  useEffect(() => (connect ? seat.hold() : undefined), [seat, connect]);
}
