/** Until when (ms) whom Duologue keeps out, by the id of their token. Yours is a database; this one ends with the process. */
const bans = (globalThis.bans ??= new Map()); // each route has modules of its own

export function isBanned(id) {
  return (bans.get(id) ?? 0) > Date.now();
}

/** What Duologue says of a person; an event about a guest has no `sub`. */
export function note({ type, data }) {
  if (data.sub === undefined) return;
  if (type === "person.banned" || type === "person.paused") bans.set(data.sub, data.until_ms);
  if (type === "person.unbanned") bans.delete(data.sub);
}
