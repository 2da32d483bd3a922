// One person: a file of all that is held, and the erasure with its receipt.
import { html, useState } from "../../vendor/preact/preact.js";
import { forgetName } from "../answers.js";
import { curlOf } from "../api.js";
import { texts } from "../texts.js";
import { PasswordDialog, askConfirmed } from "./confirmed.js";
import { Dialog } from "./dialog.js";
import { saveFile } from "./files.js";
import { FormDialog, Wrong, useAction } from "./form.js";
import { Box } from "./panel.js";
import { CopyButton } from "./states.js";

const words = texts.person;

/** For admins. `onErased` is called when the receipt is closed. */
export function Person({ profileId, onErased }) {
  const [isAsked, setAsked] = useState(false);
  const [receipt, setReceipt] = useState(null);
  const { problem, isBusy, run } = useAction();
  const query = { profileId };
  const save = (format) => run(async () => {
    await askConfirmed("/persons", query); // asks for the password where it is needed
    await saveFile("/persons", { ...query, format }, `person.${format}`);
  });
  const erase = async ({ clicks }) => {
    const { body } = await askConfirmed("/persons/erasures", {}, { method: "POST", body: { profileId, clicks: clicks ? "delete" : "strip" } });
    forgetName(`/profiles/${profileId}`);
    setAsked(false);
    setReceipt(body);
  };
  return html`<${Box} title=${words.title} actions=${html`<${CopyButton} quiet text=${curlOf("/persons", query)} label=${texts.copyAsCurl} />`}>
      <p>${words.text}</p>
      <${Wrong} problem=${problem} />
      <div class="buttons">${["json", "csv"].map((format) => html`<button type="button" disabled=${isBusy} onClick=${() => save(format)}>${words.save[format]}</button>`)}
        <button type="button" class="danger" onClick=${() => setAsked(true)}>${words.erase}</button></div><//>
    ${isAsked && html`<${FormDialog} title=${words.erase} submit=${words.eraseSubmit} send=${erase} onClose=${() => setAsked(false)} isDanger>
      <p>${words.eraseText}</p>
      <label class="check"><input type="checkbox" name="clicks" />${words.deleteClicks}</label><//>`}
    ${receipt && html`<${Receipt} receipt=${receipt} onClose=${onErased} />`}
    <${PasswordDialog} />`;
}

function Receipt({ receipt, onClose }) {
  const kinds = ["profiles", "contacts", "identities", "clicks", "registrations", "deliveries"];
  return html`<${Dialog} title=${words.receipt} onClose=${onClose}>
    <p>${words.receiptText}</p>
    <dl class="pairs"><dt>${words.erasureId}</dt><dd><code>${receipt.erasureId}</code></dd>
      ${kinds.map((kind) => html`<dt>${words.kinds[kind]}</dt><dd>${receipt[kind]}</dd>`)}</dl>
    <footer class="buttons"><button class="primary" type="button" onClick=${onClose}>${texts.close}</button></footer><//>`;
}
