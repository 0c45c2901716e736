import { Conversation } from "./conversation.jsx";
import { logIn, user } from "./user.js";

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
