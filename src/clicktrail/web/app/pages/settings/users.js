// Who may sign in?
import { html, useState } from "../../../vendor/preact/preact.js";
import { useAnswer } from "../../answers.js";
import { askConfirmed } from "../../components/confirmed.js";
import { Confirm } from "../../components/dialog.js";
import { Field, FormDialog, Wrong, useAction } from "../../components/form.js";
import { PartnerName } from "../../components/names.js";
import { Box, contentOf } from "../../components/panel.js";
import { PartnerField, readPartner } from "../../components/partner-field.js";
import { Once, Settings } from "../../components/settings.js";
import { CopyButton } from "../../components/states.js";
import { Pages, Table } from "../../components/table.js";
import { curlOf } from "../../api.js";
import { day, say } from "../../format.js";
import { place } from "../../router.js";
import { viewer } from "../../session.js";
import { texts } from "../../texts.js";
import { zone } from "../../view.js";

const words = texts.settings;
const SCOPES = ["admin", "read", "partner"].map((name) => [name, words.scopes[name]]);

export default function Users() {
  const cursor = place.value.query.get("cursor");
  const query = { limit: "50", ...(cursor ? { cursor } : {}) };
  const answer = useAnswer("/users", query);
  const { problem, isBusy, run } = useAction();
  const [isAdding, setAdding] = useState(false);
  const [asked, setAsked] = useState(null);
  const [link, setLink] = useState(null);
  const post = async (user, what) => setLink({ name: user.name, ...(await askConfirmed(`/users/${user.userId}/${what}`, {}, { method: "POST" })).body });
  const acts = {
    invite: (user) => post(user, "invitation"),
    reset: (user) => post(user, "reset"),
    disable: (user) => askConfirmed(`/users/${user.userId}`, {}, { method: "PATCH", body: { enabled: false } }),
    enable: (user) => askConfirmed(`/users/${user.userId}`, {}, { method: "PATCH", body: { enabled: true } }),
    delete: (user) => askConfirmed(`/users/${user.userId}`, {}, { method: "DELETE" }),
  };
  const act = (name, user) => {
    setAsked(null);
    return run(async () => {
      await acts[name](user);
      answer.reload();
    });
  };
  const choose = (name, user) => (name in words.userAsks ? setAsked({ name, user }) : act(name, user));
  const add = async ({ name, scope, partnerId }) => {
    const body = { name, scope, ...(scope === "partner" ? { partnerId: readPartner(partnerId, "partnerId") } : {}) };
    const user = (await askConfirmed("/users", {}, { method: "POST", body })).body;
    setAdding(false);
    answer.reload(); // the user is there, also if no link can be made now
    await act("invite", user);
  };
  const columns = [
    { title: words.name, className: "wide", render: (row) => html`${row.name} ${row.userId === viewer.value.userId && html`<span class="mark good">${words.youMark}</span>`}` },
    { title: words.scope, render: (row) => html`${words.scopes[row.scope]}${row.partnerId && html` · <${PartnerName} id=${row.partnerId} />`}` },
    { title: words.state, render: (row) => html`${stateOf(row)}${row.hasSecondFactor && html` <span class="mark">${words.withFactor}</span>`}` },
    { title: words.added, className: "time", render: (row) => day(row.createTime, zone.value) },
    { title: html`<span class="hidden">${words.actions}</span>`, render: (row) => html`<${Actions} user=${row} isBusy=${isBusy} onChoose=${choose} />` },
  ];
  return html`<${Settings} actions=${html`<button type="button" class="primary" onClick=${() => setAdding(true)}>${words.invite}</button>`}>
    <${Box} title=${words.names.users} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf("/users", query)} label=${texts.copyAsCurl} />`}>
      <${Wrong} problem=${problem} />
      ${contentOf(answer, { isEmpty: (rows) => !rows.length, empty: words.noUsers, fill: curlOf("/users", {}, { method: "POST", body: { name: "mary", scope: "read" } }),
        render: (rows) => html`<${Table} isCards label=${say(texts.tableOf, { title: words.names.users })} columns=${columns} rows=${rows} keyOf=${(row) => row.userId} isMuted=${(row) => !row.enabled} /><${Pages} next=${answer.next} />` })}<//>
    ${isAdding && html`<${Invite} send=${add} onClose=${() => setAdding(false)} />`}
    ${asked && html`<${Confirm} title=${words.userActs[asked.name]} text=${say(words.userAsks[asked.name], { name: asked.user.name })} yes=${words.userActs[asked.name]}
      onYes=${() => act(asked.name, asked.user)} onClose=${() => setAsked(null)} />`}
    ${link && html`<${Once} title=${say(words.linkOf, { name: link.name })} text=${words.linkText} rows=${{ [words.link]: link.url }} until=${link.endTime} onClose=${() => setLink(null)} />`}<//>`;
}

function stateOf(user) {
  if (!user.enabled) return words.disabled;
  return user.hasPassword ? words.active : words.invited;
}

function Actions({ user, isBusy, onChoose }) {
  const isOwn = user.userId === viewer.value.userId;
  const possible = [
    [user.enabled && !user.hasPassword, "invite"],
    [user.hasPassword && !isOwn, "reset"],
    [user.enabled && !isOwn, "disable"],
    [!user.enabled, "enable"],
    [!isOwn, "delete"],
  ];
  return html`<div class="row-actions">${possible.filter(([is]) => is).map(([, name]) => html`<button type="button" class="small" disabled=${isBusy}
    aria-label=${`${words.userActs[name]}: ${user.name}`} onClick=${() => onChoose(name, user)}>${words.userActs[name]}</button>`)}</div>`;
}

function Invite({ send, onClose }) {
  const [scope, setScope] = useState("read");
  return html`<${FormDialog} title=${words.invite} submit=${words.makeLink} send=${send} onClose=${onClose}>
    <${Field} name="name" label=${words.name} required autofocus />
    <${Field} name="scope" label=${words.scope} help=${words.scopeHelp[scope]} options=${SCOPES} value=${scope} onChange=${(event) => setScope(event.target.value)} />
    ${scope === "partner" && html`<${PartnerField} name="partnerId" required />`}<//>`;
}
