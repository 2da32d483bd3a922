// Requests for which a session must type the password again.
import { html, useState } from "../../vendor/preact/preact.js";
import { ask } from "../api.js";
import { texts } from "../texts.js";
import { Dialog } from "./dialog.js";
import { Field, Form } from "./forms.js";

const NEEDED = "urn:clicktrail:problem:password-required";

/** `[run, dialog]`: `run(request)` makes a request, and makes it again once the password was typed. A person who
 *  closes the dialog gets the refusal. `dialog` belongs on the page. */
export function usePassword() {
  const [waiting, setWaiting] = useState(null);
  const run = async (request) => {
    try {
      return await request();
    } catch (problem) {
      if (problem.type !== NEEDED) throw problem;
      await new Promise((resolve, reject) => setWaiting({ resolve, refuse: () => reject(problem) }));
      return request();
    }
  };
  const close = () => (setWaiting(null), waiting.refuse()); // after the password was right, this refuses nothing
  const send = async ({ password }) => {
    await ask("/session/confirmation", {}, { method: "POST", body: { password } });
    waiting.resolve();
    setWaiting(null);
  };
  const dialog = waiting && html`<${Dialog} title=${texts.password.title} onClose=${close}>
    <${Form} send=${send} submit=${texts.password.submit} fields=${["password"]}>${(errorOf) => html`<p>${texts.password.text}</p>
      <${Field} name="password" type="password" label=${texts.signIn.password} autocomplete="current-password" autofocus error=${errorOf("password")} />`}<//>
  <//>`;
  return [run, dialog];
}
