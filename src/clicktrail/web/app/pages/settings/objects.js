// Lists of objects that people add, change and delete in a dialog: sites and banners.
import { html, useState } from "../../../vendor/preact/preact.js";
import { ask, curlOf } from "../../api.js";
import { useAnswer } from "../../answers.js";
import { Confirm } from "../../components/dialog.js";
import { FormDialog, Wrong, changesOf, useAction } from "../../components/form.js";
import { Box, contentOf } from "../../components/panel.js";
import { Settings } from "../../components/settings.js";
import { CopyButton } from "../../components/states.js";
import { Pages, Table } from "../../components/table.js";
import { say } from "../../format.js";
import { place } from "../../router.js";
import { texts } from "../../texts.js";

const words = texts.settings;

/** `path` of the list, `idKey`, `nameOf(row)`, `columns`, `fields(row)` are the inputs, `read(values)` makes the body,
 *  `example` is a body. */
export function Objects({ path, own, idKey, nameOf, columns, fields, read, example }) {
  const cursor = place.value.query.get("cursor");
  const query = { limit: "50", ...(cursor ? { cursor } : {}) };
  const answer = useAnswer(path, query);
  const { problem, isBusy, run } = useAction();
  const [edited, setEdited] = useState(null);
  const [deleted, setDeleted] = useState(null);
  const save = async (values, { before }) => {
    const id = edited[idKey];
    await (id ? ask(`${path}/${id}`, {}, { method: "PATCH", body: changesOf(read, values, before) }) : ask(path, {}, { method: "POST", body: read(values) }));
    setEdited(null);
    answer.reload();
  };
  const remove = (row) => {
    setDeleted(null);
    run(async () => {
      await ask(`${path}/${row[idKey]}`, {}, { method: "DELETE" });
      answer.reload();
    });
  };
  const acts = { title: html`<span class="hidden">${words.actions}</span>`, render: (row) => html`<div class="row-actions">
    <button type="button" class="small" onClick=${() => setEdited(row)}>${words.edit}</button>
    <button type="button" class="small" disabled=${isBusy} onClick=${() => setDeleted(row)}>${words.delete}</button></div>` };
  return html`<${Settings} actions=${html`<button type="button" class="primary" onClick=${() => setEdited({})}>${own.add}</button>`}>
    <${Box} title=${own.title} isBusy=${answer.isLoading} actions=${html`<${CopyButton} quiet text=${curlOf(path, query)} label=${texts.copyAsCurl} />`}>
      <p class="help">${own.text}</p><${Wrong} problem=${problem} />
      ${contentOf(answer, { isEmpty: (rows) => !rows.length, empty: own.empty, fill: curlOf(path, {}, { method: "POST", body: example }),
        render: (rows) => html`<${Table} isCards label=${say(texts.tableOf, { title: own.title })} columns=${[...columns, acts]} rows=${rows} keyOf=${(row) => row[idKey]} isMuted=${(row) => row.enabled === false} /><${Pages} next=${answer.next} />` })}<//>
    ${edited && html`<${FormDialog} title=${edited[idKey] ? nameOf(edited) : own.add} submit=${texts.save} send=${save} onClose=${() => setEdited(null)}>${fields(edited)}<//>`}
    ${deleted && html`<${Confirm} title=${words.delete} text=${say(own.deleteText, { name: nameOf(deleted) })} yes=${words.delete} onYes=${() => remove(deleted)} onClose=${() => setDeleted(null)} />`}<//>`;
}
