// Brings the live parts of the page up to date without losing the reader's place.
// Without JavaScript the page reloads by itself.
"use strict";

const REFRESH_MS = 5000;
const TIMEOUT_MS = 10000;

// By id: what the server sent last. What scripts have changed since, like a viewer's canvas, is no news.
const served = new Map([...document.querySelectorAll("[data-live]")].map((part) => [part.id, part.outerHTML]));

// A part whose markup is unchanged stays: its pictures are not loaded again, its selection is kept.
function renew(fresh) {
  let isRenewed = false;
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (other === null || other.outerHTML === served.get(part.id) || isBeingRead(part)) continue;
    served.set(part.id, other.outerHTML);
    const again = part.contains(document.activeElement) ? sameAs(document.activeElement) : null;
    part.replaceWith(document.adoptNode(other));
    if (again !== null) other.querySelector(again)?.focus({ preventScroll: true });
    isRenewed = true;
  }
  if (isRenewed) document.dispatchEvent(new Event("renewed"));
}

// Return the selector of an element in the part that takes the place of its own; null where nothing names it.
function sameAs(element) {
  if (element.id !== "") return `#${CSS.escape(element.id)}`;
  const address = element.getAttribute("href");
  return address === null ? null : `a[href="${CSS.escape(address)}"]`;
}

function isBeingRead(part) {
  if (part.querySelector(":active") !== null) return true; // something in it is being dragged
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
