// What the dashboard uses of Preact, its signals and htm. `make vendor` makes preact.js of it.
import htm from "htm";
import { h } from "preact";

export { Fragment, createContext, render } from "preact";
export { useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, useComputed, useSignal } from "@preact/signals";
export const html = htm.bind(h);
