// What a reader does with mouse, fingers, keys and buttons, told to the viewer.

const ZOOM_STEP = 1.25;
const WHEEL_STEP = 1.0015;
const PAN_PIXELS = 40;
const WINDOW_STEP = 0.02;

const BUTTONS = {
  "zoom-in": (viewer) => viewer.zoom(ZOOM_STEP),
  "zoom-out": (viewer) => viewer.zoom(1 / ZOOM_STEP),
  reset: (viewer) => viewer.reset(),
  invert: (viewer) => viewer.invert(),
  map: (viewer) => viewer.toggle("showsMap"),
  places: (viewer) => viewer.toggle("showsPlaces"),
};

const KEYS = {
  "+": BUTTONS["zoom-in"],
  "=": BUTTONS["zoom-in"],
  "-": BUTTONS["zoom-out"],
  0: BUTTONS.reset,
  i: BUTTONS.invert,
  o: BUTTONS.map,
  p: BUTTONS.places,
  "[": (viewer) => viewer.shiftWindow(-WINDOW_STEP, 0),
  "]": (viewer) => viewer.shiftWindow(WINDOW_STEP, 0),
  "{": (viewer) => viewer.shiftWindow(0, -WINDOW_STEP),
  "}": (viewer) => viewer.shiftWindow(0, WINDOW_STEP),
  ArrowUp: (viewer) => viewer.move([PAN_PIXELS, 0]),
  ArrowDown: (viewer) => viewer.move([-PAN_PIXELS, 0]),
  ArrowLeft: (viewer) => viewer.move([0, PAN_PIXELS]),
  ArrowRight: (viewer) => viewer.move([0, -PAN_PIXELS]),
};

const SHIFTED = {
  ArrowUp: (viewer) => viewer.shiftWindow(0, -WINDOW_STEP),
  ArrowDown: (viewer) => viewer.shiftWindow(0, WINDOW_STEP),
  ArrowLeft: (viewer) => viewer.shiftWindow(-WINDOW_STEP, 0),
  ArrowRight: (viewer) => viewer.shiftWindow(WINDOW_STEP, 0),
};

/** Bind all controls of a viewer. */
export function bindControls(viewer) {
  const { root } = viewer;
  bindButtons(viewer, root.querySelector("[data-tools]"));
  const panels = root.querySelector("[data-panels]");
  panels.addEventListener("keydown", (event) => pressed(viewer, event));
  for (const canvas of panels.querySelectorAll("canvas")) bindCanvas(viewer, canvas, panels);
}

function bindButtons(viewer, tools) {
  tools.hidden = false;
  for (const button of tools.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => viewer.isReady && BUTTONS[button.dataset.do](viewer));
  }
  const slider = tools.querySelector("[data-opacity]");
  slider.addEventListener("input", () => {
    if (viewer.isReady) viewer.opacity = slider.valueAsNumber / 100;
  });
  viewer.root.addEventListener("drawn", ({ detail }) => tell(viewer.state, detail.image, tools));
}

/** Let buttons, slider and readout say how the view is seen now. */
function tell(state, image, tools) {
  const pressed = { invert: state.isNegative, map: state.showsMap, places: state.showsPlaces };
  for (const [name, isPressed] of Object.entries(pressed)) {
    tools.querySelector(`[data-do="${name}"]`).setAttribute("aria-pressed", String(isPressed));
  }
  tools.querySelector("[data-opacity]").value = String(Math.round(100 * state.opacity));
  const { center, width } = state.window ?? image.window;
  const window = `window center ${rounded(center)}, width ${rounded(width)}`;
  const readout = `zoom ${state.place.zoom.toFixed(2)}, ${window}${state.window === null ? " (as analyzed)" : ""}`;
  tools.querySelector("[data-readout]").textContent = readout;
}

function rounded(number) {
  return String(Number(number.toPrecision(5)));
}

function pressed(viewer, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !viewer.isReady) return;
  const act = (event.shiftKey ? SHIFTED[event.key] : undefined) ?? KEYS[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act(viewer);
}

function bindCanvas(viewer, canvas, panels) {
  const touching = new Map();
  let isMoving = false;

  canvas.addEventListener("pointerdown", (event) => {
    if (!viewer.isReady || event.button > 1) return;
    event.preventDefault(); // no autoscroll under the middle button
    panels.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    touching.set(event.pointerId, pointOf(event));
    isMoving = event.button === 1 || event.shiftKey;
    viewer.isDragging = true;
  });

  canvas.addEventListener("pointermove", (event) => {
    const before = touching.get(event.pointerId);
    if (before === undefined) return;
    const now = pointOf(event);
    const screen = screenOf(canvas);
    const by = [now[0] - before[0], now[1] - before[1]];
    const other = [...touching].find(([id]) => id !== event.pointerId)?.[1];
    if (other !== undefined) {
      viewer.zoom(distance(now, other) / Math.max(distance(before, other), 1), screen, other);
      viewer.move(by.map((pixels) => pixels / 2), screen);
    } else if (isMoving) {
      viewer.move(by, screen);
    } else {
      viewer.shiftWindow(by[1] / screen[1], by[0] / screen[0]);
    }
    touching.set(event.pointerId, now);
  });

  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      touching.delete(event.pointerId);
      if (touching.size === 0 && viewer.isReady) viewer.isDragging = false;
    });
  }

  canvas.addEventListener(
    "wheel",
    (event) => {
      // The page scrolls until the reader has turned to this view; a pinch on a touchpad comes with ctrlKey.
      if (!viewer.isReady || !(event.ctrlKey || panels.contains(document.activeElement))) return;
      event.preventDefault();
      viewer.zoom(WHEEL_STEP ** -event.deltaY, screenOf(canvas), pointOf(event));
    },
    { passive: false },
  );
}

function pointOf(event) {
  return [event.offsetY, event.offsetX];
}

function screenOf(canvas) {
  return [canvas.clientHeight, canvas.clientWidth];
}

function distance(one, other) {
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}
