// What a click is besides a click: a robot's, a repeat, from a data centre, fetched ahead.
import { html } from "../../vendor/preact/preact.js";
import { say } from "../format.js";
import { texts } from "../texts.js";

const words = texts.marks;
const SAYING = /^(says|gives|is|adds) /;

/** The rule that recognised a robot, in words. */
export function ruleInWords(rule) {
  return SAYING.test(rule) ? say(words.saysRule, { rule }) : say(words.listRule, { rule: rule.replace(/\\(.)/g, "$1") });
}

/** Whether a click counts less than others: lists show it greyed. */
export const isLess = ({ visitor }) => Boolean(visitor && (visitor.isBot || visitor.duplicateOf));

export function Marks({ visitor }) {
  if (!visitor) return null;
  const { isBot, botRule, duplicateOf, isDataCentre, isPrefetch } = visitor;
  return html`${isBot && html`<span class="mark warn">${words.robot}</span> <span class="rule">${botRule && ruleInWords(botRule)}</span>`}
    ${duplicateOf && html`<span class="mark warn">${words.repeat}</span>`}
    ${isDataCentre && html`<span class="mark" title=${words.dataCentreHelp}>${words.dataCentre}</span>`}
    ${isPrefetch && html`<span class="mark" title=${words.prefetchHelp}>${words.prefetch}</span>`}`;
}
