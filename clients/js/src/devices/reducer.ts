import * as happened from "./happenings.ts";
import type { DevicesModel } from "./model.ts";
import type { Input, Step } from "./step.ts";
import * as wishes from "./wishes.ts";

/**
 * Returns what the devices are after an input, and what is to be done about it.
 *
 * Pure. A later decision wins over each request that was made before it: an answer to that request changes nothing, and
 * its track is stopped.
 */
export function reduce(model: DevicesModel, input: Input, now_ms: number): Step {
  switch (input.type) {
    case "ask":
      return wishes.ask(model, input.isPress);
    case "release":
      return wishes.release(model);
    case "suspend":
      return wishes.suspend(model);
    case "resume":
      return [model.isSuspended ? { ...model, isSuspended: false } : model, []];
    case "cancel":
      return wishes.cancel(model);
    case "switch":
      return wishes.turn(model, input.kind, input.on);
    case "choose":
      return wishes.choose(model, input.kind, input.id);
    case "flip":
      return wishes.flip(model);
    case "opened":
      return happened.opened(model, input);
    case "failed":
      return happened.failed(model, input);
    case "ended":
      return happened.ended(model, input);
    case "held":
      return happened.held(model, input);
    case "listed":
      return happened.listed(model, input, now_ms);
    case "permission":
      return happened.permission(model, input);
  }
}
