// Forms marked data-post: their fields become JSON, posted to the API; then the page is loaded again, or the next one.
// A button marked data-sure asks once: the second press within some seconds does it.

const ARMED_MS = 6000;
const token = document.querySelector('meta[name="jaego-csrf"]')?.content;
const working = document.querySelector("[data-working]");

const READ = {
  int: (text) => Number(text),
  bool: (text) => text === "true",
  list: (text) => text,
};

// Empty fields are left out; "way.kind" is the member kind of way; data-type="list" gathers what is checked.
function body(form) {
  const told = {};
  for (const field of form.elements) {
    if (!field.name || field.value === "" || (field.type === "checkbox" && !field.checked)) continue;
    const value = (READ[field.dataset.type] ?? String)(field.value.trim());
    const path = field.name.split(".");
    const last = path.pop();
    const place = path.reduce((held, name) => (held[name] ??= {}), told);
    if (field.dataset.type === "list") place[last] = [...new Set([...(place[last] ?? []), value])];
    else place[last] = value;
  }
  return told;
}

async function post(address, told) {
  const headers = { "content-type": "application/json" };
  if (token) headers["x-jaego-csrf"] = token;
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(told) });
  return { done: answer.ok, told: await answer.json() };
}

function say(form, text) {
  const said = form.querySelector("[data-said]");
  said.textContent = text;
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

function next(form, result) {
  const address = form.dataset.next;
  if (!address) return location.reload();
  location.assign(address.replace("{count}", encodeURIComponent(result?.count ?? "")));
}

async function submit(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const button = event.submitter ?? form.querySelector("button");
  if (button.dataset.sure && button.dataset.armed === undefined) return arm(button);
  const buttons = form.querySelectorAll("button");
  for (const one of buttons) one.disabled = true;
  working.hidden = false;
  say(form, "");
  try {
    const { done, told } = await post(button.getAttribute("formaction") ?? form.dataset.post, body(form));
    if (done) return next(form, told.result);
    say(form, told.hint);
  } catch {
    say(form, working.dataset.lost);
  }
  working.hidden = true;
  for (const one of buttons) one.disabled = false;
}

for (const form of document.querySelectorAll("[data-post]")) form.addEventListener("submit", submit);
