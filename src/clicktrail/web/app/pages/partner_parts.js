// What the list of partners and the page of one partner share: the form, and the invitation.
import { html, useRef, useState } from "../../vendor/preact/preact.js";
import { ask } from "../api.js";
import { forgetName } from "../answers.js";
import { PasswordDialog, askConfirmed } from "../components/confirmed.js";
import { Dialog } from "../components/dialog.js";
import { Field, Form, FormDialog, changesOf } from "../components/form.js";
import { Copyable } from "../components/states.js";
import { moment, say } from "../format.js";
import { texts } from "../texts.js";
import { zone } from "../view.js";

const words = texts.partners;

/** Creates a partner, or changes the given profile. `onSaved` gets the answer of the API. */
export function PartnerForm({ profile, onClose, onSaved }) {
  const send = async (values, { before }) => {
    const body = profile ? changesOf((each) => bodyOf({ email: "", ...each }), values, before) : bodyOf(values);
    const { body: saved } = profile ? await ask(`/profiles/${profile.profileId}`, {}, { method: "PATCH", body }) : await ask("/profiles", {}, { method: "POST", body });
    forgetName(`/profiles/${saved.profileId}`);
    onClose();
    onSaved(saved);
  };
  const field = (name, more) => html`<${Field} name=${name} label=${words[name]} value=${profile?.[name]} ...${more} />`;
  return html`<${FormDialog} title=${profile ? words.edit : words.create} submit=${texts.save} send=${send} onClose=${onClose}>
    ${field("firstName", { autofocus: true })}${field("lastName")}
    ${!profile && html`<${Field} name="email" shows="contacts" type="email" label=${words.email} />`}
    ${field("tags", { help: words.tagsHelp, value: profile?.tags.join(", ") })}${field("uuid")}<//>`;
}

function bodyOf({ firstName, lastName, email, tags, uuid }) {
  const body = { firstName: firstName.trim(), lastName: lastName.trim(), uuid: uuid.trim() || null };
  body.tags = tags.split(",").map((each) => each.trim()).filter(Boolean);
  if (email.trim()) body.contacts = [{ key: "email", value: email.trim() }];
  return body;
}

/** Makes a user for a partner and shows the link with which the user sets a password. `user` was invited before. */
export function Invite({ profile, user, onClose, onDone }) {
  const [made, setMade] = useState(null);
  const invited = useRef(user); // a user who was made is not made again if the invitation fails
  const send = async ({ name }) => {
    const body = { name: name.trim(), scope: "partner", partnerId: profile.profileId };
    invited.current ??= (await askConfirmed("/users", {}, { method: "POST", body })).body;
    onDone();
    setMade((await askConfirmed(`/users/${invited.current.userId}/invitation`, {}, { method: "POST" })).body);
  };
  const form = html`<${Form} send=${send} submit=${words.inviteSubmit} onCancel=${onClose}><p>${words.inviteText}</p>
    <${Field} name="name" label=${words.inviteName} value=${user?.name} readOnly=${Boolean(invited.current)} required autofocus /><//>`;
  const link = made && html`<p>${say(words.inviteLink, { when: moment(made.endTime, zone.value) })}</p><${Copyable} text=${made.url} />
    <footer class="buttons"><button type="button" onClick=${onClose}>${words.done}</button></footer>`;
  return html`<${Dialog} title=${words.invite} onClose=${onClose}>${link ?? form}<//><${PasswordDialog} />`;
}
