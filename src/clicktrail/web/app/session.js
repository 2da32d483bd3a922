// Who is signed in: `undefined` while that is not known, null for no one.
import { signal } from "../vendor/preact/preact.js";

export const viewer = signal(undefined);

/** A token that was typed on the sign-in page. It is in memory alone, so it is lost when the page is loaded again. */
export const token = signal(null);

/** Signs in with a token; `access` is the API's description of it. */
export function signInWithToken(text, access) {
  token.value = text;
  viewer.value = { ...access, name: readClaims(text).sub, isToken: true };
}

/** The content of a token; null for a text that is no token. */
export function readClaims(text) {
  try {
    const part = text.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(part), (each) => each.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

/** Whether the session has ended under an open dialog. */
export const isOver = signal(false);

/** After a 401. What was typed in a dialog is not lost: the person signs in again, and sends it. A token has no such way. */
export function end() {
  isOver.value = Boolean(viewer.value) && !token.value && document.querySelector("dialog[open] form") !== null;
  if (!isOver.value) forget();
}

export function forget() {
  token.value = null;
  viewer.value = null;
  isOver.value = false;
}

export const may = {
  /** Whether the viewer may change objects, which are named as in the API. Partners change what the operator allows. */
  change: (objects) => viewer.value?.scope === "admin" || Boolean(viewer.value?.rights.includes(objects)),
  seePartners: () => ["admin", "read"].includes(viewer.value?.scope),
};
