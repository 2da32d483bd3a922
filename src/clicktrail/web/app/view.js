// The question that the URL asks: its range, zone, comparison and filters, in the words of the API.
import { computed } from "../vendor/preact/preact.js";
import { hrefOfPage } from "./pages.js";
import { place } from "./router.js";

const shell = document.documentElement.dataset;
const RANGE = ["period", "from", "to", "zone"];
export const DEFAULT_PERIOD = "30d";

export const zone = computed(() => place.value.query.get("zone") ?? shell.zone);

/** The address of a tracking link. */
export const linkUrl = (code) => shell.links + encodeURIComponent(code);

/** The address of a tracking link for a banner, which names the banner in the click. */
export const bannerUrl = (bannerId, code) => `${shell.banners}${bannerId}/${encodeURIComponent(code)}`;

const FILTER = /^filter\[([^\]]+)\](?:\[([^\]]+)\])?$/;

/** The filters of the URL: `{name, operator, value, key}`; the operator is empty where none was given. */
export function readFilters(query = place.value.query) {
  return [...query].flatMap(([key, value]) => {
    const match = FILTER.exec(key);
    return match ? [{ name: match[1], operator: match[2] ?? "", value, key }] : [];
  });
}

const pairs = (names) => [...place.value.query].filter(([name]) => names.includes(name));

/** The range alone: what links to other pages keep. */
export const rangeQuery = () => new URLSearchParams(pairs(RANGE));

/** The parameters of a report on this view. `compare` is the default comparison; `more` are its own parameters. */
export function reportQuery(more = {}, { compare = "previous" } = {}) {
  const query = rangeQuery();
  if (!query.has("period") && !query.has("from")) query.set("period", DEFAULT_PERIOD);
  for (const { key, value } of readFilters()) query.append(key, value);
  const chosen = place.value.query.get("compare") ?? compare;
  const isPossible = query.get("period") !== "all" || chosen === "year";
  if (chosen && chosen !== "none" && isPossible) query.set("compare", chosen);
  for (const [name, value] of Object.entries(more)) for (const each of [value].flat()) query.append(name, each);
  return query;
}

/** The parameters of a report that is a list of rows. A list compares nothing: its request is smaller. */
export function listQuery(more) {
  const query = reportQuery(more);
  query.delete("compare");
  return query;
}

/** The clicks behind a number: the clicks in the range of a report that pass its filters and some more. */
export function clicksHref(meta, more = {}, keepsFilters = true) {
  const query = new URLSearchParams({ from: meta.from, to: meta.to });
  if (place.value.query.has("zone")) query.set("zone", zone.value);
  for (const { key, value } of keepsFilters ? readFilters() : []) query.append(key, value);
  for (const [name, value] of Object.entries(more)) if (!query.getAll(name).includes(value)) query.append(name, value);
  return hrefOfPage("/clicks", query);
}

/** The filter that finds the clicks of one metric. Metrics without one are not of single clicks. */
export const METRIC_FILTERS = {
  clicks: { "filter[isBot][ne]": "1" },
  uniqueClicks: { "filter[isFirst]": "1" },
  bots: { "filter[isBot]": "1" },
  duplicates: { "filter[duplicateOf][null]": "0", "filter[isBot][ne]": "1" },
  dataCentreClicks: { "filter[isDataCentre]": "1" },
  registrations: { "filter[registration]": "1" },
  conversionRate: { "filter[registration]": "1" },
  allClicks: {},
  botRate: { "filter[isBot]": "1" },
  duplicateRate: { "filter[duplicateOf][null]": "0", "filter[isBot][ne]": "1" },
  dataCentreRate: { "filter[isDataCentre]": "1" },
};

/** Metrics of which fewer is better. */
export const BAD = new Set(["bots", "duplicates", "dataCentreClicks", "botRate", "duplicateRate", "dataCentreRate"]);

/** Whether a metric is a text such as "2.57", which is percent. */
export const isRate = (metric) => metric.endsWith("Rate");

/** The filter that finds the clicks of one row of a dimension. */
export function rowFilter(name, value) {
  return value === null ? { [`filter[${name}][null]`]: "1" } : { [`filter[${name}][eq]`]: String(value) };
}
