// A bot that only writes: node bot.mjs http://localhost:8000 text
//
// It meets whoever writes only, too: other programs, and pages with `textMedia`; in a pool of their own.
import { callMatch, Duologue } from "duologue";

const [base = "http://localhost:8000", pool = "text"] = process.argv.slice(2);
const client = new Duologue({ base });
let current = null;
let read = 0;

client.subscribe(({ model }) => {
  const match = callMatch(model);
  if (match !== current) {
    current = match;
    read = 0;
    console.log(match === null ? "looking" : `met ${model.state.match.partner.alias || "somebody"}`);
    if (match !== null) client.say("Hello! I am a bot. I answer questions.");
    return;
  }
  if (match === null || model.chat.match !== match) return;
  const heard = model.chat.lines.filter(({ from }) => from === "partner");
  const fresh = heard.slice(read);
  read = heard.length;
  for (const { text } of fresh) {
    if (text.trim().toLowerCase() === "bye") return client.next();
    // Only questions: two bots that answer everything never stop.
    if (text.trim().endsWith("?")) client.say(`You asked "${text}" Say bye and I go on.`);
  }
});
client.open();
client.start({ pool });
process.on("SIGINT", () => {
  client.stop(); // a partner goes on to the next at once; a bot that is killed is missed after a moment
  setTimeout(() => process.exit(), 500);
});
