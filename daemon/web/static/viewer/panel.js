// One panel of a viewer: the view, a map over it, the places, and the words that no picture goes without.

import { layout } from "./place.js";
import { drawOutlines } from "./outlines.js";

const GROUND = "#0b0c0f";
const MARK = "not for diagnostic use";
const MARK_PIXELS = 12;
// Half a line and its edge: what runs along the border of the view is drawn just within it.
const INSET = 2;

export class Panel {
  #canvas;
  #context;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
  }

  get canvas() {
    return this.#canvas;
  }

  /** Height and width in CSS pixels, in which places are told. */
  get screen() {
    return [this.#canvas.clientHeight, this.#canvas.clientWidth];
  }

  /** Draw the panel; `overlay` is null where none is to be seen. */
  draw({ image, shape, picture, overlay, state, places, line, isDragging }) {
    const ratio = window.devicePixelRatio;
    const [height, width] = this.screen.map((side) => Math.max(1, Math.round(side * ratio)));
    // Setting a size clears the canvas, even when it stays the same.
    if (this.#canvas.height !== height) this.#canvas.height = height;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    const { scale, corner } = layout(state.place, shape, [height, width]);
    const down = (scale * shape[0]) / image.rows;
    const across = (scale * shape[1]) / image.columns;
    const context = this.#context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = GROUND;
    context.fillRect(0, 0, width, height);
    context.setTransform(across, 0, 0, down, corner[1], corner[0]);
    picture.draw(context, Math.max(down, across), isDragging);
    if (overlay !== null) overlay.draw(context, image, state.opacity);
    context.setTransform(1, 0, 0, 1, 0, 0);
    const within = (at, start, length) =>
      Math.min(Math.max(at, start + INSET * ratio), start + length - INSET * ratio);
    const onScreen = ([row, column]) => [
      within(corner[1] + column * across, corner[1], image.columns * across),
      within(corner[0] + row * down, corner[0], image.rows * down),
    ];
    drawOutlines(context, places, line, onScreen, ratio);
    this.#mark(ratio, height);
  }

  #mark(ratio, height) {
    const context = this.#context;
    const [x, y] = [6 * ratio, height - 6 * ratio];
    context.font = `600 ${MARK_PIXELS * ratio}px system-ui, sans-serif`;
    context.textBaseline = "bottom";
    context.setLineDash([]);
    context.lineJoin = "round";
    context.lineWidth = 3 * ratio;
    context.strokeStyle = GROUND;
    context.strokeText(MARK, x, y);
    context.fillStyle = "#ffc454";
    context.fillText(MARK, x, y);
  }
}
