// Is anything arriving? Why was this one not counted?
import { html, useEffect, useRef, useState } from "../../vendor/preact/preact.js";
import { useAnswer } from "../answers.js";
import { ask, curlOf } from "../api.js";
import { Bars } from "../components/bars.js";
import { Box } from "../components/panel.js";
import { CopyButton, Empty, Failed, Skeleton } from "../components/states.js";
import { clock, day, moment, number, say } from "../format.js";
import { useKeys } from "../keyboard.js";
import { hrefOfPage } from "../pages.js";
import { go } from "../router.js";
import { useStream } from "../stream.js";
import { texts } from "../texts.js";
import { clicksHref, zone } from "../view.js";

const MOST = 200;
const MINUTES = 30;
const FLUSH_MS = 250;
const SAY_MS = 10_000;
const COUNT_MS = 3_000;
const VISITOR = { "query[visitor]": "1" };
const FIRST = { ...VISITOR, limit: "30" };
const words = texts.live;

export default function Live() {
  const [isPaused, setPaused] = useState(false);
  const arrivals = useArrivals(isPaused);
  const toggle = () => setPaused(!isPaused);
  useKeys({ p: [words.pauseKey, toggle] });
  const pause = isPaused ? say(arrivals.waiting === 1 ? words.resumeOne : words.resume, { count: number(arrivals.waiting) }) : words.pause;
  return html`<div class="head"><h1>${texts.titles.live}</h1><${Connection} state=${arrivals.state} isPaused=${isPaused} /></div>
    <${Minutes} arrived=${arrivals.arrived} />
    <${Box} title=${words.stream} actions=${html`<button type="button" class="small" aria-pressed=${isPaused ? "true" : "false"} onClick=${toggle}>${pause}</button>
      <${CopyButton} quiet text=${curlOf("/live", VISITOR)} label=${texts.copyAsCurl} />`}>
      <p class="hidden" aria-live="polite">${arrivals.said}</p>
      ${arrivals.missed !== 0 && html`<p class="note warn">${missedText(arrivals.missed)}</p>`}
      <${Arrivals} ...${arrivals} />
    <//>`;
}

const missedText = (count) => (count === null ? words.missedSome : say(words.missed, { count: number(count) }));

/** The newest clicks, from the list at first and then from the stream. While paused they wait, as many as are kept. */
function useArrivals(isPaused) {
  const [shown, setShown] = useState({ rows: null, newestBefore: null, problem: null, missed: 0, arrived: 0, waiting: 0, said: "" });
  const waiting = useRef([]);
  const missed = useRef(0);
  const count = useRef({ all: 0, said: 0 });
  const paused = useRef(isPaused);
  paused.current = isPaused;
  const state = useStream("/live", VISITOR, ({ kind, data }) => {
    if (kind === "missed") missed.current = data.count === null || missed.current === null ? null : missed.current + data.count;
    if (kind !== "click") return;
    count.current.all += 1;
    waiting.current = [data, ...waiting.current].slice(0, MOST);
  });
  useEffect(() => {
    if (state.kind !== "open") return undefined;
    const stop = new AbortController();
    ask("/clicks", FIRST, { signal: stop.signal })
      .then(({ body }) => setShown((old) => ({
        ...old,
        rows: merge(old.rows ?? [], body),
        newestBefore: old.newestBefore ?? newestOf(body, old.rows ?? []) ?? "",
        problem: null,
      })))
      .catch((problem) => problem.name !== "AbortError" && setShown((old) => ({ ...old, problem })));
    return () => stop.abort();
  }, [state.kind]);
  useEffect(() => {
    const flush = () => setShown((old) => {
      const fresh = paused.current ? [] : waiting.current.splice(0);
      const next = { arrived: count.current.all, waiting: waiting.current.length, missed: missed.current };
      const isSame = !fresh.length && Object.keys(next).every((name) => old[name] === next[name]);
      return isSame ? old : { ...old, ...next, rows: fresh.length ? merge(fresh, old.rows ?? []) : old.rows };
    });
    const speak = () => {
      const fresh = count.current.all - count.current.said;
      count.current.said = count.current.all;
      if (fresh) setShown((old) => ({ ...old, said: say(fresh === 1 ? words.oneNew : words.manyNew, { count: number(fresh) }) }));
    };
    const timers = [setInterval(flush, FLUSH_MS), setInterval(speak, SAY_MS)];
    return () => timers.forEach(clearInterval);
  }, []);
  return { ...shown, state };
}

/** The id of the first row that the stream has not brought. */
const newestOf = (rows, streamed) => rows.find((row) => !streamed.some(({ clickId }) => clickId === row.clickId))?.clickId;

/** Each click once, the newest first as in the list of clicks: after a gap of the stream the list has what came meanwhile. */
function merge(newer, older) {
  return [...new Map([...newer, ...older].map((row) => [row.clickId, row])).values()].sort((one, other) => (ageOf(one) < ageOf(other) ? 1 : -1)).slice(0, MOST);
}
const ageOf = ({ createTime, clickId }) => createTime + clickId;

