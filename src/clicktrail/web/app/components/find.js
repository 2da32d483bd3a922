// Finds a click by its id or uuid, and a client or partner by id, uuid, name, e-mail address or phone number. Partners do not search contacts.
import { html, useEffect, useState } from "../../vendor/preact/preact.js";
import { ask } from "../api.js";
import { moment, say } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { rangeQuery, zone } from "../view.js";
import { Dialog } from "./dialog.js";

const words = texts.find;
const ID = /^[0-9a-f]{24}$/i;
const WAIT_MS = 200;
const MOST = 8;

const asClicks = (clicks) => clicks.map(({ clickId, time }) => ({ path: `/clicks/${clickId}`, kind: texts.titles.click, name: `${clickId}, ${moment(time, zone.value)}` }));
const asProfiles = (profiles) => profiles.map(({ profileId, name, uuid }) => ({ path: `/clients/${profileId}`, kind: words.profile, name: [name || profileId, uuid].filter(Boolean).join(", ") }));
const list = (path, filter, value, render) => ask(path, { [filter]: value, limit: MOST }).then(({ body }) => render(body));

/** The requests for a text. An id is looked up as one; the others compare whole uuids, and parts of names and contacts. */
function searchesOf(text) {
  if (ID.test(text)) return [list("/clicks", "filter[clickId]", text, asClicks), list("/profiles", "filter[profileId]", text, asProfiles)];
  return [
    list("/clicks", "filter[uuid]", text, asClicks),
    list("/profiles", "filter[uuid]", text, asProfiles),
    list("/profiles", "filter[name]", text, asProfiles),
    ...(may.seePartners() ? [list("/profiles", "filter[contacts]", text, asProfiles)] : []),
  ];
}

export function SearchDialog({ onClose }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState(null);
  const [answered, setAnswered] = useState("");
  const [isWhole, setWhole] = useState(true);
  const [isCut, setCut] = useState(false);
  useEffect(() => {
    if (!text) return setFound(null);
    let isOver = false;
    const begin = () =>
      Promise.allSettled(searchesOf(text)).then((answers) => {
        if (isOver) return;
        const byPath = new Map(answers.flatMap(({ value }) => value ?? []).map((each) => [each.path, each]));
        setCut(byPath.size > MOST || answers.some(({ value }) => value?.length >= MOST));
        setAnswered(text);
        setFound([...byPath.values()].slice(0, MOST));
        setWhole(answers.every(({ status }) => status === "fulfilled"));
      });
    const timer = setTimeout(begin, WAIT_MS);
    return () => ((isOver = true), clearTimeout(timer));
  }, [text]);
  const openFirst = (event) => {
    event.preventDefault();
    if (answered !== text) return; // what is shown was found for a text before
    event.target.closest("dialog").querySelector(".found a")?.click();
  };
  return html`<${Dialog} title=${words.title} onClose=${onClose} isWide><form onSubmit=${openFirst}>
    <label>${may.seePartners() ? words.label : words.labelOfPartner}<input type="search" autofocus autocomplete="off" spellcheck=${false} onInput=${({ target }) => setText(target.value.trim())} /></label>
    <p class="help" role="status">${found === null ? words.help : found.length ? say(isCut ? words.first : words.found, { count: found.length }) : isWhole ? words.nothing : words.failed}</p>
    ${found?.length > 0 && html`<ul class="found">${found.map(({ path, kind, name }) => html`<li><span class="mark">${kind}</span> <a href=${hrefOfPage(path, rangeQuery())} onClick=${onClose}>${name}</a></li>`)}</ul>`}
  </form><//>`;
}
