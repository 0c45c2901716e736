// One of two people of an app whose tokens are short: node renew.mjs <server> <name> <lifetime in s> <stay for ms>
import { createHmac } from "node:crypto";
import { Duologue, hostSession } from "duologue";

const [base, name, lifetime_s, stay_ms] = process.argv.slice(2);
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
let signed = 0;

async function token() {
  signed += 1;
  const claims = { iss: "example", sub: name, alias: name, exp: Math.floor(Date.now() / 1000) + Number(lifetime_s) };
  const body = `${part({ alg: "HS256", kid: "main" })}.${part(claims)}`;
  return `${body}.${createHmac("sha256", process.env.DUOLOGUE_SECRET).update(body).digest("base64url")}`;
}

const client = new Duologue({ base, session: hostSession(token) });
const matches = new Set();
let ended = null;

client.subscribe(({ model }) => {
  const { state, link } = model;
  if (link === "ended") ended = model.ended_reason;
  if (state?.state !== "matched" || matches.has(state.match.match)) return;
  matches.add(state.match.match);
  if (matches.size > 1) return;
  setTimeout(() => {
    console.log(JSON.stringify({ matches: matches.size, with: state.match.partner.alias, signed, ended, state: client.view.model.state.state }));
    client.close();
  }, Number(stay_ms));
});
client.open();
client.start();
