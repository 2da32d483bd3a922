// Signing in: with name and password, with a token for people without a user, or with an invitation.
import { html, useState } from "../vendor/preact/preact.js";
import { Problem, ask } from "./api.js";
import { Dialog } from "./components/dialog.js";
import { Field, Form, mistake } from "./components/form.js";
import { base, hrefOf } from "./router.js";
import { forget, isOver, readClaims, signInWithToken, viewer } from "./session.js";
import { texts } from "./texts.js";

const words = texts.signIn;

function Card({ title, children }) {
  document.title = `${title} – ${texts.name}`;
  return html`<main class="alone"><section class="card"><p class="brand"><span class="logo" aria-hidden="true"></span>${texts.name}</p><h1>${title}</h1>${children}</section></main>`;
}

/** Browsers keep the cookie of a session over HTTPS, or on the server's own machine. */
const Insecure = () => !isSecureContext && html`<p class="problem" role="alert">${words.insecure}</p>`;

function PasswordForm({ known = "", onCancel }) {
  const [needsCode, setNeedsCode] = useState(false);
  const send = async ({ name, password, code }) => {
    const body = { name, password, ...(code ? { code } : {}) };
    try {
      viewer.value = (await ask("/session", {}, { method: "POST", body })).body;
      isOver.value = false;
    } catch (error) {
      if (error.kind !== "code-required") throw error;
      setNeedsCode(true);
      throw new Problem(401, { detail: words.codeNeeded });
    }
  };
  return html`<${Form} send=${send} submit=${words.submit} onCancel=${onCancel}>
    <${Field} name="name" label=${words.name} autocomplete="username" value=${known} required autofocus=${!known} />
    <${Field} name="password" type="password" label=${words.password} autocomplete="current-password" required autofocus=${Boolean(known)} />
    ${needsCode && html`<${Field} name="code" label=${words.code} inputmode="numeric" autocomplete="one-time-code" required />`}<//>`;
}

/** Over a page whose session has ended while something was typed. */
export function SignInAgain() {
  return html`<${Dialog} title=${words.again} onClose=${forget}><p>${words.againText}</p>
    <${PasswordForm} known=${viewer.value.name} onCancel=${forget} /><//>`;
}

export function SignIn() {
  const [isToken, setToken] = useState(false);
  const withToken = async ({ token }) => {
    const text = token.trim();
    if (!readClaims(text)) throw new Problem(401, { detail: words.noToken });
    signInWithToken(text, (await ask("/access", {}, { headers: { Authorization: `Bearer ${text}` } })).body);
  };
  const turn = html`<button type="button" class="quiet" onClick=${() => setToken(!isToken)}>${isToken ? words.withPassword : words.withToken}</button>`;
  if (isToken) {
    return html`<${Card} title=${words.title}><${Form} key="token" send=${withToken} submit=${words.submit}>
      <${Field} name="token" type="password" label=${words.token} help=${words.tokenHelp} required autofocus /><//>${turn}<//>`;
  }
  return html`<${Card} title=${words.title}><${Insecure} /><${PasswordForm} />${turn}
    <p class="help">${words.noUser}</p><//>`;
}

/** The page of an invitation. Its token is in the fragment, which browsers send to no server. */
export function Welcome() {
  const [token] = useState(location.hash.slice(1));
  const send = async ({ name, password }) => {
    if (password.length < 12) throw mistake(["password", texts.welcome.tooShort]);
    await ask("/welcome", {}, { method: "POST", body: { token, password, ...(name ? { name } : {}) } });
    location.replace(hrefOf("/"));
  };
  if (!token) return html`<${Card} title=${texts.welcome.title}><p class="problem" role="alert">${texts.welcome.noToken}</p><a href=${`${base}/dashboard`}>${words.title}</a><//>`;
  const isFirst = document.documentElement.dataset.first === "yes";
  return html`<${Card} title=${texts.welcome.title}><p>${isFirst ? texts.welcome.firstText : texts.welcome.text}</p><${Insecure} /><${Form} send=${send} submit=${texts.welcome.submit}>
    ${isFirst && html`<${Field} name="name" label=${words.name} autocomplete="username" autofocus />`}
    <${Field} name="password" type="password" label=${words.password} autocomplete="new-password" required /><//><//>`;
}
