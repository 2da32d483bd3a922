// With which settings does this server run?
import { html } from "../../../vendor/preact/preact.js";
import { curlOf } from "../../api.js";
import { useAnswer } from "../../answers.js";
import { Box, Panel, contentOf } from "../../components/panel.js";
import { InForce, Settings } from "../../components/settings.js";
import { CopyButton } from "../../components/states.js";
import { texts } from "../../texts.js";

const words = texts.settings;

export default function Server() {
  const answer = useAnswer("/settings");
  const part = (title, isShown, empty) => html`<${Box} title=${title} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/settings")} label=${texts.copyAsCurl} />`}>
    ${contentOf(answer, { isEmpty: (rows) => !rows.some(isShown), empty, render: (rows) => html`<${InForce} rows=${rows.filter(isShown)} />` })}<//>`;
  return html`<${Settings}>
    <${Panel} title=${words.health} path="/health" rows=${1} render=${({ status, reasons = [] }) => html`<p>${words.healths[status] ?? status}</p>${reasons.map((each) => html`<p class="problem">${each}</p>`)}`} />
    ${part(words.changed, (row) => !row.isDefault, words.noneChanged)}${part(words.defaults, (row) => row.isDefault, "")}
    <p class="help">${words.serverText}</p><//>`;
}
