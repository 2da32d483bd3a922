// Was the partner's server told?
import { html, useEffect, useRef, useState } from "../../vendor/preact/preact.js";
import { ask, curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { Attempts } from "../components/attempts.js";
import { Confirm, Dialog } from "../components/dialog.js";
import { PartnerName } from "../components/names.js";
import { Box, contentOf } from "../components/panel.js";
import { CopyButton, Copyable, Empty, Failed, Skeleton } from "../components/states.js";
import { Pages, Table, cursorOf, orderOf } from "../components/table.js";
import { moment, number, say, withoutScheme } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { change, changed, hrefOf, place } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { readFilters, zone } from "../view.js";
import { PostbackForm } from "./postback_form.js";

const words = texts.postbacks;
const SENT_MS = [3_000, 10_000, 30_000]; // by then most deliveries that were sent again have their result
const SHOWN = 10;
const LIMIT = 25;
const COUNTED = { headers: { Prefer: "count=exact" } };
const of = (name) => place.value.query.get(`filter[${name}]`) ?? "";

export default function Postbacks() {
  const [round, setRound] = useState(0);
  const [open, setOpen] = useState(null);
  const [made, setMade] = useState(null);
  const timer = useRef(0);
  const again = () => setRound((old) => old + 1);
  const refresh = (looks = 0) => {
    again();
    clearTimeout(timer.current);
    if (looks < SENT_MS.length) timer.current = setTimeout(() => refresh(looks + 1), SENT_MS[looks]);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const partner = of("profileId");
  const asked = { limit: SHOWN, sort_by: "createTime", ...(partner ? { "filter[profileId]": partner } : {}), ...(place.value.query.has("after") ? { cursor: place.value.query.get("after") } : {}) };
  const answer = useAnswer("/postbacks", asked, COUNTED);
  const saved = (postback) => (setMade(postback.secret ? postback : null), answer.reload(), refresh());
  return html`<div class="head"><h1>${texts.titles.postbacks}</h1>
      ${may.change("postbacks") && html`<button type="button" class="primary" onClick=${() => setOpen({})}>${words.create}</button>`}</div>
    ${partner && html`<div class="filters"><span class="chip">${words.partner}: <${PartnerName} id=${partner} /><button type="button" aria-label=${texts.filters.clear} onClick=${() => change({ "filter[profileId]": null })}>✕</button></span></div>`}
    <${Subscriptions} answer=${answer} asked=${asked} round=${round} onEdit=${(postback) => setOpen({ postback })} onChanged=${() => (answer.reload(), refresh())} />
    <${Deliveries} key="deliveries" postbacks=${answer.data ?? []} round=${round} onChanged=${refresh} />
    ${open && html`<${PostbackForm} postback=${open.postback} partnerId=${partner} onClose=${() => setOpen(null)} onSaved=${saved} />`}
    ${made && html`<${Dialog} title=${words.secret} onClose=${() => setMade(null)}><p>${words.secretText}</p><${Copyable} text=${made.secret} /><//>`}`;
}

const EXAMPLE = { events: ["registration"], uri: "https://tracker.example.org/postback?cid={query.subid}&event={event}" };

function Subscriptions({ answer, asked, round, onEdit, onChanged }) {
  const { data, problem, next, total } = answer;
  const { path, query } = place.value;
  const links = html`<nav class="pages" aria-label=${words.label}><span>${total ? say(texts.pages.total, { count: number(total) }) : ""}</span>
    ${query.has("after") && html`<a class="button" href=${hrefOf(path, changed({ after: null }))}>${texts.pages.first}</a>`}
    ${next && html`<a class="button" href=${hrefOf(path, changed({ after: next }))}>${texts.pages.next}</a>`}</nav>`;
  return html`<${Box} title=${words.label} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/postbacks", asked)} label=${texts.copyAsCurl} />`}>
    ${problem ? html`<${Failed} problem=${problem} onRetry=${answer.reload} />` : data === null ? html`<${Skeleton} rows=${4} />`
      : !data.length ? html`<${Empty} text=${words.empty} curl=${may.change("postbacks") ? curlOf("/postbacks", {}, { method: "POST", body: may.seePartners() ? { profileId: "PROFILE_ID", ...EXAMPLE } : EXAMPLE }) : null} />`
        : html`<ul class="rows">${data.map((each) => html`<${Subscription} key=${each.postbackId} postback=${each} round=${round} onEdit=${onEdit} onChanged=${onChanged} />`)}</ul>${(next || query.has("after")) && links}`}
  <//>`;
}

/** One postback: where it goes, the state of its last delivery, and how many were given up. */
function Subscription({ postback, round, onEdit, onChanged }) {
  const { postbackId, profileId, name, uri, method, events, enabled } = postback;
  const last = useAnswer("/deliveries", { "filter[postbackId]": postbackId, sort_by: "updateTime", limit: 1 }, { round });
  const dead = useAnswer("/deliveries", { "filter[postbackId]": postbackId, "filter[status]": "dead", limit: 0 }, { ...COUNTED, round });
  const [delivery] = last.data ?? [];
  return html`<li class="row">
    <div class="grow"><p><strong>${name || words.eventNames[events.join()]}</strong> ${!enabled && html`<span class="mark warn">${words.disabled}</span>`}
        ${may.seePartners() && html`<span class="muted-text"> · <${PartnerName} id=${profileId} /></span>`}</p>
      <p class="below"><span class="mark">${method}</span> ${uri}</p>
      <p class="below">${words.eventNames[events.join()]}</p></div>
    <div class="state-of"><p class="below">${words.last}</p>${last.data && (delivery ? html`<${Status} delivery=${delivery} />
        <span class="below">${moment(delivery.updateTime, zone.value)}</span>${delivery.error && html`<span class="below problem">${delivery.error}</span>`}` : html`<span class="below">${words.never}</span>`)}</div>
    <div class="state-of"><p class="below" title=${words.deadHelp}>${words.dead}</p>
      ${dead.total ? html`<a class="strong problem" href=${hrefOf(place.value.path, changed({ "filter[postbackId]": postbackId, "filter[status]": "dead" }))}>${number(dead.total)}</a>` : html`<span>${dead.total === 0 ? 0 : texts.none}</span>`}</div>
    ${may.change("postbacks") && html`<${Actions} postback=${postback} dead=${dead.total} onEdit=${onEdit} onChanged=${onChanged} />`}
  </li>`;
}

const Status = ({ delivery }) => html`<span class="mark ${delivery.status === "delivered" ? "good" : "warn"}">${words.statuses[delivery.status]}</span>`;

function Actions({ postback, dead, onEdit, onChanged }) {
  const [test, setTest] = useState(null);
  const [open, setOpen] = useState("");
  const path = `/postbacks/${postback.postbackId}`;
  const run = () => {
    setTest({ isBusy: true });
    ask(`${path}/test`, {}, { method: "POST" }).then(({ body }) => setTest({ body }), (problem) => setTest({ problem }));
  };
  return html`<div class="tools end"><button type="button" class="small" disabled=${test?.isBusy} onClick=${run}>${test?.isBusy ? words.testSending : words.test}</button>
      ${dead > 0 && may.change("deliveries") && html`<button type="button" class="small" onClick=${() => setOpen("replay")}>${words.replayAll}</button>`}
      <button type="button" class="small" onClick=${() => onEdit(postback)}>${words.edit}</button>
      <button type="button" class="small" onClick=${() => setOpen("delete")}>${words.delete}</button>
      <p class="below" role="status">${test && !test.isBusy && testText(test)}</p></div>
    ${open === "replay" && html`<${Sure} title=${words.replayAll} text=${say(words.replayAllText, { count: number(dead) })} path=${`${path}/replay`} method="POST" isSafe onClose=${() => setOpen("")} onDone=${onChanged} />`}
    ${open === "delete" && html`<${Sure} title=${words.delete} text=${words.deleteText} path=${path} method="DELETE" onClose=${() => setOpen("")} onDone=${onChanged} />`}`;
}

function testText({ body, problem }) {
  if (problem) return html`<span class="problem">${problem.message}</span>`;
  if (body.error) return html`<span class="problem">${say(words.testFailed, body)}</span>`;
  return say(words.testDone, { status: body.responseStatus, milliseconds: number(body.milliseconds) });
}

/** Asks, then makes the request. */
function Sure({ title, text, path, method, isSafe, onClose, onDone }) {
  const [problem, setProblem] = useState(null);
  const send = () => ask(path, {}, { method }).then(() => (onClose(), onDone()), setProblem);
  return html`<${Confirm} title=${title} text=${text} yes=${title} isSafe=${isSafe} onYes=${send} onClose=${onClose} problem=${problem} />`;
}

const FILTERS = ["status", "event", "postbackId", "profileId", "clickId"];

function Deliveries({ postbacks, round, onChanged }) {
  const { sort, order } = orderOf(["time", "attempts", "dueTime", "updateTime"]);
  const filters = readFilters().filter(({ name }) => FILTERS.includes(name)).map(({ key, value }) => [key, value]);
  const asked = { ...Object.fromEntries(filters), sort_by: sort, sort_order: order, limit: LIMIT, ...cursorOf() };
  const answer = useAnswer("/deliveries", asked, { ...COUNTED, round });
  const shown = place.value.query.get("delivery");
  const list = (rows) => html`<${Table} columns=${columnsOf(postbacks)} rows=${rows} label=${say(texts.tableOf, { title: words.deliveries })} keyOf=${(row) => row.deliveryId} sort=${sort} isDescending=${order === "desc"} isTiles />
    <${Pages} next=${answer.next} total=${answer.total === null ? "" : say(texts.pages.total, { count: number(answer.total) })} />`;
  return html`<${Box} title=${words.deliveries} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/deliveries", asked)} label=${texts.copyAsCurl} />`}>
    <div class="tools filter-row"><${Pick} name="status" any=${words.anyStatus} options=${Object.entries(words.statuses)} />
      <${Pick} name="event" any=${words.anyEvent} options=${Object.entries(words.one)} />
      <${Pick} name="postbackId" any=${words.anyPostback} options=${postbacks.map((each) => [each.postbackId, titleOf(each)])} /></div>
    ${contentOf(answer, { rows: 8, isEmpty: (rows) => !rows.length, empty: filters.length ? words.noDeliveries : words.never, fill: filters.length || !may.change("registrations") ? null : curlOf("/registrations", {}, { method: "POST", body: { code: "spring", profile: { firstName: "Paul" } } }), render: list })}
    ${shown && html`<${Delivery} id=${shown} postbacks=${postbacks} round=${round} onChanged=${onChanged} />`}
  <//>`;
}

