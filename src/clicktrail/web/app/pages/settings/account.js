// My password, my second factor, and where I am signed in.
import { html, useState } from "../../../vendor/preact/preact.js";
import { ask, curlOf } from "../../api.js";
import { useAnswer } from "../../answers.js";
import { askConfirmed } from "../../components/confirmed.js";
import { Confirm } from "../../components/dialog.js";
import { Field, Form, FormDialog, Wrong, useAction } from "../../components/form.js";
import { PartnerName } from "../../components/names.js";
import { Box, contentOf } from "../../components/panel.js";
import { Settings } from "../../components/settings.js";
import { CopyButton, Copyable } from "../../components/states.js";
import { Table } from "../../components/table.js";
import { moment, say } from "../../format.js";
import { forget, viewer } from "../../session.js";
import { texts } from "../../texts.js";
import { zone } from "../../view.js";

const words = texts.settings;

export default function Account() {
  const own = viewer.value;
  return html`<${Settings}><div class="panels">
    <${You} own=${own} />${!own.isToken && html`<${Password} /><${SecondFactor} isOn=${own.hasSecondFactor} />`}
    </div>${!own.isToken && html`<${Sessions} />`}<//>`;
}

function You({ own }) {
  return html`<${Box} title=${words.you} actions=${html`<${CopyButton} quiet text=${curlOf("/access")} label=${texts.copyAsCurl} />`}><dl class="pairs">
      <dt>${words.name}</dt><dd>${own.name}</dd>
      <dt>${words.scope}</dt><dd>${words.scopes[own.scope]}</dd>
      ${own.partnerId && html`<dt>${words.partner}</dt><dd><${PartnerName} id=${own.partnerId} /></dd>`}
      ${!own.isToken && html`<dt>${words.signedIn}</dt><dd>${moment(own.createTime, zone.value)}</dd>
        <dt>${words.ends}</dt><dd>${moment(own.endTime, zone.value)}</dd>`}
    </dl>${own.isToken && html`<p class="help">${words.isToken}</p>`}<//>`;
}

function Password() {
  const [isDone, setDone] = useState(false);
  const send = async ({ current, password }, { form }) => {
    setDone(false);
    viewer.value = (await ask("/session/password", {}, { method: "POST", body: { current, password } })).body;
    form.reset();
    setDone(true);
  };
  return html`<${Box} title=${words.password}><${Form} send=${send} submit=${words.changePassword}>
    <input class="hidden" name="username" autocomplete="username" value=${viewer.value.name} tabindex="-1" aria-hidden="true" readonly />
    <${Field} name="current" type="password" label=${words.current} autocomplete="current-password" required />
    <${Field} name="password" type="password" label=${words.fresh} help=${words.passwordHelp} autocomplete="new-password" required minlength="12" />
    ${isDone && html`<p class="note" role="status">${words.passwordChanged}</p>`}<//><//>`;
}

function SecondFactor({ isOn }) {
  const [made, setMade] = useState(null);
  const [isRemoving, setRemoving] = useState(false);
  const { problem, isBusy, run } = useAction();
  const learn = (hasSecondFactor) => (viewer.value = { ...viewer.value, hasSecondFactor });
  const begin = () => run(async () => setMade((await askConfirmed("/session/second-factor", {}, { method: "POST" })).body));
  const confirm = async ({ code }) => {
    await askConfirmed("/session/second-factor/confirmation", {}, { method: "POST", body: { code: code.replace(/\s/g, "") } });
    learn(true);
    setMade(null);
  };
  const remove = () => {
    setRemoving(false);
    run(async () => {
      await askConfirmed("/session/second-factor", {}, { method: "DELETE" });
      learn(false);
    });
  };
  return html`<${Box} title=${words.factor}><div class="stack">
      <p>${isOn ? words.factorOn : words.factorOff}</p>
      ${isOn
        ? html`<button type="button" disabled=${isBusy} onClick=${() => setRemoving(true)}>${words.factorRemove}</button>`
        : html`<button type="button" disabled=${isBusy} onClick=${begin}>${words.factorBegin}</button>`}
      <${Wrong} problem=${problem} /></div>
    ${made && html`<${FormDialog} title=${words.factorBegin} submit=${words.factorConfirm} send=${confirm} onClose=${() => setMade(null)}>
      <p>${words.factorText}</p>
      <img class="qr" src=${made.qr} alt=${words.factorQr} />
      <${Copyable} text=${made.secret} />
      <${Field} name="code" label=${words.factorCode} inputmode="numeric" autocomplete="one-time-code" required /><//>`}
    ${isRemoving && html`<${Confirm} title=${words.factorRemove} text=${words.factorRemoveText} yes=${words.factorRemove} onYes=${remove} onClose=${() => setRemoving(false)} />`}<//>`;
}

function Sessions() {
  const answer = useAnswer("/sessions");
  const { problem, isBusy, run } = useAction();
  const end = ({ sessionId }) => run(() => endSession(sessionId).finally(answer.reload));
  const endOthers = () => run(async () => {
    const { body } = await ask("/sessions"); // others may have signed in since the page was loaded
    for (const { sessionId, isCurrent } of body) if (!isCurrent) await endSession(sessionId);
    answer.reload();
  });
  const endAll = () => run(async () => {
    await ask("/sessions", {}, { method: "DELETE" });
    forget();
  });
  const others = (answer.data ?? []).filter((each) => !each.isCurrent);
  const columns = [
    { title: words.browser, className: "wide", render: (row) => html`${browserOf(row.userAgent)} ${row.isCurrent && html`<span class="mark good">${words.thisOne}</span>`}` },
    { title: words.address, render: (row) => row.address },
    { title: words.lastUsed, className: "time", render: (row) => moment(row.lastUsedTime, zone.value) },
    { title: html`<span class="hidden">${words.endSession}</span>`, render: (row) => !row.isCurrent && html`<button type="button" class="small" disabled=${isBusy} onClick=${() => end(row)}>${words.endSession}</button>` },
  ];
  return html`<${Box} title=${words.sessions} isBusy=${answer.isLoading} actions=${html`
      ${others.length > 0 && html`<button type="button" class="small" disabled=${isBusy} onClick=${endOthers}>${words.endOthers}</button>`}
      <button type="button" class="small" disabled=${isBusy} onClick=${endAll}>${words.endAll}</button>`}>
    <${Wrong} problem=${problem} />
    ${contentOf(answer, { rows: 2, render: (rows) => html`<${Table} isCards label=${say(texts.tableOf, { title: words.sessions })} columns=${columns} rows=${rows} keyOf=${(row) => row.sessionId} />` })}<//>`;
}

/** Ends a session; one that has ended already is as good. */
async function endSession(sessionId) {
  try {
    await ask(`/sessions/${sessionId}`, {}, { method: "DELETE" });
  } catch (error) {
    if (error.status !== 404) throw error;
  }
}

const BROWSERS = [[/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\//, "Firefox"], [/Chrome\//, "Chrome"], [/Safari\//, "Safari"]];
const SYSTEMS = [[/iPhone|iPad/, "iOS"], [/Android/, "Android"], [/Windows/, "Windows"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]];

/** A user agent in two words; the whole text where it is of no known browser. */
function browserOf(agent) {
  const [browser, system] = [BROWSERS, SYSTEMS].map((kinds) => kinds.find(([pattern]) => pattern.test(agent))?.[1]);
  return browser ? [browser, system].filter(Boolean).join(", ") : agent || texts.unknown;
}
