// Starts the viewers of a page, each when it is about to be seen, and again where the page was renewed.

import { bindControls } from "./controls.js";
import { Viewer } from "./viewer.js";

const AHEAD = "400px";

const states = new Map();
const watching = new IntersectionObserver(begin, { rootMargin: AHEAD });

function begin(entries) {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    watching.unobserve(target);
    const viewer = new Viewer(target, states.get(target.dataset.viewer) ?? null);
    states.set(target.dataset.viewer, viewer.state);
    bindControls(viewer);
    viewer.load();
  }
}

function watch() {
  for (const root of document.querySelectorAll("[data-viewer]:not([data-step])")) {
    root.dataset.step = "waiting";
    watching.observe(root);
  }
}

document.addEventListener("renewed", watch);
watch();
