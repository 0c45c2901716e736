import { createHmac } from "node:crypto";
import { isBanned } from "../bans.js";
import { user } from "../user.js";

const LIFETIME_S = 600;

/** A Duologue session for whoever is logged in here. Any library signs the same; this is all there is to it. */
export async function POST() {
  const who = await user();
  if (who === null) return new Response("log in first", { status: 401 });
  if (isBanned(who.id)) return new Response("Duologue keeps you out for now", { status: 403 });
  const token = sign({ iss: "example", sub: who.id, alias: who.name, exp: Math.floor(Date.now() / 1000) + LIFETIME_S });
  return new Response(token, { headers: { "Cache-Control": "no-store" } });
}

/** JWT, HS256, with the key that Duologue has under the same name (`kid`): a secret without a name is called `main`. */
function sign(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT", kid: process.env.DUOLOGUE_KID ?? "main" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", process.env.DUOLOGUE_SECRET).update(signed).digest("base64url")}`;
}
