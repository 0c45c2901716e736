import { hostSession, Refused } from "duologue";

/** Tokens come from this app's own back end, and are asked for again before they run out. */
export const session = hostSession(async (signal) => {
  const answer = await fetch("/token", { method: "POST", signal });
  if (answer.status === 401) throw new Refused(401, "logged-out", null);
  if (!answer.ok) throw new Error(`/token: ${answer.status}`);
  return answer.text();
}, { seat: "app" }); // two tabs are the same person: one of them has the conversation
