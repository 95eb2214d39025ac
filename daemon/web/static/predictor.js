// Sends what is dropped, file by file, has it analyzed, and goes to the result.
// A file's name may be a patient's: it is shown here and never sent.

const POLL_MS = 700;
const LOST = "The connection was lost. Is the program still running?";

const drop = document.querySelector("[data-drop]");
const input = document.querySelector("[data-files]");
const list = document.querySelector("[data-sending]");
const said = document.querySelector("[data-said]");
const go = document.querySelector("[data-go]");
const models = document.querySelector("[data-models]");

let token = null;
let isBusy = false;

function say(text, isFailure = false) {
  said.textContent = text;
  said.hidden = text === "";
  drop.dataset.step = isFailure ? "failed" : "working";
}

async function answered(address, options) {
  const answer = await fetch(address, { cache: "no-store", ...options });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

function reasonOf(error) {
  return error instanceof TypeError || error instanceof SyntaxError ? LOST : error.message;
}

/** Add a line for a file; return what tells how it goes. */
function line(name) {
  const row = document.createElement("li");
  const title = row.appendChild(document.createElement("bdi"));
  const meter = row.appendChild(document.createElement("progress"));
  const state = row.appendChild(document.createElement("span"));
  title.textContent = name;
  meter.setAttribute("aria-label", `Sent of ${name}`);
  meter.max = 1;
  meter.value = 0;
  list.append(row);
  return {
    sent: (share) => (meter.value = share),
    end(text, isFailure) {
      meter.hidden = true;
      state.textContent = text;
      row.classList.toggle("failed", isFailure);
    },
  };
}

/** Send one file as the body of a request; fetch would not tell how far it is. */
function send(file, onProgress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", token === null ? "/predictor/uploads" : `/predictor/${token}/uploads`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onload = () =>
      request.status === 201 ? done(request.response.token) : failed(new Error(request.response?.error ?? LOST));
    request.onerror = () => failed(new Error(LOST));
    request.send(file);
  });
}

async function take(files) {
  if (isBusy || files.length === 0) return;
  isBusy = true;
  input.disabled = true;
  go.hidden = true;
  list.replaceChildren();
  token = null;
  say("Sending …");
  let refused = 0;
  for (const file of files) {
    const shown = line(file.name);
    try {
      token = await send(file, shown.sent);
      shown.end("taken", false);
    } catch (error) {
      refused += 1;
      shown.end(error.message, true);
    }
  }
  if (refused === 0) return predict();
  say(refused === files.length ? "No file was taken." : "Some files were not taken; the others wait.", true);
  rest(refused < files.length);
}

function rest(canGoOn) {
  isBusy = false;
  input.disabled = false;
  input.value = "";
  go.hidden = !canGoOn;
}

async function predict() {
  isBusy = true;
  go.hidden = true;
  say("Analyzing …");
  const watching = window.setInterval(watch, POLL_MS);
  try {
    const { address } = await answered(`/predictor/${token}/prediction`, { method: "POST" });
    window.location.assign(address);
  } catch (error) {
    say(reasonOf(error), true);
    rest(false);
  } finally {
    window.clearInterval(watching);
  }
}

async function watch() {
  try {
    const { is_ready: isReady, analyzed, files } = await answered(`/predictor/${token}/progress`);
    say(isReady ? `Analyzing: ${analyzed} of ${files} done …` : "The models are being loaded; the analysis begins then …");
  } catch {
    // The request that waits for the result will tell.
  }
}

async function watchModels() {
  try {
    const { is_ready: isReady, problem } = await answered("/predictor/state");
    models.textContent = problem || (isReady ? "The models are ready" : "The models are being loaded …");
    if (!isReady && problem === "") window.setTimeout(watchModels, POLL_MS);
  } catch {
    models.textContent = LOST;
  }
}

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  take([...event.dataTransfer.files]);
});
input.addEventListener("change", () => take([...input.files]));
go.addEventListener("click", predict);
window.addEventListener("pageshow", () => rest(false)); // also when the reader comes back to it
watchModels();
