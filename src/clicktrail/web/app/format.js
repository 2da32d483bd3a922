// Numbers and times in the language of the browser.
import { texts } from "./texts.js";

const language = navigator.language;
const whole = new Intl.NumberFormat(language);
const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const rate = new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 2, maximumFractionDigits: 2 });
const tenth = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const signed = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" });
const points = new Intl.NumberFormat(language, { maximumFractionDigits: 2, signDisplay: "exceptZero" });

export const isMissing = (value) => value === null || value === undefined;
export const number = (value) => (isMissing(value) ? texts.none : whole.format(value));
export const compact = (value) => short.format(value);
/** Of a text such as "2.57", which is percent. */
export const percent = (value) => (isMissing(value) ? texts.none : rate.format(Number(value) / 100));
export const part = (value, all) => (all ? tenth.format(value / all) : texts.none);
export const percentChange = (value) => signed.format(Number(value) / 100);
export const pointChange = (value) => `${points.format(Number(value))} ${texts.points}`;

/** Fills `{name}` in a text. */
export const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const formats = new Map();
function formatOf(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(language, { timeZone: zone, ...options }));
  return formats.get(key);
}

const MOMENT = { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" };
export const moment = (text, zone) => (text ? formatOf(zone, MOMENT).format(new Date(text)) : texts.none);
export const clock = (text, zone) => formatOf(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(text));
export const day = (text, zone) =>
  text ? formatOf(zone, { year: "numeric", month: "short", day: "numeric" }).format(new Date(text)) : texts.none;

/** The range of a report. Its end is not included, so a range of whole days ends with the day before. */
export function range(from, to, zone) {
  const format = formatOf(zone, { year: "numeric", month: "short", day: "numeric" });
  return format.formatRange(new Date(from), new Date(new Date(to) - 1));
}

/** A range to the minute: whole days as days. */
export function span(from, to, zone) {
  const isWhole = [from, to].every((each) => each && formatOf(zone, { timeStyle: "medium", hourCycle: "h23" }).format(new Date(each)) === "00:00:00");
  if (isWhole) return range(from, to, zone);
  const format = formatOf(zone, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  return to ? format.formatRange(new Date(from), new Date(to)) : format.format(new Date(from));
}

const BUCKETS = {
  minute: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  hour: { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  day: { weekday: "short", day: "numeric", month: "short", year: "numeric" },
  week: { day: "numeric", month: "short", year: "numeric" },
  month: { month: "long", year: "numeric" },
  quarter: { month: "short", year: "numeric" },
  year: { year: "numeric" },
};
const TICKS = {
  minute: { hour: "2-digit", minute: "2-digit" },
  hour: { hour: "2-digit", minute: "2-digit" },
  day: { day: "numeric", month: "short" },
  week: { day: "numeric", month: "short" },
  month: { month: "short", year: "2-digit" },
  quarter: { month: "short", year: "2-digit" },
  year: { year: "numeric" },
};
export const bucket = (text, grain, zone) => formatOf(zone, BUCKETS[grain]).format(new Date(text));
export const tick = (text, grain, zone) => formatOf(zone, TICKS[grain]).format(new Date(text));

const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** A duration in its largest unit with one decimal: `1.5 hours`. */
export function duration(seconds) {
  if (isMissing(seconds)) return texts.none;
  const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? UNITS[3];
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(language, options).format(seconds / size);
}

/** A web address as people write it. */
export const withoutScheme = (uri) => uri.replace(/^https?:\/\//, "");