function Connection({ state, isPaused }) {
  const text = state.kind === "lost" ? say(words.lost, { seconds: state.seconds }) : words[state.kind];
  return html`<p class="connection ${state.kind}" role="status"><span class="dot" aria-hidden="true"></span>
    ${state.problem ? `${state.problem.message} ` : ""}${isPaused && state.kind === "open" ? words.paused : text}</p>`;
}

/** Clicks of the last half hour by minute, counted by the server again soon after clicks arrive and each minute. */
function Minutes({ arrived }) {
  const [now, setNow] = useState(Date.now());
  const counted = useRef(arrived);
  const latest = useRef(arrived);
  latest.current = arrived;
  const start = new Date(Math.floor(now / 60_000) * 60_000 - (MINUTES - 1) * 60_000);
  const query = {
    ...{ group_by: "time", grain: "minute", metrics: "clicks,bots", zone: zone.value },
    ...{ from: start.toISOString(), to: new Date(+start + MINUTES * 60_000).toISOString() },
  };
  const answer = useAnswer("/reports", query);
  const reload = useRef(answer.reload);
  reload.current = answer.reload;
  useEffect(() => {
    const look = () => {
      setNow(Date.now());
      if (counted.current !== latest.current) reload.current();
      counted.current = latest.current;
    };
    const timer = setInterval(look, COUNT_MS);
    return () => clearInterval(timer);
  }, []);
  const { data } = answer;
  const open = (index) => {
    const href = clicksHref({ from: data.rows[index].time, to: data.rows[index + 1]?.time ?? data.meta.to }, {}, false);
    if (href) go(href);
  };
  return html`<${Box} title=${words.minutes} actions=${html`<span class="asof">${data?.meta.zone}</span><${CopyButton} quiet text=${curlOf("/reports", query)} label=${texts.copyAsCurl} />`}>
    ${answer.problem ? html`<${Failed} problem=${answer.problem} onRetry=${answer.reload} />` : null}
    ${!answer.problem && (data ? html`<${Bars} rows=${data.rows} meta=${data.meta} label=${words.minutes} onOpen=${open} />` : html`<div class="bars"><${Skeleton} rows=${5} /></div>`)}
  <//>`;
}

function Arrivals({ rows, newestBefore, problem, state }) {
  const links = useAnswer("/links", { limit: "1000" });
  const failure = state.kind === "refused" ? state.problem : problem;
  if (failure && !rows?.length) return html`<${Failed} problem=${failure} />`;
  if (rows === null) return html`<${Skeleton} rows=${8} />`;
  if (!rows.length) return html`<${Empty} text=${words.empty} curl=${curlOf("/clicks", {}, { method: "POST", body: { ip: "8.8.8.8", uri: "https://shop.example/?utm_source=test" } })} />`;
  const names = new Map((links.data ?? []).map((link) => [link.linkId, link.name || link.code]));
  const before = html`<li key="before" class="before">${words.before}</li>`;
  return html`<ol class="arrivals">${rows.flatMap((row) => [
    ...(row.clickId === newestBefore ? [before] : []),
    html`<${Arrival} key=${row.clickId} row=${row} name=${names.get(row.linkId)} />`,
  ])}</ol>`;
}

const isToday = (text) => day(text, zone.value) === day(new Date(), zone.value);

function Arrival({ row, name }) {
  const { visitor } = row;
  const time = (isToday(row.createTime) ? clock : moment)(row.createTime, zone.value);
  const href = hrefOfPage(`/clicks/${row.clickId}`);
  const isCounted = !visitor.isBot && !visitor.duplicateOf;
  const who = [row.countryName, texts.devices[visitor.device] ?? visitor.device, visitor.browser].filter(Boolean).join(" · ");
  return html`<li class=${isCounted ? "" : "uncounted"}>
    ${href ? html`<a class="when" href=${href}>${time}</a>` : html`<span class="when">${time}</span>`}
    <span class="what">${name && html`<strong>${name}</strong> `}<span class="uri" title=${row.uri}>${row.uri}</span></span>
    <span class="from">${hostOf(row.referrer) ?? words.noReferrer}</span>
    <span class="by">${who || texts.unknown}</span>
    <span class="why">${visitor.isBot && html`<span class="mark warn">${say(words.robot, { rule: ruleText(visitor.botRule) })}</span>`}
      ${visitor.duplicateOf && html`<${Repeat} clickId=${visitor.duplicateOf} />`}</span>
  </li>`;
}

function Repeat({ clickId }) {
  const href = hrefOfPage(`/clicks/${clickId}`);
  return html`<span class="mark">${href ? html`<a href=${href}>${words.repeat}</a>` : words.repeat}</span>`;
}

/** The name of a listed robot is a pattern: without its escapes it is a word. */
const ruleText = (rule) => (rule ?? texts.unknown).replace(/\\(.)/g, "$1").replace(/^\W+|\W+$/g, "");

function hostOf(referrer) {
  try {
    return referrer ? new URL(referrer).host : null;
  } catch {
    return referrer;
  }
}
