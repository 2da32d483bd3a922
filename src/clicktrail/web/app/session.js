// Who is signed in: `undefined` while that is not known, null for no one.
import { signal } from "../vendor/preact/preact.js";

export const viewer = signal(undefined);

/** A token that was typed on the sign-in page. It is in memory alone, so it is gone when the page is loaded again. */
export const token = signal(null);

/** Signs in with a token. Returns false if the text is no token. */
export function signInWithToken(text) {
  const claims = readClaims(text);
  if (!claims) return false;
  token.value = text;
  viewer.value = { name: claims.sub, scope: claims.scope, partnerId: claims.partner ?? null, isToken: true };
  return true;
}

function readClaims(text) {
  try {
    const part = text.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(part), (each) => each.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

export function forget() {
  token.value = null;
  viewer.value = null;
}

export const may = {
  change: () => viewer.value?.scope === "admin",
  seePartners: () => ["admin", "read"].includes(viewer.value?.scope),
};
