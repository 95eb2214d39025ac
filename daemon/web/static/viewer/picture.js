// The view in grays, made once for all panels: as many pixels of it as the screen can show.
// While the window is being dragged a picture of so many pixels does; the full one follows.

const WHILE_DRAGGING = 1_000_000;
const OPAQUE = 0xff000000;
const GRAY = 0x010101;

export class Picture {
  #image;
  #table = null;
  #made = new Map();

  constructor(image) {
    this.#image = image;
  }

  /** Show the image through another table of grays. */
  set table(table) {
    this.#table = table;
    this.#made.clear();
  }

  /** Draw the picture; `scale` is device pixels per pixel of the image, `isDragging` allows a rough one. */
  draw(context, scale, isDragging) {
    const { rows, columns } = this.#image;
    let step = 1;
    while (2 * step * scale <= 1 && 2 * step < Math.min(rows, columns)) step *= 2;
    const least = isDragging ? Math.ceil(Math.sqrt((rows * columns) / WHILE_DRAGGING)) : 1;
    const key = `${Math.max(step, least)} ${isDragging}`;
    if (!this.#made.has(key)) this.#made.set(key, this.#canvas(Math.max(step, least), isDragging));
    context.imageSmoothingEnabled = scale < 3; // else the source's own pixels are seen as they are
    context.imageSmoothingQuality = "medium";
    const used = Math.max(step, least);
    context.drawImage(this.#made.get(key), 0, 0, columns / used, rows / used, 0, 0, columns, rows);
  }

  #canvas(step, isRough) {
    const rows = Math.ceil(this.#image.rows / step);
    const columns = Math.ceil(this.#image.columns / step);
    const pixels = new Uint32Array(rows * columns);
    (step === 1 || isRough ? this.#sample : this.#average).call(this, pixels, { step, rows, columns });
    const canvas = new OffscreenCanvas(columns, rows);
    const data = new ImageData(new Uint8ClampedArray(pixels.buffer), columns, rows);
    canvas.getContext("2d", { alpha: false }).putImageData(data, 0, 0);
    return canvas;
  }

  #sample(pixels, { step, rows, columns }) {
    const { values, columns: width } = this.#image;
    const colors = Uint32Array.from(this.#table, (gray) => (OPAQUE | (gray * GRAY)) >>> 0);
    for (let row = 0, at = 0; row < rows; row++) {
      for (let column = 0, from = row * step * width; column < columns; column++, from += step) {
        pixels[at++] = colors[values[from]];
      }
    }
  }

  #average(pixels, { step, rows, columns }) {
    const { values, columns: width, rows: height } = this.#image;
    const shift = Math.log2(step);
    const sums = new Uint32Array(columns);
    for (let row = 0; row < rows; row++) {
      sums.fill(0);
      const [first, last] = [row * step, Math.min((row + 1) * step, height)];
      for (let line = first; line < last; line++) {
        for (let column = 0, at = line * width; column < width; column++, at++) {
          sums[column >> shift] += this.#table[values[at]];
        }
      }
      for (let column = 0; column < columns; column++) {
        const count = (last - first) * Math.min(step, width - column * step);
        pixels[row * columns + column] = (OPAQUE | (Math.round(sums[column] / count) * GRAY)) >>> 0;
      }
    }
  }
}
