// Brings the live parts of the page up to date without losing the reader's place.
// Without JavaScript the page reloads by itself.
"use strict";

const REFRESH_MS = 5000;
const TIMEOUT_MS = 10000;

// A part whose markup is unchanged stays: its pictures are not loaded again, its selection is kept.
function renew(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (other === null || other.outerHTML === part.outerHTML || isBeingRead(part)) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.replaceWith(document.adoptNode(other));
    if (focused !== null) other.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

function isBeingRead(part) {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(part, true);
}

async function refresh() {
  const stale = document.getElementById("stale");
  try {
    const answer = await fetch(document.location.href, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(answer.statusText);
    renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
  plan();
}

function plan() {
  window.setTimeout(() => (document.hidden ? plan() : refresh()), REFRESH_MS);
}

plan();
