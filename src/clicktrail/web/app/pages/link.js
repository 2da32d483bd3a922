// One link: its clicks and clients, what to hand out, and where it leads.
import { html, useEffect, useState } from "../../vendor/preact/preact.js";
import { ask, curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { Confirm } from "../components/dialog.js";
import { dataUrlOf, saveFile } from "../components/files.js";
import { Filters } from "../components/filters.js";
import { PartnerName } from "../components/names.js";
import { Box, Panel, contentOf } from "../components/panel.js";
import { Periods } from "../components/periods.js";
import { useTyped } from "../components/search.js";
import { CopyButton, Copyable, Failed, Skeleton } from "../components/states.js";
import { moment, number, say } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { change, go, hrefOf, place } from "../router.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { bannerUrl, linkUrl, rangeQuery, zone } from "../view.js";
import { LinkForm, LinkMarks } from "./link_parts.js";
import { Countries, Devices, Referrers, Summary } from "./overview.js";

const words = texts.links;
const FIGURES = ["clicks", "uniqueClicks", "registrations", "conversionRate", "registered", "bots"];

export default function Link({ linkId }) {
  const answer = useAnswer(`/links/${linkId}`, { "query[redirect]": "1" });
  const link = answer.data;
  const more = { "filter[linkId]": linkId };
  if (answer.problem) return html`<h1>${texts.titles.link}</h1><${Failed} problem=${answer.problem} onRetry=${answer.reload} />`;
  return html`<${Head} link=${link} reload=${answer.reload} />
    <${Filters} />
    <${Summary} figures=${FIGURES} more=${more} />
    <div class="panels">
      <${HandOut} link=${link} /><${Test} link=${link} />
      <${Banner} link=${link} /><${Details} link=${link} />
      <${Countries} more=${more} /><${Referrers} more=${more} /><${Devices} more=${more} />
    </div>`;
}

function Head({ link, reload }) {
  const [open, setOpen] = useState("");
  const [note, setNote] = useState("");
  const saved = ({ staying }) => {
    setNote(staying ? say(staying.clicks === 1 ? words.stayingOne : words.staying, { count: number(staying.clicks) }) : "");
    reload();
  };
  return html`<div class="head"><div><a class="crumb" href=${hrefOfPage("/links", rangeQuery())}>${words.all}</a>
      <h1>${link ? link.name || link.code : texts.titles.link} ${link && html`<${LinkMarks} link=${link} />`}</h1></div><${Periods} /></div>
    ${link && html`<div class="tools"><${Copyable} text=${linkUrl(link.code)} />
      ${may.change("links") && html`<span class="push tools"><button type="button" onClick=${() => setOpen("edit")}>${words.edit}</button>
        ${mayTurn(link) && html`<button type="button" onClick=${() => setOpen("turn")}>${link.enabled ? words.disable : words.enable}</button>`}
        <button type="button" onClick=${() => setOpen("delete")}>${words.delete}</button></span>`}</div>`}
    ${note && html`<p class="note" role="status">${note}</p>`}
    ${open === "edit" && html`<${LinkForm} link=${link} onClose=${() => setOpen("")} onSaved=${saved} />`}
    ${open === "turn" && html`<${Turn} link=${link} onClose=${() => setOpen("")} onDone=${reload} />`}
    ${open === "delete" && html`<${Delete} link=${link} onClose=${() => setOpen("")} />`}`;
}

/** A partner can disable a link, but only the operator can allow it again. */
const mayTurn = (link) => link.enabled || may.seePartners();

function Turn({ link, onClose, onDone }) {
  const [problem, setProblem] = useState(null);
  const turn = () =>
    ask(`/links/${link.linkId}`, {}, { method: "PATCH", body: { enabled: !link.enabled } }).then(() => (onClose(), onDone()), setProblem);
  const [title, text] = link.enabled ? [words.disable, words.disableText] : [words.enable, words.enableText];
  return html`<${Confirm} title=${title} text=${text} yes=${title} isSafe=${!link.enabled} onYes=${turn} onClose=${onClose} problem=${problem} />`;
}

function Delete({ link, onClose }) {
  const [problem, setProblem] = useState(null);
  const remove = () => ask(`/links/${link.linkId}`, {}, { method: "DELETE" }).then(() => go(hrefOf("/links", rangeQuery())), setProblem);
  return html`<${Confirm} title=${words.delete} text=${words.deleteText} yes=${words.delete} onYes=${remove} onClose=${onClose} problem=${problem} />`;
}

/** The QR code, for print. */
function HandOut({ link }) {
  const path = link && `/links/${link.linkId}/qr`;
  const [picture, setPicture] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    if (!link) return undefined;
    setPicture(null); // the picture of an earlier code leads nowhere
    setProblem(null);
    const stop = new AbortController();
    dataUrlOf(path, { format: "svg" }, stop.signal).then(setPicture, (error) => error.name !== "AbortError" && setProblem(error));
    return () => stop.abort();
  }, [path, link?.code]);
  const save = (format) => saveFile(path, { format }, `${link.code}.${format}`).catch(setProblem);
  return html`<${Box} title=${words.qr} className="tall" isBusy=${!picture && !problem} actions=${link && html`<${CopyButton} quiet text=${curlOf(path, { format: "svg" })} label=${texts.copyAsCurl} />`}>
    ${problem ? html`<${Failed} problem=${problem} />` : html`<div class="stack">
      ${picture ? html`<img class="qr" src=${picture} alt=${words.qrAlt} width="168" height="168" />` : html`<div class="qr"></div>`}
      <p class="help">${words.qrText}</p>
      <div class="tools">${["svg", "png"].map((format) => html`<button type="button" disabled=${!link} onClick=${() => save(format)}>${say(words.download, { format: format.toUpperCase() })}</button>`)}</div>
    </div>`}
  <//>`;
}

