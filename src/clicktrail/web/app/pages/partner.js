// One partner: links, clients, postbacks, figures, and who may sign in.
import { html, useState } from "../../vendor/preact/preact.js";
import { curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { Filters } from "../components/filters.js";
import { Box, Panel, contentOf } from "../components/panel.js";
import { Periods } from "../components/periods.js";
import { Latest } from "../components/registered.js";
import { CopyButton, Failed, Skeleton } from "../components/states.js";
import { moment } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { go, hrefOf } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { rangeQuery, zone } from "../view.js";
import { LinkForm } from "./link_parts.js";
import { Countries, Devices, Links, Referrers, Summary } from "./overview.js";
import { Invite, PartnerForm } from "./partner_parts.js";

const words = texts.partners;
const FIGURES = ["clicks", "uniqueClicks", "registrations", "conversionRate", "botRate", "duplicateRate"];

export default function Partner({ profileId }) {
  const answer = useAnswer(`/profiles/${profileId}`);
  const profile = answer.data;
  const more = { "filter[partnerId]": profileId };
  if (answer.problem) return html`<h1>${texts.titles.partner}</h1><${Failed} problem=${answer.problem} onRetry=${answer.reload} />`;
  return html`<${Head} profile=${profile} profileId=${profileId} reload=${answer.reload} />
    <${Filters} />
    <${Summary} figures=${FIGURES} more=${more} />
    <div class="panels">
      <${Links} more=${more} /><${Latest} title=${words.clients} empty=${words.noClients} filters=${[["filter[partnerId]", profileId]]} className="tall" />
      <${Postbacks} profileId=${profileId} /><${Details} profile=${profile} />
      ${may.change("users") && html`<${Users} profile=${profile} profileId=${profileId} />`}
      <${Countries} more=${more} /><${Referrers} more=${more} /><${Devices} more=${more} />
    </div>`;
}

function Head({ profile, profileId, reload }) {
  const [open, setOpen] = useState("");
  const close = () => setOpen("");
  return html`<div class="head"><div><a class="crumb" href=${hrefOfPage("/partners", rangeQuery())}>${words.all}</a>
      <h1>${profile ? profile.name || profile.profileId : texts.titles.partner} ${profile?.enabled === false && html`<span class="mark warn">${words.disabled}</span>`}</h1></div><${Periods} /></div>
    <div class="tools"><a class="button" href=${hrefOfPage(`/partners/${profileId}/statement`)}>${texts.titles.statement}</a>
      ${may.change("profiles") && html`<button type="button" disabled=${!profile} onClick=${() => setOpen("link")}>${words.newLink}</button>
      <button type="button" disabled=${!profile} onClick=${() => setOpen("edit")}>${words.edit}</button>`}</div>
    ${open === "edit" && html`<${PartnerForm} profile=${profile} onClose=${close} onSaved=${reload} />`}
    ${open === "link" && html`<${LinkForm} partnerId=${profile.profileId} onClose=${close} onSaved=${(link) => go(hrefOf(`/links/${link.linkId}`, rangeQuery()))} />`}`;
}

function Postbacks({ profileId }) {
  const fill = curlOf("/postbacks", {}, { method: "POST", body: { profileId, events: ["registration"], uri: "https://tracker.example.org/postback?cid={query.subid}&event={event}" } });
  const all = hrefOfPage("/postbacks", { "filter[profileId]": profileId });
  return html`<${Panel} title=${texts.titles.postbacks} path="/postbacks" query=${{ "filter[profileId]": profileId, limit: 8 }} className="tall" rows=${3}
    isEmpty=${(rows) => !rows.length} empty=${words.noPostbacks} fill=${may.change("postbacks") ? fill : null} actions=${all && html`<a class="small" href=${all}>${texts.all}</a>`}
    render=${(rows) => html`<ul class="plain">${rows.map((each) => html`<li><strong>${each.name || texts.postbacks.eventNames[each.events.join()]}</strong>
      ${!each.enabled && html` <span class="mark warn">${texts.postbacks.disabled}</span>`}<span class="below">${each.method} ${each.uri}</span></li>`)}</ul>`} />`;
}

function Details({ profile }) {
  return html`<${Box} title=${words.details} className="tall" actions=${profile && html`<${CopyButton} quiet text=${curlOf(`/profiles/${profile.profileId}`)} label=${texts.copyAsCurl} />`}>
    ${profile ? html`<dl class="pairs">
      <dt>${words.contacts}</dt><dd>${profile.contacts.length ? profile.contacts.map((each) => html`<div>${each.value}</div>`) : texts.none}</dd>
      <dt>${words.country}</dt><dd>${profile.country?.name ?? texts.none}</dd>
      <dt>${words.tags}</dt><dd>${profile.tags.join(", ") || texts.none}</dd>
      <dt>${texts.links.created}</dt><dd>${moment(profile.createTime, zone.value)}</dd>
      <dt>${words.uuid}</dt><dd>${profile.uuid ?? texts.none}</dd>
      <dt>${texts.links.id}</dt><dd><code>${profile.profileId}</code></dd>
    </dl>` : html`<${Skeleton} rows=${5} />`}
  <//>`;
}

/** Who may sign in for this partner. */
function Users({ profile, profileId }) {
  const asked = { "filter[partnerId]": profileId, limit: 100, sort_by: "name", sort_order: "asc" };
  const answer = useAnswer("/users", asked);
  const [open, setOpen] = useState(null);
  const fill = curlOf("/users", {}, { method: "POST", body: { name: "mary", scope: "partner", partnerId: profileId } });
  return html`<${Box} title=${words.users} className="tall" isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/users", asked)} label=${texts.copyAsCurl} />`}>
    ${contentOf(answer, { rows: 3, isEmpty: (rows) => !rows.length, empty: words.noUsers, fill, render: (rows) => html`<ul class="plain">${rows.map((user) => html`<li class="between"><span><strong>${user.name}</strong>
      <span class="mark ${user.hasPassword ? "good" : ""}">${user.hasPassword ? words.userReady : words.userWaiting}</span>${!user.enabled && html`<span class="mark warn">${words.disabled}</span>`}</span>
      ${!user.hasPassword && html`<button type="button" class="small" onClick=${() => setOpen({ user })}>${words.inviteAgain}</button>`}</li>`)}</ul>` })}
    <div class="tools below-list"><button type="button" class="primary" disabled=${!profile} onClick=${() => setOpen({})}>${words.invite}</button></div>
    ${open && html`<${Invite} profile=${profile} user=${open.user} onClose=${() => setOpen(null)} onDone=${answer.reload} />`}
  <//>`;
}
