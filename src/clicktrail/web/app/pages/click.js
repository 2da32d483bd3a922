// What happened to this click?
import { html, useState } from "../../vendor/preact/preact.js";
import { ask, curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { Attribution } from "../components/attribution.js";
import { Attempts } from "../components/attempts.js";
import { Confirm, Dialog } from "../components/dialog.js";
import { ruleInWords } from "../components/marks.js";
import { ClickLink, ClientName, LinkName, PartnerName } from "../components/names.js";
import { Box, Panel, contentOf } from "../components/panel.js";
import { CopyButton } from "../components/states.js";
import { Table } from "../components/table.js";
import { isMissing, moment, number, say } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { go, hrefOf } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { rangeQuery, zone } from "../view.js";

const words = texts.click;
const QUERY = { "query[link]": "1", "query[visitor]": "1", "query[origin]": "1", "query[profile]": "1" };
const plain = (name, from) => ({ name, from, read: (click) => click[name] });
const ofVisitor = (name, from = "agent") => ({ name, from, read: ({ visitor }) => show(visitor[name]) });
const show = (value) => (typeof value === "boolean" ? (value ? texts.yes : texts.no) : (texts.devices[value] ?? value));
/** An erasure gives a click an address of 100::/64, which no one has. */
const isMadeUp = (ip) => ip?.startsWith("100::");
const time = (name, from) => ({ name, from, read: (click) => click[name] && moment(click[name], zone.value) });

/** The facts of a click: `read` gives the value, `from` says where it came from. */
const RECORDED = [
  plain("clickId", "server"),
  time("time", "sent"),
  plain("uri", "sent"),
  plain("referrer", "sent"),
  { name: "referrerHost", from: "referrer", read: ({ origin }) => origin.referrerHost },
  plain("uuid", "sent"),
  ...["utmSource", "utmMedium", "utmCampaign", "utmContent", "utmTerm"].map((name) => plain(name, "uri")),
  { name: "link", from: "uri", read: ({ linkId, link }) => linkId && html`<${LinkName} id=${linkId} link=${link} />` },
  { name: "partner", from: "link", isFor: may.seePartners, read: ({ origin }) => origin.partnerId && html`<${PartnerName} id=${origin.partnerId} />` },
  { name: "bannerId", from: ({ bannerId, link }) => (bannerId === link?.bannerId ? "link" : "uri"), read: ({ bannerId, bannerName }) => bannerId && (bannerName ?? bannerId) },
  { name: "siteId", from: "site", read: ({ origin }) => origin.siteId },
  time("createTime", "server"),
  time("updateTime", "server"),
];
const VISITOR = [
  plain("ip", ({ ip }) => (isMadeUp(ip) ? "erased" : "sent")),
  { name: "country", from: "address", read: ({ countryCode, countryName }) => countryCode && `${countryName ?? ""} (${countryCode})` },
  { name: "position", from: "address", read: ({ latitude, longitude }) => latitude && `${latitude}, ${longitude}` },
  ofVisitor("isDataCentre", "list"),
  plain("userAgent", "sent"),
  ...["device", "browser", "os", "isBot"].map((name) => ofVisitor(name)),
  { name: "botRule", from: "agent", read: ({ visitor }) => visitor.botRule && ruleInWords(visitor.botRule) },
  ofVisitor("isPrefetch", "sent"),
  ofVisitor("visitorId", "sent"),
  { name: "isFirst", from: "earlier", read: ({ origin }) => show(origin.isFirst) },
  { name: "duplicateOf", from: "earlier", read: ({ visitor }) => visitor.duplicateOf && html`<${ClickLink} id=${visitor.duplicateOf} text=${visitor.duplicateOf} />` },
  { name: "client", from: "registration", read: ({ profileId, profile }) => profileId && html`<${ClientName} id=${profileId} profile=${profile} />` },
];

/** The client of a click that is not there any more, or not yet, is not asked for. */
const clientOf = (click) => (click && !click.profileId ? undefined : (click?.profile ?? null));

export default function Click({ clickId }) {
  const path = `/clicks/${encodeURIComponent(clickId)}`;
  const answer = useAnswer(path, QUERY);
  const curl = html`<${CopyButton} quiet text=${curlOf(path, QUERY)} label=${texts.copyAsCurl} />`;
  const facts = (list) => contentOf(answer, { rows: 8, render: (click) => html`<${Facts} list=${list} click=${click} />` });
  return html`<div class="head"><div><p class="crumb"><a href=${hrefOfPage("/clicks", rangeQuery())}>${words.all}</a></p><h1>${texts.titles.click} <code>${clickId}</code></h1></div>
      ${answer.data && may.change("clicks") && html`<${Delete} click=${answer.data} path=${path} />`}</div>
    ${answer.problem ? contentOf(answer, {}) : html`<${Verdict} click=${answer.data} />
      <div class="panels">
        <${Box} title=${words.facts} isBusy=${answer.isLoading} actions=${curl}>${facts(RECORDED)}<//>
        <${Box} title=${words.visitor} isBusy=${answer.isLoading} actions=${curl}>${facts(VISITOR)}<//>
      </div>
      <${Panel} title=${words.attribution} path=${`${path}/attribution`} rows=${4} waits=${!answer.data}
        isEmpty=${({ attributionId }) => !attributionId} empty=${words.notConsidered} fill=${may.change("registrations") ? registerCurl(clickId) : null}
        render=${(found) => html`<${Attribution} found=${found} clickId=${clickId} profile=${clientOf(answer.data)} />`} />
      <${History} path=${`${path}/history`} waits=${!answer.data} />
      <${Deliveries} clickId=${clickId} />
      <${Repeats} clickId=${clickId} />`}`;
}

const registerCurl = (clickId) => curlOf("/registrations", {}, { method: "POST", body: { clickId, profile: { firstName: "Mary", uuid: "client-1" } } });

/** Whether it counts, in a sentence. */
function Verdict({ click }) {
  if (!click) return html`<p class="note">${texts.states.loading}</p>`;
  const { isBot, botRule, duplicateOf } = click.visitor;
  if (isBot) return html`<p class="note warn">${words.notCounted} ${botRule && ruleInWords(botRule)}</p>`;
  if (duplicateOf) return html`<p class="note warn">${words.countedRepeat}</p>`;
  return html`<p class="note">${click.origin.isFirst ? words.countedFirst : words.counted}</p>`;
}

function Facts({ list, click }) {
  const shown = list.filter(({ isFor }) => isFor?.() ?? true).map((fact) => ({ ...fact, value: fact.read(click) }));
  return html`<dl class="pairs">${shown.map(({ name, from, value }) => html`<dt>${texts.fields[name]}</dt>
    <dd>${isMissing(value) || value === "" ? html`<span class="unknown">${texts.none}</span>` : html`${value}<span class="from">${words.origins[typeof from === "function" ? from(click) : from]}</span>`}</dd>`)}</dl>`;
}

/** What changed since the click was recorded, the newest change first. */
function History({ path, waits }) {
  const changeOf = ({ key, before, after }) => say(words.changedFrom, { key: texts.fields[key] ?? key, before: before ?? texts.none, after: after ?? texts.none });
  const columns = [
    { title: words.historyTime, className: "time", render: ({ time }) => moment(time, zone.value) },
    { title: words.historyWho, render: ({ actorKind, actor }) => html`<span>${texts.audit.kinds[actorKind] ?? actorKind}${actor && html`<br /><code class="help">${actor}</code>`}</span>` },
    { title: words.historyWhy, render: ({ reason }) => reason },
    { title: words.historyWhat, className: "wide", render: ({ changes, isDeleted }) => (isDeleted ? words.wasDeleted : changes.map((each) => html`<div>${changeOf(each)}</div>`)) },
  ];
  return html`<${Panel} title=${words.history} path=${path} rows=${2} waits=${waits} isEmpty=${(found) => !found.length} empty=${words.noHistory}
    render=${(found) => html`<${Table} columns=${columns} rows=${found} label=${say(texts.tableOf, { title: words.history })} keyOf=${(each) => each.time} isCards />`} />`;
}

function Repeats({ clickId }) {
  const query = { "filter[duplicateOf]": clickId, sort_by: "time", sort_order: "asc", limit: 20 };
  const columns = [
    { title: texts.fields.time, className: "time", render: (click) => html`<${ClickLink} id=${click.clickId} text=${moment(click.time, zone.value)} />` },
    { title: texts.fields.clickId, render: (click) => html`<code>${click.clickId}</code>` },
    { title: texts.fields.uri, className: "wide", render: (click) => click.uri },
  ];
  return html`<${Panel} title=${words.repeats} path="/clicks" query=${query} rows=${2} isEmpty=${(clicks) => !clicks.length} empty=${words.noRepeats}
    render=${(clicks) => html`<${Table} columns=${columns} rows=${clicks} label=${say(texts.tableOf, { title: words.repeats })} keyOf=${(each) => each.clickId} isCards />`} />`;
}

function Deliveries({ clickId }) {
  const [asks, setAsks] = useState(null);
  const [shown, setShown] = useState(null);
  const query = { "filter[clickId]": clickId, sort_by: "time", sort_order: "asc", limit: 50 };
  const answer = useAnswer("/deliveries", query);
  const columns = [
    { title: texts.fields.time, className: "time", render: (each) => moment(each.time, zone.value) },
    { title: words.event, render: ({ event }) => words.events[event] ?? event },
    { title: words.status, render: ({ status }) => html`<span class="mark ${status === "dead" ? "warn" : status === "delivered" ? "good" : ""}">${words.states[status] ?? status}</span>` },
    { title: words.attempts, isNumber: true, render: (each) => (each.attempts ? html`<button type="button" class="as-link" aria-label=${say(words.showAttempts, { count: number(each.attempts) })} onClick=${() => setShown(each)}>${number(each.attempts)}</button>` : number(0)) },
    { title: words.lastAnswer, className: "wide", render: lastAnswer },
    { title: words.due, className: "time", render: ({ dueTime }) => (dueTime ? moment(dueTime, zone.value) : texts.none) },
    ...(may.change("deliveries") ? [{ title: "", render: (each) => html`<button type="button" class="small" onClick=${() => setAsks(each)}>${words.replay}</button>` }] : []),
  ];
  return html`<${Box} title=${words.deliveries} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/deliveries", query)} label=${texts.copyAsCurl} />`}>
    ${contentOf(answer, {
      rows: 2,
      isEmpty: (found) => !found.length,
      empty: words.noDeliveries,
      render: (found) => html`<${Table} columns=${columns} rows=${found} label=${say(texts.tableOf, { title: words.deliveries })} keyOf=${(each) => each.deliveryId} isCards />`,
    })}
    ${shown && html`<${Dialog} title=${texts.attempts.title} onClose=${() => setShown(null)} isWide><${Attempts} id=${shown.deliveryId} /><//>`}
    ${asks && html`<${Sure} title=${words.replay} text=${words.replayText} yes=${words.replay} onClose=${() => setAsks(null)}
      act=${() => ask(`/deliveries/${asks.deliveryId}/replay`, {}, { method: "POST" })} onDone=${answer.reload} />`}
  <//>`;
}

const lastAnswer = ({ responseStatus, error }) => [responseStatus, error].filter(Boolean).join(": ") || texts.none;

/** Asks, acts, and shows a refusal. `onDone` follows after success. */
function Sure({ act, onClose, onDone, ...rest }) {
  const [problem, setProblem] = useState(null);
  const yes = () => act().then(() => (onClose(), onDone()), setProblem);
  return html`<${Confirm} ...${rest} problem=${problem} onYes=${yes} onClose=${onClose} />`;
}

function Delete({ click, path }) {
  const [isOpen, setOpen] = useState(false);
  const meaning = [words.deleteText, click.profileId ? words.deleteEarned : words.deleteUnearned, click.visitor.isBot ? words.deleteRobot : words.deleteCounted];
  return html`<button type="button" onClick=${() => setOpen(true)}>${words.delete}</button>
    ${isOpen && html`<${Sure} title=${words.delete} text=${meaning.join(" ")} yes=${words.delete} onClose=${() => setOpen(false)}
      act=${() => ask(path, {}, { method: "DELETE" })} onDone=${() => go(hrefOf("/clicks", rangeQuery()), { replace: true })} />`}`;
}
