import type { DeviceModel } from "./model.ts";

/** Returns whether the device still waits for that answer. A later decision took the request away or replaced it. */
export function isCurrent({ request }: DeviceModel, generation: number): boolean {
  return request?.generation === generation;
}
