// What lists of registrations share: the clicks and clients behind them, and the newest ones as a panel.
import { html } from "../../vendor/preact/preact.js";
import { curlOf } from "../api.js";
import { useAnswer } from "../answers.js";
import { UNEARNED } from "../fields.js";
import { moment, say } from "../format.js";
import { hrefOfPage } from "../pages.js";
import { texts } from "../texts.js";
import { rangeQuery, zone } from "../view.js";
import { ClientName, LinkName } from "./names.js";
import { Box, contentOf } from "./panel.js";
import { CopyButton } from "./states.js";
import { Table } from "./table.js";

/** The clicks of registrations by id: one request gives their times and links. */
export function useClicks(found) {
  const ids = found.map(({ clickId }) => clickId).filter(Boolean);
  const query = { "filter[clickId][in]": ids.join(","), "query[link]": "1", limit: ids.length };
  const { data } = useAnswer(ids.length ? "/clicks" : null, query);
  return new Map((ids.length ? (data ?? []) : []).map((click) => [click.clickId, click]));
}

/** Finds the client of a registration in one answer; null for one that is not there. */
export function useClients(found) {
  const ids = [...new Set(found.map(({ profileId }) => profileId).filter(Boolean))];
  const { data } = useAnswer(ids.length ? "/profiles" : null, { "filter[profileId][in]": ids.join(","), limit: ids.length });
  const known = new Map((ids.length ? (data ?? []) : []).map((profile) => [profile.profileId, profile]));
  return ({ profileId }) => known.get(profileId) ?? null;
}

/** The link of a registration: its click has it, where there is one. */
export const linkOf = ({ clickId, linkId }, clicks) => (linkId ? html`<${LinkName} id=${linkId} link=${clickId ? (clicks.get(clickId)?.link ?? null) : undefined} />` : texts.none);

/** The newest registrations that something earned. `filters` are pairs of the API. */
export function Latest({ title, empty, filters = [], className }) {
  const query = new URLSearchParams([...filters, ...UNEARNED.map((rule) => ["filter[rule][ne]", rule])]);
  const all = hrefOfPage("/registrations", new URLSearchParams([...rangeQuery(), ...query]));
  for (const [name, value] of [["sort_by", "time"], ["sort_order", "desc"], ["limit", "8"]]) query.set(name, value);
  const answer = useAnswer("/registrations", query);
  const clicks = useClicks(answer.data ?? []);
  const clientOf = useClients(answer.data ?? []);
  const columns = [
    { title: texts.fields.client, className: "wide", render: (each) => html`<${ClientName} id=${each.profileId} profile=${clientOf(each)} />` },
    { title: texts.fields.link, render: (each) => linkOf(each, clicks) },
    { title: texts.registrations.time, className: "time", render: ({ time }) => moment(time, zone.value) },
  ];
  return html`<${Box} title=${title} className=${className} isBusy=${answer.isLoading}
    actions=${html`<a class="small" href=${all}>${texts.all}</a><${CopyButton} quiet text=${curlOf("/registrations", query)} label=${texts.copyAsCurl} />`}>
    ${contentOf(answer, { isEmpty: (rows) => !rows.length, empty, render: (rows) => html`<${Table} isCards label=${say(texts.tableOf, { title })} columns=${columns} rows=${rows} keyOf=${(each) => each.attributionId} />` })}<//>`;
}
