// What the pages of settings share: their head with the parts of the settings, and what only one answer shows.
import { html } from "../../vendor/preact/preact.js";
import { moment, say } from "../format.js";
import { hrefOf, intoView, place } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { zone } from "../view.js";
import { PasswordDialog } from "./confirmed.js";
import { Dialog } from "./dialog.js";
import { Copyable } from "./states.js";

const words = texts.settings;
const PARTS = ["", "users", "programs", "sites", "banners", "privacy", "audit", "server"];

export function Settings({ actions, children }) {
  const { path } = place.value;
  return html`<div class="head"><h1>${texts.titles.settings}</h1><div class="tools">${actions}</div></div>
    ${may.change("users") && html`<nav class="parts" aria-label=${words.parts}>${PARTS.map((part) => {
      const own = part ? `/settings/${part}` : "/settings";
      return html`<a href=${hrefOf(own)} aria-current=${path === own ? "page" : undefined} ref=${path === own ? intoView : undefined}>${words.names[part || "account"]}</a>`;
    })}</nav>`}
    ${children}<${PasswordDialog} />`;
}

/** Settings with their values and their meaning. */
export function InForce({ rows }) {
  return html`<dl class="pairs in-force">${rows.map(
    (row) => html`<dt><code>${row.name}</code></dt><dd><strong>${row.value || words.emptyValue}</strong><p class="help">${withCode(row.help)}</p></dd>`)}</dl>`;
}

/** A text whose words between backquotes are code. */
export const withCode = (text) => text.split("`").map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));

/** A link or a secret that no later answer shows. `rows`: label -> text. */
export function Once({ title, text, rows, until, onClose }) {
  return html`<${Dialog} title=${title} onClose=${onClose} isWide>
    <p>${text}</p>
    ${Object.entries(rows).map(([label, value]) => html`<div class="stack once"><span class="help">${label}</span><${Copyable} text=${value} /></div>`)}
    ${until && html`<p class="help">${say(words.until, { time: moment(until, zone.value) })}</p>`}
    <footer class="buttons"><button type="button" class="primary" onClick=${onClose}>${words.done}</button></footer><//>`;
}
