// Forms marked data-post: their fields become JSON (or a file its bytes), sent to the API; then the page is loaded again, or
// the next one. A button marked data-sure asks once: the second press within some seconds does it.

const ARMED_MS = 6000;
const main = document.querySelector("main");
const refusals = JSON.parse(main.dataset.refusals); // by status, in the reader's language; the API's own hint follows

const READ = {
  int: (text) => Number(text),
  bool: (text) => text === "true",
  list: (text) => text.split(",").map((one) => one.trim()).filter(Boolean),
  moment: (text) => new Date(text).toISOString(),
};

// Empty fields are left out, those marked data-path stand in the address instead; "documents.0.zones" is the member zones
// of the first of documents.
function body(form) {
  const told = {};
  for (const field of form.elements) {
    if (!field.name || field.dataset.path !== undefined || field.type === "file") continue;
    const text = field.value.trim();
    if (field.type !== "checkbox" && text === "") continue;
    const path = field.name.split(".");
    const last = path.pop();
    const place = path.reduce((held, name, at) => (held[name] ??= /^\d+$/.test(path[at + 1] ?? last) ? [] : {}), told);
    place[last] = field.type === "checkbox" ? field.checked : (READ[field.dataset.type] ?? String)(text);
  }
  return told;
}

function address(form, from) {
  return from.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(form.elements[name].value.trim()));
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1] ?? "");
    reader.onerror = reject;
    reader.readAsDataURL(file);
  });
}

// A file goes as it is, or as a member of the JSON where it has a name.
async function send(form, button) {
  const method = button.dataset.method ?? form.dataset.method ?? "POST";
  const headers = { "x-jaego-desk": "1", "accept-language": document.documentElement.lang };
  const field = form.querySelector("input[type=file]");
  let content = null;
  if (field && !field.name) {
    headers["content-type"] = "text/csv";
    content = field.files[0];
  } else if (method !== "DELETE") {
    headers["content-type"] = "application/json";
    const told = body(form);
    if (field) told[field.name] = await base64(field.files[0]);
    content = JSON.stringify(told);
  }
  const where = address(form, button.getAttribute("formaction") ?? form.dataset.post);
  const answer = await fetch(where, { method, headers, body: content });
  const text = await answer.text();
  return { done: answer.ok, status: answer.status, told: text ? JSON.parse(text) : {} };
}

// What became of a file: its documents, and what is wrong in which line.
function report(form, told) {
  const taken = told.documents.map((one) => `${one.store} ${one.document}: ${form.dataset[one.outcome] ?? one.outcome}`);
  const wrong = told.faults.map((one) => `${main.dataset.line} ${one.line} ${one.column} ${one.found}: ${one.text}`);
  return [...taken, ...wrong].join("\n");
}

function say(form, text, tone) {
  const said = form.querySelector("[data-said]");
  if (!said) return;
  said.textContent = text;
  said.dataset.tone = tone;
  said.hidden = text === "";
}

function arm(button) {
  const label = button.textContent;
  button.dataset.armed = "";
  button.textContent = button.dataset.sure;
  setTimeout(() => {
    delete button.dataset.armed;
    button.textContent = label;
  }, ARMED_MS);
}

async function submit(form, button) {
  if (button.dataset.sure && button.dataset.armed === undefined) return arm(button);
  const buttons = form.querySelectorAll("button");
  for (const one of buttons) one.disabled = true;
  say(form, "", "idle");
  try {
    const { done, status, told } = await send(form, button);
    if (done && form.dataset.next) return location.assign(form.dataset.next);
    if (done && form.dataset.stay === undefined) return location.reload();
    if (!done) say(form, [refusals[status], told.hint].filter(Boolean).join("\n"), "stop");
    else if (told.faults) say(form, report(form, told), told.faults_total ? "look" : "good");
    else say(form, form.dataset.stay || main.dataset.done, "good");
  } catch {
    say(form, main.dataset.lost, "stop");
  }
  for (const one of buttons) one.disabled = false;
}

// On the document: live updates bring new forms in.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-post]");
  if (!form) return;
  event.preventDefault();
  submit(form, event.submitter ?? form.querySelector("button"));
});
