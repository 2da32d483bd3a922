// Who is this client, who earned them, and why did other clicks not?
import { html } from "../../vendor/preact/preact.js";
import { curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { Attribution } from "../components/attribution.js";
import { Marks, isLess } from "../components/marks.js";
import { ClickLink, LinkName, PartnerName } from "../components/names.js";
import { Box, Panel, contentOf } from "../components/panel.js";
import { Person } from "../components/person.js";
import { CopyButton } from "../components/states.js";
import { Table } from "../components/table.js";
import { moment, say } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { go } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { rangeQuery, zone } from "../view.js";

const words = texts.client;

export default function Client({ profileId }) {
  const path = `/profiles/${encodeURIComponent(profileId)}`;
  const answer = useAnswer(path);
  const name = answer.data?.name || texts.titles.client;
  return html`<div class="head"><div><p class="crumb"><a href=${hrefOfPage("/registrations", rangeQuery())}>${words.all}</a></p><h1>${name}</h1></div></div>
    ${answer.problem ? contentOf(answer, {}) : html`<${Panel} title=${words.attribution} path=${`${path}/attribution`} rows=${6} waits=${!answer.data}
        isEmpty=${({ attributionId }) => !attributionId} empty=${words.notRegistered} render=${(found) => html`<${Attribution} found=${found} />`} />
      <div class="panels">
        <${Box} title=${words.details} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf(path)} label=${texts.copyAsCurl} />`}>
          ${contentOf(answer, { rows: 5, render: (profile) => html`<${Details} profile=${profile} />` })}<//>
        <${Registered} profileId=${profileId} />
      </div>
      <${OwnClicks} profileId=${profileId} />
      ${may.change("persons") && html`<${Person} profileId=${profileId} onErased=${() => go(hrefOfPage("/registrations", rangeQuery()))} />`}`}`;
}

/** Whether the API hides a part of a contact from this viewer. */
const isMasked = ({ value }) => value.includes("***");

function Details({ profile }) {
  const { contacts, country, tags } = profile;
  const facts = [
    [words.name, profile.name],
    [words.contacts, contacts.length > 0 && html`${contacts.map((each) => html`<div>${each.value} <span class="from">${words.keys[each.key] ?? each.key}</span></div>`)}
      ${contacts.some(isMasked) && html`<p class="help">${words.masked}</p>`}`],
    [texts.fields.country, country?.name],
    [words.tags, tags.length > 0 && tags.map((tag) => html`<span class="mark">${tag}</span>`)],
    [words.enabled, profile.enabled ? texts.yes : texts.no],
    [texts.fields.uuid, profile.uuid],
    [words.profileId, html`<code>${profile.profileId}</code>`],
    [words.created, moment(profile.createTime, zone.value)],
  ];
  return html`<dl class="pairs">${facts.map(([title, value]) => html`<dt>${title}</dt><dd>${value || html`<span class="unknown">${texts.none}</span>`}</dd>`)}</dl>`;
}

/** A client who was merged of two has two registrations. */
function Registered({ profileId }) {
  const columns = [
    { title: texts.registrations.time, className: "time", render: ({ time }) => moment(time, zone.value) },
    ...(may.seePartners() ? [{ title: texts.fields.partner, render: ({ partnerId }) => (partnerId ? html`<${PartnerName} id=${partnerId} />` : texts.none) }] : []),
    { title: texts.fields.clickId, render: ({ clickId }) => (clickId ? html`<${ClickLink} id=${clickId} text=${clickId} />` : texts.none) },
    { title: texts.registrations.outcome, render: ({ rule }) => texts.rules[rule] ?? rule },
  ];
  return html`<${Panel} title=${texts.titles.registrations} path="/registrations" query=${{ "filter[profileId]": profileId, sort_by: "time", sort_order: "asc", limit: 20 }} rows=${3}
    isEmpty=${(found) => !found.length} empty=${words.notRegistered}
    render=${(found) => html`<${Table} columns=${columns} rows=${found} label=${say(texts.tableOf, { title: texts.titles.registrations })} keyOf=${(each) => each.attributionId} isCards />`} />`;
}

function OwnClicks({ profileId }) {
  const query = { "filter[profileId]": profileId, "query[link]": "1", "query[visitor]": "1", sort_by: "time", sort_order: "asc", limit: 50 };
  const columns = [
    { title: texts.fields.time, className: "time", render: (click) => html`<${ClickLink} id=${click.clickId} text=${moment(click.time, zone.value)} />` },
    { title: texts.fields.link, render: (click) => (click.linkId ? html`<${LinkName} id=${click.linkId} link=${click.link} />` : texts.none) },
    { title: texts.fields.countryName, render: (click) => click.countryName ?? texts.none },
    { title: texts.fields.device, render: ({ visitor }) => texts.devices[visitor.device] ?? texts.none },
    { title: texts.fields.mark, className: "marks", render: ({ visitor }) => html`<${Marks} visitor=${visitor} />` },
  ];
  return html`<${Panel} title=${words.clicks} path="/clicks" query=${query} rows=${3} isEmpty=${(clicks) => !clicks.length} empty=${words.noClicks}
    render=${(clicks) => html`<${Table} columns=${columns} rows=${clicks} label=${say(texts.tableOf, { title: words.clicks })} keyOf=${(each) => each.clickId} isMuted=${isLess} isCards />`} />`;
}
