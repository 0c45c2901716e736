"use client";
/** The public contract of `duologue/react`. */
export { DuologueProvider, useDuologue, type SeatOptions, type UseDuologueOptions } from "./hook.ts";
export { type Actions, type Livekit, type Scene, type Seated, type SeenPartner } from "./scene.ts";
export { Video, type VideoProps } from "./video.ts";
