// The range of the URL as two moments, for lists: they know no periods. The server reads the calendar, so that a list has
// exactly the clicks that a report has counted.
import { useAnswer } from "./answers.js";
import { DEFAULT_PERIOD, rangeQuery, readFilters } from "./view.js";

/** `{from, to, isReady, isLoading, problem, reload}`: two moments, of which the second is not included; null for no limit.
 *  Until the range of the URL is known, it is not ready: no list is shown or exported with the range before. */
export function useRange() {
  const query = rangeQuery();
  if (!query.has("period") && !query.has("from")) query.set("period", DEFAULT_PERIOD);
  const isAll = query.get("period") === "all";
  const isExact = ["from", "to"].every((name) => query.get(name)?.includes("T"));
  query.set("metrics", "allClicks");
  const answer = useAnswer(isAll || isExact ? null : "/reports", query);
  if (isAll) return { from: null, to: null, isReady: true };
  if (isExact) return { from: query.get("from"), to: query.get("to"), isReady: true };
  const { from = null, to = null } = answer.data?.meta ?? {};
  return { from, to, isReady: from !== null && !answer.isOld, isLoading: answer.isLoading, problem: answer.problem, reload: answer.reload };
}

/** The parameters of a list with the range and the filters of the URL. `least` and `most` name the filters of its time. */
export function listQuery({ from, to }, [least, most], more = {}) {
  const query = new URLSearchParams();
  for (const { key, value } of readFilters()) query.append(key, value);
  if (from) query.append(`filter[${least}][gte]`, from);
  if (to) query.append(`filter[${most}][lt]`, to);
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  return query;
}

export const CLICK_TIMES = ["clickStartTime", "clickEndTime"];
