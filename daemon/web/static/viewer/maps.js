// Enlarges a small activation map to its view, as models/rendering/overlay.py does.

/**
 * Return P of each of `rows` x `columns` points of the view as indices from 0 to `levels` - 1.
 *
 * The log-odds are enlarged first and turned into probabilities then: beyond a probability's ceiling
 * neighbors could not be told apart. Cells that lie wholly in the padding are replaced by the nearest in view.
 */
export function probabilityLevels(map, placement, input, { rows, columns, levels }) {
  const down = window(placement.top, placement.rows, map.rows / input.rows);
  const across = window(placement.left, placement.columns, map.columns / input.columns);
  const cellRows = inView(map.rows, down);
  const cellColumns = inView(map.columns, across);
  const rowWeights = cubicWeights(map.rows, rows, down);
  const columnWeights = cubicWeights(map.columns, columns, across);
  const found = new Uint16Array(rows * columns);
  const line = new Float64Array(map.columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < map.columns; column++) {
      line[column] = 0;
      for (let cell = 0; cell < map.rows; cell++) {
        const weight = rowWeights[row * map.rows + cell];
        if (weight !== 0) line[column] += weight * map.log_odds[cellRows[cell] * map.columns + cellColumns[column]];
      }
    }
    for (let column = 0; column < columns; column++) {
      let odds = 0;
      for (let cell = 0; cell < map.columns; cell++) odds += columnWeights[column * map.columns + cell] * line[cell];
      found[row * columns + column] = Math.round((levels - 1) / (1 + Math.exp(-odds)));
    }
  }
  return found;
}

function window(start, length, scale) {
  return [start * scale, (start + length) * scale];
}

function inView(count, [start, stop]) {
  const [first, last] = [Math.floor(start), Math.ceil(stop) - 1];
  return Array.from({ length: count }, (_, cell) => Math.min(Math.max(cell, first), last));
}

/** Return the (target, source) weights of models/resampling.py's cubic_weights, row by row. */
export function cubicWeights(source, target, [start, stop]) {
  const weights = new Float64Array(target * source);
  for (let row = 0; row < target; row++) {
    const center = start + ((row + 0.5) * (stop - start)) / target;
    let sum = 0;
    // Two more samples on each side stand for the outermost value, and are folded into it.
    for (let sample = -2; sample < source + 2; sample++) {
      const weight = keysCubic(Math.abs(sample + 0.5 - center));
      weights[row * source + Math.min(Math.max(sample, 0), source - 1)] += weight;
      sum += weight;
    }
    for (let cell = 0; cell < source; cell++) weights[row * source + cell] /= sum;
  }
  return weights;
}

function keysCubic(distance) {
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return ((-0.5 * distance + 2.5) * distance - 4) * distance + 2;
  return 0;
}