const titleOf = (postback) => postback.name || withoutScheme(postback.uri).replace(/[?#].*/, "");

/** A filter with a few values. */
function Pick({ name, any, options }) {
  const value = of(name);
  const known = !value || options.some(([key]) => key === value) ? options : [...options, [value, value]];
  return html`<select aria-label=${any} value=${value} onChange=${({ target }) => change({ [`filter[${name}]`]: target.value || null })}>
    <option value="">${any}</option>${known.map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}</select>`;
}

function columnsOf(postbacks) {
  const names = new Map(postbacks.map((each) => [each.postbackId, titleOf(each)]));
  return [
    { title: words.time, sort: "time", className: "time", render: (row) => html`<a href=${hrefOf(place.value.path, changed({ delivery: row.deliveryId, cursor: place.value.query.get("cursor") }))}>${moment(row.time, zone.value)}</a>` },
    { title: words.event, render: (row) => words.one[row.event] },
    ...(may.seePartners() ? [{ title: words.partner, render: (row) => html`<${PartnerName} id=${row.profileId} />` }] : []),
    { title: words.postback, render: (row) => names.get(row.postbackId) ?? html`<code>${row.postbackId.slice(-6)}</code>` },
    { title: words.status, render: (row) => html`<${Status} delivery=${row} />` },
    { title: words.attempts, isNumber: true, sort: "attempts", render: (row) => number(row.attempts) },
    { title: words.answer, className: "wide", render: (row) => html`${row.responseStatus ?? (row.attempts ? words.noAnswer : texts.none)}${row.error && html` <span class="problem">${row.error}</span>`}` },
    { title: words.next, sort: "dueTime", className: "time", render: (row) => (row.dueTime ? moment(row.dueTime, zone.value) : words.noNext) },
  ];
}

/** One delivery, with its last attempts. */
function Delivery({ id, postbacks, round, onChanged }) {
  const answer = useAnswer(`/deliveries/${id}`, {}, { round });
  const [isAsking, setAsking] = useState(false);
  const close = () => change({ delivery: null, cursor: place.value.query.get("cursor") }, { replace: true });
  return html`<${Dialog} title=${words.delivery} onClose=${close} isWide>
    ${contentOf(answer, { rows: 8, render: (row) => html`<${Facts} row=${row} postback=${postbacks.find((each) => each.postbackId === row.postbackId)} />
      <h3>${texts.attempts.title}</h3><${Attempts} id=${id} round=${round} />
      <footer class="buttons"><${CopyButton} text=${curlOf(`/deliveries/${id}`)} label=${texts.copyAsCurl} />
        ${may.change("deliveries") && html`<button type="button" class="primary" onClick=${() => setAsking(true)}>${words.replay}</button>`}</footer>` })}
  <//>${isAsking && html`<${Sure} title=${words.replay} text=${words.replayText} path=${`/deliveries/${id}/replay`} method="POST" isSafe onClose=${() => setAsking(false)} onDone=${onChanged} />`}`;
}

function Facts({ row, postback }) {
  const click = row.clickId && hrefOfPage(`/clicks/${row.clickId}`);
  const at = (name) => moment(row[name], zone.value);
  return html`<dl class="pairs">
    <dt>${words.status}</dt><dd><${Status} delivery=${row} /></dd>
    <dt>${words.event}</dt><dd>${words.one[row.event]}, ${at("time")}</dd>
    ${may.seePartners() && html`<dt>${words.partner}</dt><dd><${PartnerName} id=${row.profileId} /></dd>`}
    <dt>${words.postback}</dt><dd>${postback ? html`${titleOf(postback)}<span class="below">${postback.method} ${postback.uri}</span>` : html`<code>${row.postbackId}</code>`}</dd>
    <dt>${words.attempts}</dt><dd>${number(row.attempts)}</dd>
    <dt>${words.answer}</dt><dd>${row.responseStatus ?? (row.attempts ? words.noAnswer : texts.none)}</dd>
    <dt>${words.error}</dt><dd>${row.error ? html`<span class="problem">${row.error}</span>` : texts.none}</dd>
    <dt>${words.next}</dt><dd>${row.dueTime ? at("dueTime") : words.noNext}</dd>
    <dt>${words.updated}</dt><dd>${at("updateTime")}</dd>
    <dt>${words.click}</dt><dd>${row.clickId ? (click ? html`<a href=${click}><code>${row.clickId}</code></a>` : html`<code>${row.clickId}</code>`) : texts.none}</dd>
    <dt>${words.id}</dt><dd><code>${row.deliveryId}</code></dd>
  </dl>`;
}
