// Turns values into grays: as they were analyzed, or through the reader's window (PS3.3 C.11.2.1.2).

const LEAST_WIDTH = { LINEAR: 1, LINEAR_EXACT: 1e-6, SIGMOID: 1e-6 };
const BRIGHTEST = 255;

/**
 * Return the gray of each index as uint8. Without a window they are those that were analyzed; `isNegative` is
 * the reader's own inversion, on top of the image's.
 */
export function grayTable(image, window, isNegative) {
  if (window === null) return isNegative ? image.grays.map((gray) => BRIGHTEST - gray) : image.grays;
  const share = SHARES[window.function];
  const turned = image.inverted !== isNegative;
  return Uint8Array.from(image.modality, (value) => {
    const gray = Math.round(BRIGHTEST * Math.min(Math.max(share(value, window), 0), 1));
    return turned ? BRIGHTEST - gray : gray;
  });
}

const SHARES = {
  LINEAR: (value, { center, width }) =>
    // A width of 1 has no slope: what is above the center is white.
    width <= 1 ? Number(value > center - 0.5) : (value - (center - 0.5)) / (width - 1) + 0.5,
  LINEAR_EXACT: (value, { center, width }) => (value - center) / width + 0.5,
  SIGMOID: (value, { center, width }) => 1 / (1 + Math.exp((-4 * (value - center)) / width)),
};

/** Return the window after a move: `right` widens it, `down` raises its center, both in shares of `range`. */
export function movedWindow(window, range, right, down) {
  return {
    function: window.function,
    width: Math.max(LEAST_WIDTH[window.function], window.width + right * range),
    center: window.center + down * range,
  };
}

/** Return the distance from the lowest to the highest value that the image holds. */
export function rangeOf({ modality, values }) {
  let [least, most] = [Infinity, -Infinity];
  for (const index of values) {
    const value = modality[index];
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return Math.max(most - least, 1e-6);
}
