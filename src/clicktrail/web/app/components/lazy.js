// What is loaded when it comes into view: the first view stays small.
import { html, useEffect, useRef, useState } from "../../vendor/preact/preact.js";

/** A component whose file `load` imports. Until then a box of `height` pixels keeps its place. */
export function Lazy({ load, height, ...rest }) {
  const place = useRef(null);
  const [component, setComponent] = useState(null);
  useEffect(() => {
    const watch = new IntersectionObserver((seen) => {
      if (!seen.some((each) => each.isIntersecting)) return;
      watch.disconnect();
      load().then((module) => setComponent(() => module.default));
    }, { rootMargin: "200px" });
    watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  const Component = component;
  return html`<div ref=${place} style=${{ minHeight: `${height}px` }}>${Component && html`<${Component} ...${rest} />`}</div>`;
}
