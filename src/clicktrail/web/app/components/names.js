// Names of objects that lead to their pages.
import { html } from "../../vendor/preact/preact.js";
import { useName } from "../answers.js";
import { hrefOfPage } from "../pages.js";
import { may } from "../session.js";
import { texts } from "../texts.js";
import { rangeQuery } from "../view.js";

const lead = (path, text) => {
  const href = hrefOfPage(path, rangeQuery());
  return href ? html`<a href=${href}>${text}</a>` : text;
};

/** The end of an id: it differs most there. */
export const shortId = (id) => `…${id.slice(-8)}`;

export const ClickLink = ({ id, text }) => lead(`/clicks/${id}`, text ?? shortId(id));

/** `link` is the link where the answer has it; null for a link that the viewer may not see. */
export function LinkName({ id, link }) {
  const name = useName(id && link === undefined ? `/links/${id}` : null, nameOfLink);
  if (!id) return texts.none;
  return lead(`/links/${id}`, (link ? nameOfLink(link) : name) ?? shortId(id));
}
const nameOfLink = (link) => link.name || link.code;

export function PartnerName({ id }) {
  const name = useName(id ? `/profiles/${id}` : null, nameOfProfile);
  return id ? lead(`/partners/${id}`, name ?? shortId(id)) : html`<span class="unknown">${texts.none}</span>`;
}
const nameOfProfile = (profile) => profile.name || shortId(profile.profileId);

/** `profile` is the client where the answer has it; null for one that is not there, as after an erasure. A partner sees only the clients of own clicks. */
export function ClientName({ id, profile }) {
  const isHidden = profile === null || (!profile && !may.seePartners());
  const name = useName(id && !profile && !isHidden ? `/profiles/${id}` : null, nameOfProfile);
  if (isHidden && id) return shortId(id);
  return id ? lead(`/clients/${id}`, (profile ? nameOfProfile(profile) : name) ?? shortId(id)) : texts.none;
}
