// The export of the clicks that a page shows. With a session the browser loads the file itself, so that its size does not
// matter; with a token it is fetched, because a link cannot send a token.
import { html, useEffect, useState } from "../../vendor/preact/preact.js";
import { ask, curlOf, send, urlOf } from "../api.js";
import { token, viewer } from "../session.js";
import { texts } from "../texts.js";
import { Dialog } from "./dialog.js";
import { CopyButton } from "./states.js";

const words = texts.export;
const FORMATS = ["csv", "ndjson", "parquet"];
const PATH = "/clicks/export";

/** `query` has the filters; `columns` are the keys of the file that belong to the columns of the page. */
export function ExportDialog({ query, columns, onClose }) {
  const [format, setFormat] = useState("csv");
  const [isWhole, setWhole] = useState(false);
  const [problem, setProblem] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const [needsPassword, setNeeded] = useState(false);
  useEffect(() => {
    isPasswordNeeded().then(setNeeded, () => {}); // asked again before the export
  }, []);
  const asked = new URLSearchParams(query);
  asked.set("format", format);
  if (!isWhole) asked.set("columns", columns.join(","));
  const load = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const password = new FormData(event.target).get("password");
      if (password) await ask("/session/confirmation", {}, { method: "POST", body: { password } });
      const isNeeded = await isPasswordNeeded();
      setNeeded(isNeeded);
      if (!isNeeded) await download(asked, `clicks.${format}`).then(onClose);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  return html`<${Dialog} title=${words.title} onClose=${onClose}><form onSubmit=${load}>
    <p>${words.text}</p>
    <label>${words.format}<select value=${format} onChange=${({ target }) => setFormat(target.value)}>
      ${FORMATS.map((name) => html`<option value=${name}>${words.formats[name]}</option>`)}</select></label>
    <label class="check"><input type="checkbox" checked=${isWhole} onChange=${({ target }) => setWhole(target.checked)} />${words.allColumns}</label>
    ${needsPassword && html`<label>${words.password}<input name="password" type="password" autocomplete="current-password" required /></label>`}
    ${problem && html`<p class="problem" role="alert">${problem.message}</p>`}
    <footer class="buttons"><${CopyButton} quiet text=${curlOf(PATH, asked)} label=${texts.copyAsCurl} />
      <button class="primary" disabled=${isBusy}>${words.download}</button></footer>
  </form><//>`;
}

/** Whether a session has to type its password again before it exports: a download that is refused shows no reason. */
async function isPasswordNeeded() {
  if (token.value) return false;
  viewer.value = (await ask("/session")).body;
  return !viewer.value.confirmedUntil || new Date(viewer.value.confirmedUntil) < new Date();
}

async function download(query, name) {
  if (!token.value) return follow(urlOf(PATH, query), name);
  const file = URL.createObjectURL(await (await send(PATH, query)).blob());
  follow(file, name);
  return setTimeout(() => URL.revokeObjectURL(file), 60_000);
}

function follow(href, name) {
  const link = Object.assign(document.createElement("a"), { href, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
