// Who did what? The audit log, the newest first.
import { html } from "../../../vendor/preact/preact.js";
import { curlOf } from "../../api.js";
import { useAnswer } from "../../answers.js";
import { Field } from "../../components/form.js";
import { ClickLink } from "../../components/names.js";
import { Box, contentOf } from "../../components/panel.js";
import { Settings } from "../../components/settings.js";
import { CopyButton } from "../../components/states.js";
import { Pages, Table } from "../../components/table.js";
import { moment, say } from "../../format.js";
import { hrefOfPage } from "../../pages.js";
import { changed, go, hrefOf, place } from "../../router.js";
import { texts } from "../../texts.js";
import { zone } from "../../view.js";

const words = texts.audit;
const KINDS = [["", words.anyone], ...Object.entries(words.kinds)];
const ACTIONS = [["", words.anyAction], ...Object.entries(words.actions)];
const PAGES = { link: "/links/", profile: "/clients/" };

export default function AuditLog() {
  const { query } = place.value;
  const [kind, action] = [query.get("actorKind") ?? "", query.get("action") ?? ""];
  const asked = { limit: "50", ...(kind ? { "filter[actorKind]": kind } : {}), ...(action ? { "filter[action]": action } : {}),
    ...(query.has("cursor") ? { cursor: query.get("cursor") } : {}) };
  const answer = useAnswer("/audit", asked);
  const users = useAnswer("/users", { limit: "1000" });
  const names = new Map((users.data ?? []).map(({ userId, name }) => [userId, name]));
  const choose = (name) => (event) => go(hrefOf("/settings/audit", changed({ [name]: event.target.value || null })));
  return html`<${Settings}>
    <div class="bar choices"><${Field} name="actorKind" label=${words.who} options=${KINDS} value=${kind} onChange=${choose("actorKind")} />
      <${Field} name="action" label=${words.what} options=${ACTIONS} value=${action} onChange=${choose("action")} /></div>
    <${Box} title=${words.title} isBusy=${answer.isLoading} actions=${html`<span class="asof">${zone.value}</span><${CopyButton} quiet text=${curlOf("/audit", asked)} label=${texts.copyAsCurl} />`}>
      <p class="help">${words.text}</p>
      ${contentOf(answer, { rows: 10, isEmpty: (rows) => !rows.length, empty: words.empty,
        render: (rows) => html`<${Table} isCards label=${say(texts.tableOf, { title: words.title })} columns=${columnsOf(names)} rows=${rows} keyOf=${(row) => row.auditId} isMuted=${isRefused} /><${Pages} next=${answer.next} />` })}<//><//>`;
}

const isRefused = ({ status }) => status >= 400;

/** `names`: id of a user who still exists -> name. */
const columnsOf = (names) => [
  { title: words.time, className: "time", render: ({ time }) => moment(time, zone.value) },
  { title: words.who, render: ({ actorKind, actor }) => html`<span>${words.kinds[actorKind] ?? actorKind}${names.has(actor) && html` <strong>${names.get(actor)}</strong>`}${actor && html`<br /><code class="help">${actor}</code>`}</span>` },
  { title: words.what, render: (row) => html`<span>${words.actions[row.action] ?? row.action}${isRefused(row) && html` <span class="mark warn">${words.refused}</span>`}</span>` },
  { title: words.object, render: objectOf },
  { title: words.detail, className: "wide", render: ({ detail }) => detailOf(detail) },
  { title: words.address, render: ({ address }) => address ?? texts.none },
];

function objectOf({ objectType, objectId }) {
  if (!objectId) return texts.none;
  if (objectType === "click") return html`<${ClickLink} id=${objectId} text=${objectId} />`;
  const href = PAGES[objectType] ? hrefOfPage(PAGES[objectType] + objectId) : null;
  return html`<span>${objectType}<br />${href ? html`<a href=${href}><code>${objectId}</code></a>` : html`<code class="help">${objectId}</code>`}</span>`;
}

/** `count 10 · filters contacts`: names and counts, never values of people. */
function detailOf(detail) {
  const parts = Object.entries(detail).map(([name, value]) => `${name} ${[value].flat().join(", ")}`);
  return parts.length ? parts.join(" · ") : texts.none;
}
