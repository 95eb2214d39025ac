// Where a view lies in its panels: one place for all of them, whatever their size.

const MOST_ZOOM = 32;

/** Return the [rows, columns] of an image in square pixels, as small as the short sides of its own. */
export function squareShape({ rows, columns, pixelAspect }) {
  return [rows * Math.max(pixelAspect, 1), columns * Math.max(1 / pixelAspect, 1)];
}

/** `zoom` is 1 where the whole view fits; `middle` is the point [down, across] of the view, in shares of it. */
export const WHOLE = Object.freeze({ zoom: 1, middle: Object.freeze([0.5, 0.5]) });

/**
 * Return where the view lies in a screen of [height, width]: `scale` in screen pixels per square pixel,
 * `corner` [top, left] of the view.
 */
export function layout(place, shape, screen) {
  const scale = place.zoom * Math.min(screen[0] / shape[0], screen[1] / shape[1]);
  const corner = [0, 1].map((axis) => screen[axis] / 2 - place.middle[axis] * shape[axis] * scale);
  return { scale, corner };
}

/** Return the place after zooming so that the point [y, x] of the screen stays where it is. */
export function zoomed(place, factor, point, shape, screen) {
  const zoom = Math.min(Math.max(place.zoom * factor, 1), MOST_ZOOM);
  const before = layout(place, shape, screen);
  const after = layout({ ...place, zoom }, shape, screen);
  const middle = [0, 1].map((axis) => {
    const offset = point[axis] - screen[axis] / 2;
    return place.middle[axis] + (offset / before.scale - offset / after.scale) / shape[axis];
  });
  return kept({ zoom, middle }, shape, screen);
}

/** Return the place after moving the view by [down, right] pixels of the screen. */
export function moved(place, by, shape, screen) {
  const { scale } = layout(place, shape, screen);
  const middle = [0, 1].map((axis) => place.middle[axis] - by[axis] / scale / shape[axis]);
  return kept({ zoom: place.zoom, middle }, shape, screen);
}

/** Keep the view over the screen; a side that is shorter than the screen's stays in its middle. */
function kept({ zoom, middle }, shape, screen) {
  const { scale } = layout({ zoom, middle }, shape, screen);
  const within = [0, 1].map((axis) => {
    const margin = Math.min(0.5, screen[axis] / 2 / scale / shape[axis]);
    return Math.min(Math.max(middle[axis], margin), 1 - margin);
  });
  return { zoom, middle: within };
}
