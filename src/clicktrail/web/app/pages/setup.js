// How do I send the first click, snippet and registration?
import { html, useEffect, useState } from "../../vendor/preact/preact.js";
import { useAnswer } from "../answers.js";
import { ask, curlOf, urlOf } from "../api.js";
import { Box, contentOf, Panel } from "../components/panel.js";
import { Copyable, CopyButton, Failed, Skeleton } from "../components/states.js";
import { moment, say } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { viewer } from "../session.js";
import { texts } from "../texts.js";
import { linkUrl, zone } from "../view.js";

const LOOK_MS = 3_000;
const words = texts.setup;
const NEWEST = { sort_by: "createTime", sort_order: "desc", limit: "1" };
const OLDEST = { sort_by: "createTime", sort_order: "asc", limit: "1" };
const post = (path, body) => curlOf(path, {}, { method: "POST", body });

/** The landing page of a link, with its code as redirects add it. */
function landing({ uri, code }) {
  const url = new URL(uri ?? "https://shop.example/");
  url.searchParams.set("referral", code);
  return url.href;
}
const FIRST = { uri: "https://shop.example/", code: "first" };

/** `asks` finds the first object that shows that the step is done; `read` gives its time and its page. `page` is where the
 *  dashboard does the same. */
const STEPS = [
  { name: "token", lines: () => ['AUTH="Authorization: Bearer $(clicktrail token create --scope admin)"'] },
  {
    name: "link",
    asks: ["/links", { ...OLDEST, "filter[profileId][null]": "0" }],
    read: (link) => [link.createTime, `/links/${link.linkId}`],
    page: ["/partners", texts.titles.partners],
    lines: () => [post("/profiles", { firstName: "First partner" }), post("/links", { ...FIRST, name: "First link", profileId: "PROFILE_ID" })],
  },
  {
    name: "click",
    asks: ["/clicks", { ...NEWEST, "filter[linkId][null]": "0" }],
    read: (click) => [click.createTime, `/clicks/${click.clickId}`],
    lines: ({ link }) => [post("/clicks", { ip: "8.8.8.8", uri: landing(link ?? FIRST), userAgent: navigator.userAgent }), ...(link ? [linkUrl(link.code)] : [])],
  },
  {
    name: "registration",
    asks: ["/registrations", { ...OLDEST, sort_by: "time" }],
    read: (registration) => [registration.time, `/clients/${registration.profileId}`],
    lines: ({ click }) => [post("/registrations", { clickId: click?.clickId ?? "CLICK_ID", profile: { firstName: "Mary", uuid: "client-1" } })],
  },
  {
    name: "delivery",
    asks: ["/deliveries", { ...OLDEST, sort_by: "time", "filter[status]": "delivered" }],
    read: (delivery) => [delivery.time, delivery.clickId ? `/clicks/${delivery.clickId}` : "/postbacks"],
    page: ["/postbacks", texts.titles.postbacks],
    lines: ({ link }) => [post("/postbacks", { profileId: link?.profileId ?? "PROFILE_ID", uri: "https://partner.example/postback?click={click_id}", events: ["click", "registration"] })],
  },
];

export default function Setup() {
  return html`<div class="head"><h1>${texts.titles.setup}</h1></div><${Steps} /><${Snippet} />
    ${viewer.value.scope === "admin" ? html`<${Doctor} />` : html`<${Health} />`}`;
}

/** What each step has found; what is not there yet is looked for again and again, while the page is in view. */
function useSteps() {
  const [state, setState] = useState({ found: {}, isLoading: true, problem: null });
  useEffect(() => {
    const stop = new AbortController();
    const found = {};
    let timer;
    const look = async () => {
      const missing = document.hidden ? [] : STEPS.filter(({ name, asks }) => asks && !found[name]);
      try {
        await Promise.all(missing.map(async ({ name, asks }) => {
          const [first] = (await ask(...asks, { signal: stop.signal })).body;
          if (first) found[name] = first;
        }));
        setState({ found: { ...found }, isLoading: false, problem: null });
      } catch (problem) {
        if (problem.name === "AbortError") return;
        setState({ found: { ...found }, isLoading: false, problem });
        if ([401, 403].includes(problem.status)) return;
      }
      if (!stop.signal.aborted && STEPS.some(({ name, asks }) => asks && !found[name])) timer = setTimeout(look, LOOK_MS);
    };
    look();
    return () => (stop.abort(), clearTimeout(timer));
  }, []);
  return state;
}

