// Colors a map and lays it over the picture, as blend of models/rendering/overlay.py does.

import { probabilityLevels } from "./maps.js";

// Maps are smooth: more points than this are not seen. A level is far finer than a color's step.
const LONGEST_SIDE = 640;
const LEVELS = 4096;

/**
 * A map that can be laid over the picture of its view.
 *
 * The blend is linear in the tone below: tone * factor + summand, both of the map alone. So it is two pictures,
 * which the canvas multiplies and adds; they change with the opacity, and not with window, zoom or place.
 */
export class Overlay {
  #levels;
  #rows;
  #columns;
  #scheme;
  #factor;
  #summand;
  #opacity = NaN;

  /** `map` is a panel's, `values` the view's, `shape` the [rows, columns] of the view in square pixels. */
  constructor(map, values, shape) {
    const scale = LONGEST_SIDE / Math.max(...shape);
    [this.#rows, this.#columns] = shape.map((side) => Math.max(1, Math.round(side * scale)));
    this.#scheme = { colors: bytesOf(values.colors), fade: values.fade, floor: values.color_floor };
    const size = { rows: this.#rows, columns: this.#columns, levels: LEVELS };
    this.#levels = probabilityLevels(map, values.placement, values.input, size);
    [this.#factor, this.#summand] = [0, 1].map(() => new OffscreenCanvas(this.#columns, this.#rows));
  }

  /** Lay the map over what `context` shows of the view, whose (columns, rows) its transform maps. */
  draw(context, { rows, columns }, opacity) {
    if (opacity !== this.#opacity) this.#color(opacity);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "low"; // plain interpolation: a map has nothing fine to keep
    for (const [layer, operation] of [[this.#factor, "multiply"], [this.#summand, "lighter"]]) {
      context.globalCompositeOperation = operation;
      context.drawImage(layer, 0, 0, columns, rows);
    }
    context.globalCompositeOperation = "source-over";
  }

  #color(opacity) {
    const tables = tablesOf(this.#scheme, opacity);
    for (const [layer, table] of [[this.#factor, tables.factor], [this.#summand, tables.summand]]) {
      const pixels = new Uint32Array(this.#levels.length);
      for (let at = 0; at < pixels.length; at++) pixels[at] = table[this.#levels[at]];
      const data = new ImageData(new Uint8ClampedArray(pixels.buffer), this.#columns, this.#rows);
      layer.getContext("2d").putImageData(data, 0, 0);
    }
    this.#opacity = opacity;
  }
}

/**
 * Return factor and summand of each level as opaque pixels, one uint32 of RGBA bytes each.
 *
 * `floor` is the share of the color that stays whatever the tone below; between the `fade` the color comes in.
 */
function tablesOf({ colors, fade: [low, high], floor }, opacity) {
  const [factor, summand] = [0, 1].map(() => new Uint8ClampedArray(4 * LEVELS).fill(255));
  for (let level = 0; level < LEVELS; level++) {
    const probability = level / (LEVELS - 1);
    const ramp = Math.min(Math.max((probability - low) / (high - low), 0), 1);
    const share = opacity * ramp * ramp * (3 - 2 * ramp);
    const color = 3 * Math.round(255 * probability);
    for (let channel = 0; channel < 3; channel++) {
      const pure = colors[color + channel];
      factor[4 * level + channel] = 255 * (1 - share) + share * (1 - floor) * pure;
      summand[4 * level + channel] = share * floor * pure;
    }
  }
  return { factor: new Uint32Array(factor.buffer), summand: new Uint32Array(summand.buffer) };
}

function bytesOf(digits) {
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) => parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}