const AGENTS = {
  own: navigator.userAgent,
  robot: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
  preview: "WhatsApp/2.23.20.0 A",
};

/** What a visit would get. The server says it by its own rules, and records nothing. */
function Test({ link }) {
  const { query } = place.value;
  const agent = Object.hasOwn(AGENTS, query.get("as")) ? query.get("as") : "own";
  const asked = { query: (query.get("with") ?? "").replace(/^\?/, ""), user_agent: AGENTS[agent] };
  const path = link ? `/links/${link.linkId}/visit` : null;
  const answer = useAnswer(path, asked);
  const type = useTyped((text) => change({ with: text || null }, { replace: true }));
  useEffect(() => {
    if (path) answer.reload();
  }, [link]); // a changed link leads elsewhere
  return html`<${Box} title=${words.test} className="tall" isBusy=${answer.isLoading} actions=${path && html`<${CopyButton} quiet text=${curlOf(path, asked)} label=${texts.copyAsCurl} />`}>
    <div class="stack fill"><p class="help">${words.testText}</p>
      <label class="field">${words.as}<select value=${agent} onChange=${({ target }) => change({ as: target.value === "own" ? null : target.value }, { replace: true })}>
        ${Object.keys(AGENTS).map((name) => html`<option value=${name}>${words.agents[name]}</option>`)}</select></label>
      <label class="field">${words.with}<input placeholder="utm_campaign=may&subid=81" defaultValue=${query.get("with") ?? ""} onInput=${type} /></label>
      <div class="result" aria-live="polite">${contentOf(answer, { rows: 3, render: (data) => html`<${Result} data=${data} link=${link} />` })}</div>
    </div>
  <//>`;
}

function Result({ data, link }) {
  const lead = !data.location ? words.leadsNowhere : data.isLanding ? words.leads : words.leadsFallback;
  return html`<p>${lead}</p>
    <p><span class="mark ${data.location ? "good" : "warn"}">${data.status}</span> <code class="long">${data.location ?? data.reason}</code></p>
    <p>${countText(data)}</p>
    ${data.isRecorded && !data.isBot && html`<p class="help">${words.notKnown}</p>`}
    <p><a href=${linkUrl(link.code)} target="_blank" rel="noreferrer">${words.open}</a></p>`;
}

