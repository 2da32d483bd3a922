// The URL is the only state of a view: its path and its query. Links are plain `<a href>`; clicks on them load no page.
import { signal } from "../vendor/preact/preact.js";

export const base = new URL(import.meta.url).pathname.split("/assets/")[0];
const ROOT = `${base}/dashboard`;

export const place = signal(readPlace());

function readPlace() {
  const path = location.pathname;
  const isPage = path === ROOT || path.startsWith(`${ROOT}/`);
  return {
    path: isPage ? path.slice(ROOT.length).replace(/\/$/, "") || "/" : path.slice(base.length),
    query: new URLSearchParams(location.search),
  };
}

/** A query string that people can read: brackets, commas and colons stay as they are. */
export function renderQuery(query) {
  const text = [...new URLSearchParams(query)]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
  return text.replace(/%5B/g, "[").replace(/%5D/g, "]").replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%2F/g, "/");
}

/** The address of a page of the dashboard. */
export function hrefOf(path, query = "") {
  const text = renderQuery(query);
  return ROOT + (path === "/" ? "" : path) + (text ? `?${text}` : "");
}

export function go(href, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", href);
  place.value = readPlace();
  if (!replace) scrollTo(0, 0);
}

/** The current query with changes: a value, a list of values, or null to leave the parameter out. */
export function changed(changes, query = place.value.query) {
  const next = new URLSearchParams(query);
  if (!("cursor" in changes)) next.delete("cursor"); // another question begins with its first page
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const each of value === null ? [] : [value].flat()) next.append(name, each);
  }
  return next;
}

/** Changes the query of this page. */
export function change(changes, options) {
  const { path } = place.value;
  const next = hrefOf(path, changed(changes));
  if (next !== location.pathname + location.search) go(next, options);
}

addEventListener("popstate", () => (place.value = readPlace()));

addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.pathname !== ROOT && !link.pathname.startsWith(`${ROOT}/`)) return;
  event.preventDefault();
  go(link.pathname + link.search);
});

/** On a narrow screen the current one of a row of links may stand outside of it. */
export function intoView(link) {
  link?.scrollIntoView({ block: "nearest", inline: "center" });
}
