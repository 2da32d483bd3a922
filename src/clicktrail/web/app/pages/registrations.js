// Who registered, and who earned them?
import { html } from "../../vendor/preact/preact.js";
import { curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { Filters } from "../components/filters.js";
import { ClickLink, ClientName, PartnerName } from "../components/names.js";
import { Box, contentOf } from "../components/panel.js";
import { Periods } from "../components/periods.js";
import { linkOf, useClicks, useClients } from "../components/registered.js";
import { CopyButton } from "../components/states.js";
import { Pages, Table } from "../components/table.js";
import { duration, moment, number, say, span } from "../format.js";
import { listQuery, useRange } from "../ranges.js";
import { place } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { zone } from "../view.js";

const words = texts.registrations;
const TIMES = ["time", "time"];
const FIELDS = ["partnerId", "linkId", "rule", "profileId", "clickId"];
const ROWS = matchMedia("(max-width: 600px)").matches ? 20 : 50;

export default function Registrations() {
  const range = useRange();
  const { query } = place.value;
  const order = { sort_by: query.get("sort_by") ?? "time", sort_order: query.get("sort_order") ?? "desc" };
  const asked = listQuery(range, TIMES, { ...order, limit: ROWS });
  if (query.has("cursor")) asked.set("cursor", query.get("cursor"));
  const answer = useAnswer(range.isReady ? "/registrations" : null, asked);
  const count = useAnswer(range.isReady ? "/registrations" : null, listQuery(range, TIMES, { limit: 0 }), { headers: { Prefer: "count=exact" } });
  const clicks = useClicks(answer.data ?? []);
  const clientOf = useClients(answer.data ?? []);
  return html`<div class="head"><h1>${texts.titles.registrations}</h1><${Periods} comparesBy=${null} /></div>
    <div class="bar"><${Filters} names=${FIELDS} /></div>
    <${Box} className="list" title=${titleOf(count.isLoading || !range.isReady ? null : count.total, range)} isBusy=${answer.isLoading || range.isLoading}
      actions=${html`<span class="asof">${zone.value}</span><${CopyButton} quiet text=${curlOf("/registrations", asked)} label=${texts.copyAsCurl} />`}>
      ${contentOf(range.problem ? range : answer, {
        rows: 12,
        isEmpty: (found) => !found.length,
        empty: words.empty,
        fill: may.change("registrations") ? curlOf("/registrations", {}, { method: "POST", body: { clickId: "CLICK_ID", profile: { firstName: "Mary" } } }) : undefined,
        render: (found) => html`<${Table} columns=${columnsOf(clicks, clientOf)} rows=${found} label=${words.label} sort=${order.sort_by} isDescending=${order.sort_order === "desc"}
          keyOf=${(each) => each.attributionId} isCards />`,
      })}
      ${range.isReady && answer.data && html`<${Pages} next=${answer.next} />`}
    <//>`;
}

function titleOf(total, { from, to, isReady }) {
  const when = !isReady ? "" : from ? span(from, to, zone.value) : texts.clicks.anyTime;
  const count = total === null || total === undefined ? words.label : say(total === 1 ? words.one : words.many, { count: number(total) });
  return html`<span class="count">${count}</span> <span class="asof">${when}</span>`;
}

function columnsOf(clicks, clientOf) {
  const of = ({ clickId }) => clicks.get(clickId);
  const delay = (each) => (new Date(each.time) - new Date(of(each).time)) / 1000;
  return [
    { title: words.time, sort: "time", className: "time", render: ({ time }) => moment(time, zone.value) },
    { title: texts.fields.client, render: (each) => html`<${ClientName} id=${each.profileId} profile=${clientOf(each)} />` },
    ...(may.seePartners() ? [{ title: texts.fields.partner, render: ({ partnerId }) => (partnerId ? html`<${PartnerName} id=${partnerId} />` : texts.none) }] : []),
    { title: texts.fields.link, render: (each) => linkOf(each, clicks) },
    { title: texts.fields.clickId, className: "time", render: (each) => (each.clickId ? html`<${ClickLink} id=${each.clickId} text=${of(each) && moment(of(each).time, zone.value)} />` : texts.none) },
    { title: words.delay, render: (each) => (of(each) ? duration(Math.max(delay(each), 0)) : texts.none) },
    { title: words.outcome, render: ({ rule }) => html`<span title=${texts.ruleHelp[rule]}>${texts.rules[rule] ?? rule}</span>` },
  ];
}
