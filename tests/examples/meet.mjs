// One of two people who have only Node: node meet.mjs <server> <name> <skips|stays>
import { Duologue } from "duologue";

const [base, name, what] = process.argv.slice(2);
const client = new Duologue({ base });
let phase = "alone";

client.subscribe(({ model }) => {
  const { state, chat, media } = model;
  const heard = chat.lines.find(({ from }) => from === "partner");
  if (phase === "alone" && state?.state === "matched") {
    phase = "met";
    console.log(`met ${state.match.match}`);
    client.say(`hello from ${name}`);
  } else if (phase === "met" && what === "skips" && heard !== undefined && media.status === "open") {
    phase = "skipping";
    client.next();
  } else if ((phase === "met" || phase === "skipping") && state?.state === "waiting") {
    phase = "over";
    console.log(`read: ${heard?.text}`);
    console.log(`over: ${state.ended?.reason}`);
    setTimeout(() => client.close()); // nothing is left open: the program ends by itself
  }
});
client.open();
client.start();