function Steps() {
  const { found, isLoading, problem } = useSteps();
  const isDone = ({ name }) => (name === "token" ? Boolean(viewer.value.isToken) : Boolean(found[name]));
  return html`<${Box} title=${words.steps}>
    <p class="help">${words.stepsText}</p>
    ${problem && html`<${Failed} problem=${problem} />`}
    ${isLoading ? html`<${Skeleton} rows=${8} />` : html`<p class="hidden" role="status">${say(words.done, { done: STEPS.filter(isDone).length, all: STEPS.length })}</p>
      <ol class="checklist">${STEPS.map((step) => html`<${Step} key=${step.name} step=${step} isDone=${isDone(step)} found=${found[step.name]} lines=${step.lines(found)} />`)}</ol>`}
  <//>`;
}

function Step({ step, isDone, found, lines }) {
  const [time, path] = found ? step.read(found) : [];
  const href = path && hrefOfPage(path);
  const seen = time ? say(words.seen, { time: moment(time, zone.value) }) : isDone ? words.seenNow : step.asks ? words.waiting : words.unseen;
  return html`<li class=${isDone ? "done" : ""}><div class="step">
    <header><h3>${words[step.name]}</h3><span class="seen">${href ? html`<a href=${href}>${seen}</a>` : seen}</span></header>
    <p class="help">${words[`${step.name}Text`]} ${step.page && html`<a href=${hrefOfPage(step.page[0])}>${say(words.here, { page: step.page[1] })}</a>`}</p>
    ${lines.map((line) => html`<${Copyable} text=${line} />`)}
  </div></li>`;
}

const SITES = { limit: "100" };

function Snippet() {
  const [chosen, setChosen] = useState(0);
  const answer = useAnswer("/sites", SITES);
  const fill = post("/sites", { name: "My shop", origins: ["https://shop.example"] });
  const render = (sites) => {
    const site = sites[Math.min(chosen, sites.length - 1)];
    const tag = `<script src="${location.origin}${urlOf("/clicktrail.js")}" data-key="${site.key}" async></script>`;
    return html`<div class="stack"><p class="help">${words.snippetText}</p>
      ${sites.length > 1 && html`<label>${words.site} <select aria-label=${words.site} value=${chosen} onChange=${({ target }) => setChosen(Number(target.value))}>
        ${sites.map((each, index) => html`<option value=${index}>${each.name || each.origins[0]}</option>`)}</select></label>`}
      <${Copyable} text=${tag} /></div>`;
  };
  return html`<${Box} title=${words.snippet} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/sites", SITES)} label=${texts.copyAsCurl} />`}>
    ${contentOf(answer, { render, isEmpty: (sites) => !sites.length, empty: words.noSites, fill, rows: 2 })}
  <//>`;
}

/** What is wrong comes first. */
const ORDER = ["wrong", "unknown", "ok"];
const MARKS = { wrong: "warn", ok: "good", unknown: "" };

function Doctor() {
  const render = (found) => {
    const sorted = [...found].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
    return html`<div class="stack"><p>${found.some(({ status }) => status === "wrong") ? words.wrong : words.nothingWrong}</p>
      <ul class="findings">${sorted.map(({ subject, status, state, solution }) => html`<li><span class="mark ${MARKS[status]}">${words.marks[status]}</span>
        <div><strong>${subject}</strong> ${state}${solution && html`<p class="note warn">${solution}</p>`}</div></li>`)}</ul>
      <p class="help">${words.doctor}</p><${Copyable} text="clicktrail doctor" /></div>`;
  };
  return html`<${Panel} title=${words.health} path="/doctor" rows=${6} render=${render} />`;
}

function Health() {
  const answer = useAnswer("/health");
  const render = ({ status, reasons = [] }) => html`<div class="stack">
    <p>${status === "ok" ? words.healthy : words.degraded}</p>
    ${reasons.map((reason) => html`<p class="note warn">${reason}</p>`)}
    <p class="help">${words.doctor}</p><${Copyable} text="clicktrail doctor" /></div>`;
  return html`<${Box} title=${words.health} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/health")} label=${texts.copyAsCurl} />`}>
    ${contentOf(answer, { render, rows: 3 })}
  <//>`;
}
