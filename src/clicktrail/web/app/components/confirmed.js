// Requests for which the API asks for the password again: a dialog asks, then the request is sent once more.
import { html, signal } from "../../vendor/preact/preact.js";
import { Problem, ask } from "../api.js";
import { viewer } from "../session.js";
import { texts } from "../texts.js";
import { Field, FormDialog } from "./form.js";

const waiting = signal(null);

/** As `ask`. Raises Problem also if the person does not type the password. */
export async function askConfirmed(path, query, options) {
  try {
    return await ask(path, query, options);
  } catch (problem) {
    if (problem.kind !== "password-required") throw problem;
  }
  await new Promise((resolve, reject) => (waiting.value = { resolve, reject }));
  return ask(path, query, options);
}

/** Stands once on each page that uses `askConfirmed`. */
export function PasswordDialog() {
  if (!waiting.value) return null;
  const { resolve, reject } = waiting.value;
  const send = async ({ password }) => {
    viewer.value = (await ask("/session/confirmation", {}, { method: "POST", body: { password } })).body;
    resolve();
    waiting.value = null;
  };
  const leave = () => {
    reject(new Problem(0, { detail: texts.confirm.cancelled })); // has no effect after `resolve`
    waiting.value = null;
  };
  return html`<${FormDialog} title=${texts.confirm.title} submit=${texts.confirm.submit} send=${send} onClose=${leave}>
    <p>${texts.confirm.text}</p>
    <${Field} name="password" type="password" label=${texts.signIn.password} autocomplete="current-password" required autofocus /><//>`;
}
