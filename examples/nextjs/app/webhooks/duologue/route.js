import { Webhook } from "standardwebhooks";
import { note } from "../../bans.js";

/** Duologue tells of events here (`--webhook`). The signature is over the body as it came, so it is read as text. */
export async function POST(request) {
  const body = await request.text();
  let event;
  try {
    event = new Webhook(process.env.DUOLOGUE_WEBHOOK_SECRET).verify(body, Object.fromEntries(request.headers));
  } catch {
    return new Response("the signature is wrong", { status: 401 });
  }
  note(event); // the same event may come twice: noting it again changes nothing
  return new Response(null, { status: 204 });
}
