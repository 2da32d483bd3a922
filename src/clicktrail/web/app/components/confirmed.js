// Requests for which the API asks for the password again: a dialog asks, then the request is sent once more.
import { html, signal, useEffect } from "../../vendor/preact/preact.js";
import { Problem, ask } from "../api.js";
import { viewer } from "../session.js";
import { place } from "../router.js";
import { texts } from "../texts.js";
import { Field, FormDialog } from "./form.js";

const waiting = signal(null);

const cancelled = () => new Problem(0, { detail: texts.confirm.cancelled });

/** As `ask`. Raises Problem also if the person does not type the password, or has left the page: a password that is typed
 *  on another page is not meant for this. */
export async function askConfirmed(path, query, options) {
  const from = place.value.path;
  try {
    return await ask(path, query, options);
  } catch (problem) {
    if (problem.kind !== "password-required") throw problem;
  }
  if (place.value.path !== from) throw cancelled();
  waiting.value?.reject(cancelled());
  await new Promise((resolve, reject) => (waiting.value = { resolve, reject }));
  return ask(path, query, options);
}

/** Stands once on each page that uses `askConfirmed`. */
export function PasswordDialog() {
  const leave = () => {
    waiting.value?.reject(cancelled()); // has no effect after `resolve`
    waiting.value = null;
  };
  useEffect(() => leave, []);
  if (!waiting.value) return null;
  const { resolve } = waiting.value;
  const send = async ({ password }) => {
    viewer.value = (await ask("/session/confirmation", {}, { method: "POST", body: { password } })).body;
    resolve();
    waiting.value = null;
  };
  return html`<${FormDialog} title=${texts.confirm.title} submit=${texts.confirm.submit} send=${send} onClose=${leave}>
    <p>${texts.confirm.text}</p>
    <${Field} name="password" type="password" label=${texts.signIn.password} autocomplete="current-password" required autofocus /><//>`;
}
