import { bearerSession, callMatch, characters, Duologue, isGone, MESSAGE_CHARS } from "duologue";

const at = (id) => document.getElementById(id);
const base = new URL(location.href).searchParams.get("server") ?? "http://localhost:8000";
// A page of another origin than the server: the token is this tab's own, and no cookie is involved.
const client = new Duologue({ base, session: bearerSession(sessionStorage) });

const WHY = {
  "partner-skipped": "Your partner left.",
  "partner-left": "Your partner left.",
  "partner-lost": "Your partner's connection is gone.",
  "no-show": "They did not show up.",
  "media-failed": "No connection to them came up.",
  "you-were-away": "You were away.",
};
let shown = client.view.partner.tracks;
let lines = null;

/** Writes what has changed, and does not ask the document: a browser that translates the page has other words there. */
function put(id, text) {
  if (at(id).said !== text) at(id).textContent = at(id).said = text;
}

function show({ model, partner }) {
  const { state, link, chat, media } = model;
  const match = callMatch(model);
  put("status", link === "open" ? state?.state : link);
  put("why", isGone(media) ? "Your partner is reconnecting." : match === null ? (WHY[state?.ended?.reason] ?? "") : "");
  if (partner.tracks !== shown) {
    shown = partner.tracks;
    at("partner").srcObject = new MediaStream(shown);
  }
  at("start").disabled = state !== null && state.state !== "idle";
  at("stop").disabled = state === null || state.state === "idle";
  at("next").disabled = at("write").text.disabled = match === null;
  at("take-over").hidden = link !== "taken-over" && link !== "elsewhere" && link !== "ended";
  if (chat.lines !== lines) at("chat").replaceChildren(...(lines = chat.lines).map(line));
}

/** Text of a stranger is text, never markup. */
function line({ from, text }) {
  const item = document.createElement("li");
  item.textContent = `${from}: ${text}`;
  item.translate = false;
  return item;
}

async function start() {
  try {
    const mine = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    at("me").srcObject = mine;
    client.send({ audio: mine.getAudioTracks()[0] ?? null, video: mine.getVideoTracks()[0] ?? null });
    tell();
  } catch {
    // Refused, or there is none: the chat works without.
  }
  client.start({ auto_next: true });
}

/** What the partner's page says of us; hidden means that we look at another tab. */
function tell() {
  const tracks = at("me").srcObject?.getTracks() ?? [];
  const has = (kind) => tracks.some((track) => track.kind === kind && track.enabled);
  client.tell({ camera: has("video"), microphone: has("audio"), hidden: document.visibilityState === "hidden" });
}

client.subscribe(show);
at("start").onclick = start;
at("next").onclick = () => client.next();
at("stop").onclick = () => client.stop();
at("take-over").onclick = () => client.takeOver();
at("write").onsubmit = (event) => {
  event.preventDefault();
  client.say(at("write").text.value);
  at("write").reset();
};
at("write").text.oninput = ({ target }) => {
  // Not cut, as `maxlength` would: the browser says why it does not send.
  target.setCustomValidity(characters(target.value) > MESSAGE_CHARS ? `At most ${MESSAGE_CHARS} characters can be sent.` : "");
};
at("partner").onloadeddata = () => client.sawFace(callMatch(client.view.model));
document.onvisibilitychange = tell;
addEventListener("online", () => client.nudge());
addEventListener("pagehide", () => client.close());
addEventListener("pageshow", ({ persisted }) => persisted && client.open());
client.open();
