// Outlines the places of a view, as models/rendering/outlines.py does: dashed or solid, not told by color alone.
// A light line with a dark edge is seen on white bone, on black and on every color of the overlay.

const LINE = "rgb(235 245 255)";
const EDGE = "rgb(11 12 15)";
const LINE_PIXELS = 2;
const EDGE_PIXELS = 1;
const PERIOD = 14;
const DASH_SHARE = 0.57;
const FEWEST_DASHES = 3;

/**
 * Draw places onto a context whose units are the screen's pixels.
 *
 * `onScreen` turns a [row, column] of the image into the screen's [x, y], `ratio` is device pixels per CSS pixel.
 */
export function drawOutlines(context, places, line, onScreen, ratio) {
  for (const place of places) {
    const corners = place.outline.map(onScreen);
    const path = new Path2D();
    corners.forEach(([x, y], at) => (at === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
    path.closePath();
    const dash = line === "dashed" ? dashOf(lengthOf(corners), PERIOD * ratio) : null;
    stroke(context, path, EDGE, (LINE_PIXELS + 2 * EDGE_PIXELS) * ratio, dash && dash.grown(EDGE_PIXELS * ratio));
    stroke(context, path, LINE, LINE_PIXELS * ratio, dash);
  }
}

function stroke(context, path, color, width, dash) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.setLineDash(dash ? dash.lengths : []);
  context.lineDashOffset = dash ? dash.offset : 0;
  context.stroke(path);
}

function dashOf(length, wanted) {
  const period = length / Math.max(FEWEST_DASHES, Math.round(length / wanted));
  const dash = DASH_SHARE * period;
  return {
    lengths: [dash, period - dash],
    offset: 0,
    grown: (by) => ({ lengths: [dash + 2 * by, Math.max(period - dash - 2 * by, 0)], offset: by }),
  };
}

function lengthOf(corners) {
  return corners.reduce((sum, [x, y], at) => {
    const [nextX, nextY] = corners[(at + 1) % corners.length];
    return sum + Math.hypot(nextX - x, nextY - y);
  }, 0);
}
