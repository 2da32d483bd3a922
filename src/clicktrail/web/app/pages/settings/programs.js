// Which programs have access? OAuth clients, and tokens that were revoked.
import { html, useState } from "../../../vendor/preact/preact.js";
import { curlOf } from "../../api.js";
import { useAnswer } from "../../answers.js";
import { askConfirmed } from "../../components/confirmed.js";
import { Confirm } from "../../components/dialog.js";
import { Field, Form, FormDialog, Wrong, useAction } from "../../components/form.js";
import { PartnerName } from "../../components/names.js";
import { Box, contentOf } from "../../components/panel.js";
import { PartnerField, readPartner } from "../../components/partner-field.js";
import { Once, Settings } from "../../components/settings.js";
import { CopyButton } from "../../components/states.js";
import { Pages, Table } from "../../components/table.js";
import { day, say } from "../../format.js";
import { place } from "../../router.js";
import { texts } from "../../texts.js";
import { zone } from "../../view.js";

const words = texts.settings;
const SCOPES = ["write", "read", "admin", "partner", "postback"].map((name) => [name, name]);

export default function Programs() {
  const cursor = place.value.query.get("cursor");
  const query = { limit: "50", ...(cursor ? { cursor } : {}) };
  const answer = useAnswer("/clients", query);
  const { problem, isBusy, run } = useAction();
  const [isAdding, setAdding] = useState(false);
  const [revoking, setRevoking] = useState(null);
  const [made, setMade] = useState(null);
  const add = async ({ name, scope, partnerId }) => {
    const body = { name: name || null, scope, ...(partnerId ? { partnerId: readPartner(partnerId, "partnerId") } : {}) };
    setMade((await askConfirmed("/clients", {}, { method: "POST", body })).body);
    setAdding(false);
    answer.reload();
  };
  const renew = (row) => run(async () => setMade((await askConfirmed(`/clients/${row.clientId}/secret`, {}, { method: "POST" })).body));
  const revoke = (row) => {
    setRevoking(null);
    run(async () => {
      await askConfirmed(`/clients/${row.clientId}`, {}, { method: "DELETE" });
      answer.reload();
    });
  };
  const columns = [
    { title: words.name, className: "wide", render: (row) => html`${row.name || texts.none}<br /><code class="help">${row.clientId}</code>` },
    { title: words.scope, render: (row) => html`${row.scope}${row.partnerId && html` · <${PartnerName} id=${row.partnerId} />`}` },
    { title: words.state, render: (row) => (row.enabled ? words.active : words.revoked) },
    { title: words.added, className: "time", render: (row) => day(row.createTime, zone.value) },
    { title: html`<span class="hidden">${words.actions}</span>`, render: (row) => row.enabled && html`<div class="row-actions">
      <button type="button" class="small" disabled=${isBusy} onClick=${() => renew(row)}>${words.newSecret}</button>
      <button type="button" class="small" disabled=${isBusy} onClick=${() => setRevoking(row)}>${words.revoke}</button></div>` },
  ];
  return html`<${Settings} actions=${html`<button type="button" class="primary" onClick=${() => setAdding(true)}>${words.addClient}</button>`}>
    <${Box} title=${words.clients} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/clients", query)} label=${texts.copyAsCurl} />`}>
      <p class="help">${words.clientsText}</p><${Wrong} problem=${problem} />
      ${contentOf(answer, { isEmpty: (rows) => !rows.length, empty: words.noClients, fill: curlOf("/clients", {}, { method: "POST", body: { scope: "write" } }),
        render: (rows) => html`<${Table} isCards label=${say(texts.tableOf, { title: words.clients })} columns=${columns} rows=${rows} keyOf=${(row) => row.clientId} isMuted=${(row) => !row.enabled} /><${Pages} next=${answer.next} />` })}<//>
    <${Tokens} />
    ${isAdding && html`<${AddClient} send=${add} onClose=${() => setAdding(false)} />`}
    ${revoking && html`<${Confirm} title=${words.revoke} text=${say(words.revokeText, { name: revoking.name || revoking.clientId })} yes=${words.revoke} onYes=${() => revoke(revoking)} onClose=${() => setRevoking(null)} />`}
    ${made && html`<${Once} title=${words.credentials} text=${words.credentialsText} rows=${{ [words.clientId]: made.clientId, [words.secret]: made.clientSecret }} onClose=${() => setMade(null)} />`}<//>`;
}

function AddClient({ send, onClose }) {
  const [scope, setScope] = useState("write");
  const isOfPartner = ["partner", "postback"].includes(scope);
  return html`<${FormDialog} title=${words.addClient} submit=${words.add} send=${send} onClose=${onClose}>
    <${Field} name="name" label=${words.name} autofocus />
    <${Field} name="scope" label=${words.scope} help=${words.clientScopes[scope]} options=${SCOPES} value=${scope} onChange=${(event) => setScope(event.target.value)} />
    ${isOfPartner && html`<${PartnerField} name="partnerId" required />`}<//>`;
}

function Tokens() {
  const answer = useAnswer("/tokens/revocations");
  const send = async ({ tokenId }, { form }) => {
    await askConfirmed("/tokens/revocations", {}, { method: "POST", body: { tokenId: tokenId.trim() } });
    form.reset();
    answer.reload();
  };
  return html`<${Box} title=${words.tokens} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/tokens/revocations")} label=${texts.copyAsCurl} />`}>
    <div class="stack"><p class="help">${words.tokensText}</p>
    <${Form} send=${send} submit=${words.revokeToken}><${Field} name="tokenId" label=${words.tokenId} required placeholder="00c0ffee00c0ffee" /><//></div>
    ${contentOf(answer, { rows: 2, isEmpty: (rows) => !rows.length, empty: words.noRevoked,
      render: (rows) => html`<ul class="plain">${rows.map((row) => html`<li><code>${row.tokenId}</code></li>`)}</ul>` })}<//>`;
}
