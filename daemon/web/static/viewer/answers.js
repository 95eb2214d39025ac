// Asks the server for what a viewer shows; a server that is busy is asked again.

const MOST_ATTEMPTS = 8;

/** The server has said why there is nothing to show. */
export class Refused extends Error {}

/** Return a response whose status is good; raise Refused with the reason that the server gives. */
export async function answer(address, onWait = () => {}) {
  for (let attempt = 1; ; attempt++) {
    let response;
    try {
      response = await fetch(address, { cache: "no-store" });
    } catch {
      throw new Refused("ulna does not answer");
    }
    if (response.ok) return response;
    if (response.status !== 503 || attempt === MOST_ATTEMPTS) throw new Refused(await reasonOf(response));
    onWait();
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    await new Promise((resolve) => window.setTimeout(resolve, 1000 * seconds));
  }
}

async function reasonOf(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `the server answered with status ${response.status}`;
  }
}
