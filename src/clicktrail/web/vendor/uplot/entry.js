// The charts of the dashboard. `make vendor` makes uplot.js of it.
export { default } from "uplot";
