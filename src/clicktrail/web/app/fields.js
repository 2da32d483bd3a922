// The filters of clicks that people may choose, and the operators of each kind.
import { texts } from "./texts.js";

const field = (name, kind = "text", plain = "eq") => ({ name, kind, plain, label: texts.fields[name] });

export const FIELDS = [
  field("partnerId", "id"),
  field("linkId", "id"),
  field("code"),
  field("countryCode"),
  field("countryName", "text", "contains"),
  field("referrerHost"),
  field("referrer", "text", "contains"),
  field("uri", "text", "contains"),
  field("utmSource"),
  field("utmMedium"),
  field("utmCampaign"),
  field("utmContent"),
  field("utmTerm"),
  field("device"),
  field("browser"),
  field("os"),
  field("ip"),
  field("userAgent", "text", "contains"),
  field("registration", "flag"),
  field("isFirst", "flag"),
  field("isBot", "flag"),
  field("botRule"),
  field("isDataCentre", "flag"),
  field("isPrefetch", "flag"),
  field("duplicateOf", "id"),
  field("visitorId"),
  field("profileId", "id"),
  field("bannerId", "id"),
  field("siteId", "id"),
  field("tag"),
  field("uuid"),
  field("clickId", "id"),
  field("profileName", "text", "contains"),
  field("profileContacts", "text", "contains"),
  field("profileCountryName", "text", "contains"),
  field("latitude", "number"),
  field("longitude", "number"),
];
/** Filters that have a separate place, or that only other lists have. */
const OTHERS = [field("clickStartTime", "time", "gte"), field("clickEndTime", "time", "lte"), field("rule")];
const BY_NAME = new Map([...FIELDS, ...OTHERS].map((each) => [each.name, each]));

export const OPERATORS = {
  text: ["eq", "ne", "in", "contains", "starts", "null"],
  id: ["eq", "ne", "in", "null"],
  number: ["eq", "ne", "gte", "lte", "null"],
  flag: ["eq", "ne"],
};

/** Rules of registrations that nothing earned. */
export const UNEARNED = ["none", "outranked"];

export const fieldOf = (name) => BY_NAME.get(name) ?? { name, kind: "text", plain: "eq", label: name };