function countText(data) {
  if (data.isPreview && data.isLanding) return words.isPreview;
  if (!data.isRecorded) return words.notRecorded;
  return data.isBot ? say(words.recordedRobot, { rule: data.botRule }) : words.willCount;
}

const quoted = (text) => String(text).replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");

/** The code of a banner that leads to the link. */
function codeOf(banner, code) {
  const size = ["width", "height"].filter((name) => banner[name]).map((name) => ` ${name}="${banner[name]}"`).join("");
  return `<a href="${quoted(bannerUrl(banner.bannerId, code))}"><img src="${quoted(banner.cdnFileUrl ?? "")}"${size} alt="${quoted(banner.bannerName)}"></a>`;
}

function Banner({ link }) {
  const fill = curlOf("/banners", {}, { method: "POST", body: { bannerName: "Spring", cdnFileUrl: "https://cdn.example.org/spring.png", width: 300, height: 250 } });
  return html`<${Panel} title=${words.banner} path="/banners" query=${{ limit: 1000, sort_by: "bannerName", sort_order: "asc" }} className="tall" rows=${4}
    isEmpty=${(rows) => !rows.length} empty=${words.noBanners} fill=${may.change("banners") ? fill : null} render=${(rows) => html`<${BannerCode} rows=${rows} link=${link} />`} />`;
}

function BannerCode({ rows, link }) {
  if (!link) return html`<${Skeleton} rows=${4} />`;
  const wanted = place.value.query.get("banner") ?? link.bannerId;
  const banner = rows.find((each) => each.bannerId === wanted) ?? rows[0];
  const nameOf = (each) => [each.bannerName, each.width && `${each.width} × ${each.height}`, each.languageName].filter(Boolean).join(", ");
  return html`<div class="stack fill"><label class="field">${words.whichBanner}<select value=${banner.bannerId} onChange=${({ target }) => change({ banner: target.value }, { replace: true })}>
      ${rows.map((each) => html`<option value=${each.bannerId}>${nameOf(each)}</option>`)}</select></label>
    <pre class="code" tabindex="0"><code>${codeOf(banner, link.code)}</code></pre>
    <div class="tools"><${CopyButton} text=${codeOf(banner, link.code)} label=${words.copyCode} />
      ${banner.cdnFileUrl ? html`<a class="small" href=${banner.cdnFileUrl} target="_blank" rel="noreferrer">${words.showPicture}</a>` : html`<span class="mark warn">${words.noPicture}</span>`}</div>
  </div>`;
}

function Details({ link }) {
  return html`<${Box} title=${words.details} className="tall" actions=${link && html`<${CopyButton} quiet text=${curlOf(`/links/${link.linkId}`, { "query[redirect]": "1" })} label=${texts.copyAsCurl} />`}>
    ${link ? html`<dl class="pairs">
      <dt>${words.landing}</dt><dd>${link.uri ?? html`<span class="unknown">${words.noLanding}</span>`}</dd>
      <dt>${words.code}</dt><dd><code>${link.code}</code></dd>
      ${may.seePartners() && html`<dt>${words.partner}</dt><dd><${PartnerName} id=${link.profileId} /></dd>`}
      <dt>${words.redirect}</dt><dd>${words.statuses[link.redirect.redirectStatus]}</dd>
      <dt>${words.expires}</dt><dd>${moment(link.redirect.expireTime, zone.value)}</dd>
      <dt>${words.fallback}</dt><dd>${link.redirect.fallbackUri ?? texts.none}</dd>
      <dt>${words.created}</dt><dd>${moment(link.createTime, zone.value)}</dd>
      <dt>${texts.fields.uuid}</dt><dd>${link.uuid ?? texts.none}</dd>
      <dt>${words.id}</dt><dd><code>${link.linkId}</code></dd>
    </dl>` : html`<${Skeleton} rows=${7} />`}
  <//>`;
}
