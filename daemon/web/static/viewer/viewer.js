// The viewer of one view: what was loaded, how the reader looks at it, and panels that all show the same.

import { Refused, answer } from "./answers.js";
import { Overlay } from "./overlay.js";
import { Panel } from "./panel.js";
import { Picture } from "./picture.js";
import { WHOLE, moved, squareShape, zoomed } from "./place.js";
import { grayTable, movedWindow, rangeOf } from "./window.js";
import { imageOf } from "./wire.js";

const NO_MAPS = { panels: [], places: [], line: "solid", opacity: 0.6 };

export class Viewer {
  #root;
  #panels;
  #loaded = null;
  #isDragging = false;
  #frame = 0;

  /** `state` is how a reader looked at the same view before; null for as it was analyzed. */
  constructor(root, state) {
    this.#root = root;
    this.#panels = [...root.querySelectorAll("[data-panel]")].map((figure) => ({
      name: figure.dataset.panel,
      panel: new Panel(figure.querySelector("canvas")),
    }));
    this.state = state ?? { place: WHOLE, window: null, isNegative: false, opacity: NaN, showsMap: true, showsPlaces: true };
    const observer = new ResizeObserver(() => this.#plan());
    for (const { panel } of this.#panels) observer.observe(panel.canvas);
  }

  get root() {
    return this.#root;
  }

  /** Load what is shown; what cannot be had is said in the viewer, and the rest is shown. */
  async load() {
    const { viewer: base, query } = this.#root.dataset;
    this.#say("Loading the picture …", "loading");
    const wait = () => this.#say("Other pictures are being read; this one waits …", "loading");
    const [values, pixels] = await Promise.allSettled([
      answer(`${base}/view.json${query}`).then((found) => found.json()),
      answer(`${base}/pixels`, wait).then((found) => found.arrayBuffer()),
    ]);
    if (pixels.status === "rejected") {
      this.#say(`The picture cannot be shown: ${reasonOf(pixels)}.`, "failed");
    } else {
      this.#take(values.value ?? NO_MAPS, imageOf(pixels.value));
      if (values.status === "rejected") this.#say(`The maps cannot be shown: ${reasonOf(values)}.`, "ready");
    }
  }

  #take(values, image) {
    const shape = squareShape(image);
    const overlays = new Map(values.panels.map(({ name, map }) => [name, new Overlay(map, values, shape)]));
    this.#loaded = { values, image, shape, overlays, picture: new Picture(image), range: rangeOf(image) };
    if (Number.isNaN(this.state.opacity)) this.state.opacity = values.opacity;
    this.#say("", "ready");
    this.#window();
  }

  get isReady() {
    return this.#loaded !== null;
  }

  /** Zoom by a factor about a point [y, x] of a panel's screen; about its middle where none is given. */
  zoom(factor, screen = this.#panels[0].panel.screen, point = screen.map((side) => side / 2)) {
    this.state.place = zoomed(this.state.place, factor, point, this.#loaded.shape, screen);
    this.#plan();
  }

  /** Move the view by [down, right] pixels of a screen. */
  move(by, screen = this.#panels[0].panel.screen) {
    this.state.place = moved(this.state.place, by, this.#loaded.shape, screen);
    this.#plan();
  }

  /** Widen the window by `right` and raise its center by `down`, in shares of the range of its values. */
  shiftWindow(right, down) {
    const { image, range } = this.#loaded;
    this.state.window = movedWindow(this.state.window ?? image.window, range, right, down);
    this.#window();
  }

  /** While the reader drags, a rough picture does. */
  set isDragging(isDragging) {
    this.#isDragging = isDragging;
    this.#plan();
  }

  invert() {
    this.state.isNegative = !this.state.isNegative;
    this.#window();
  }

  /** Show the view whole and as it was analyzed. */
  reset() {
    Object.assign(this.state, { place: WHOLE, window: null, isNegative: false });
    this.#window();
  }

  set opacity(opacity) {
    this.state.opacity = opacity;
    this.state.showsMap = true;
    this.#plan();
  }

  toggle(what) {
    this.state[what] = !this.state[what];
    this.#plan();
  }

  #window() {
    const { image, picture } = this.#loaded;
    picture.table = grayTable(image, this.state.window, this.state.isNegative);
    this.#plan();
  }

  #plan() {
    if (this.#loaded === null || this.#frame !== 0) return;
    this.#frame = window.requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const { values, image, shape, overlays, picture } = this.#loaded;
    const places = this.state.showsPlaces ? values.places : [];
    for (const { name, panel } of this.#panels) {
      const overlay = this.state.showsMap ? (overlays.get(name) ?? null) : null;
      const seen = { image, shape, picture, overlay, places, line: values.line };
      panel.draw({ ...seen, state: this.state, isDragging: this.#isDragging });
    }
    this.#root.dispatchEvent(new CustomEvent("drawn", { detail: { image } }));
  }

  #say(words, step) {
    const said = this.#root.querySelector("[data-said]");
    said.textContent = words;
    said.hidden = words === "";
    this.#root.dataset.step = step;
  }
}

function reasonOf({ reason }) {
  if (reason instanceof Refused) return reason.message;
  throw reason;
}
