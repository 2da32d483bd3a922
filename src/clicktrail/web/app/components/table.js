import { html } from "../../vendor/preact/preact.js";
import { change, changed, hrefOf, place } from "../router.js";
import { texts } from "../texts.js";

/** `columns`: `{key, title, help, render(row), isNumber, sort}`; `sort` is the API's sort key. On a phone each row is a card:
 *  with `isCards` a line for each value, with `isTiles` the values side by side. */
export function Table({ columns, rows, label, sort, isDescending, keyOf, isMuted, isCards, isTiles }) {
  return html`<div class="scroll ${isCards ? "cards" : isTiles ? "tiles" : ""}" role="region" aria-label=${label} tabindex="0"><table>
    <thead><tr>${columns.map((column) => html`<${Head} column=${column} sort=${sort} isDescending=${isDescending} />`)}</tr></thead>
    <tbody>${rows.map(
      (row) => html`<tr key=${keyOf(row)} class=${isMuted?.(row) ? "muted" : ""}>
        ${columns.map((column) => html`<${Cell} column=${column} content=${column.render(row)} />`)}
      </tr>`,
    )}</tbody>
  </table></div>`;
}

function Cell({ column, content }) {
  const kind = column.isNumber ? "number" : (column.className ?? "");
  return html`<td data-label=${column.title?.type ? undefined : column.title} class=${content === texts.none ? `${kind} none` : kind}>${content}</td>`;
}

function Head({ column, sort, isDescending }) {
  const kind = column.isNumber ? "number" : "";
  if (!column.sort) return html`<th scope="col" class=${kind} title=${column.help}>${column.title}</th>`;
  const isSorted = sort === column.sort;
  const order = isSorted ? (isDescending ? "descending" : "ascending") : "none";
  const turn = () => change({ sort_by: column.sort, sort_order: isSorted && isDescending ? "asc" : "desc" }, { replace: true });
  return html`<th scope="col" class=${kind} aria-sort=${order} title=${column.help}>
    <button type="button" class="sort" onClick=${turn}>${column.title}<span aria-hidden="true">${isSorted ? (isDescending ? " ↓" : " ↑") : ""}</span></button>
  </th>`;
}

/** Cursor of a page -> cursor of the page before it, for the pages that were seen: the API's cursors lead forward alone. */
const before = new Map();

/** The order in the URL, if this list has it; otherwise the first of `allowed`, falling. */
export function orderOf(allowed) {
  const { query } = place.value;
  const isGiven = allowed.includes(query.get("sort_by"));
  return { sort: isGiven ? query.get("sort_by") : allowed[0], order: (isGiven && query.get("sort_order")) || "desc" };
}

/** The page in the URL, as a parameter of the API. */
export const cursorOf = () => (place.value.query.has("cursor") ? { cursor: place.value.query.get("cursor") } : {});

/** The first page and the next one: the API's cursors lead forward. The browser's Back leads back. */
export function Pages({ next, total }) {
  const { path, query } = place.value;
  const cursor = query.get("cursor");
  const isFirst = cursor === null;
  if (next) before.set(next, cursor);
  if (isFirst && !next && total === undefined) return null;
  return html`<nav class="pages" aria-label=${texts.pages.label}>
    <span>${total}</span>
    ${!isFirst && html`<a class="button" href=${hrefOf(path, changed({ cursor: null }))}>${texts.pages.first}</a>`}
    ${before.get(cursor) && html`<a class="button" rel="prev" href=${hrefOf(path, changed({ cursor: before.get(cursor) }))}>${texts.pages.previous}</a>`}
    ${next && html`<a class="button" rel="next" href=${hrefOf(path, changed({ cursor: next }))}>${texts.pages.next}</a>`}
  </nav>`;
}
