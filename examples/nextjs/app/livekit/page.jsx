import { logIn, user } from "../user.js";
import { Conversation } from "./conversation.jsx";

/** The same app on a Duologue server with LiveKit, and with LiveKit's own components. */
export default async function Page() {
  const who = await user();
  if (who !== null) return <Conversation name={who.name} />;
  return (
    <form action={logIn}>
      <input name="name" placeholder="Your name" required maxLength={64} />
      <button id="login">Log in</button>
    </form>
  );
}
