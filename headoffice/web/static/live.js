// Keeps the parts of a page that are marked data-part as they are now. A server-sent event only says that something has
// changed; then the page is asked for again, and what differs is changed in place: words, numbers, order and languages are
// made in one place, the server.

const SILENT_MS = 45000; // three beats missed
const AGAIN_MS = 2000;
const PAUSE_MS = 200; // between two looks at least, and four times as long as the last one took
const FLASH_MS = 1800;

const main = document.querySelector("main[data-live]");
const sign = document.querySelector("[data-link]");
const still = matchMedia("(prefers-reduced-motion: reduce)");

let source = null;
let silent = 0;
let again = 0;
let looking = false;
let wanted = false;

function flash(element) {
  if (!element || still.matches) return;
  const ground = getComputedStyle(document.documentElement).getPropertyValue("--flash");
  element.animate([{ backgroundColor: ground }, { backgroundColor: "transparent" }], { duration: FLASH_MS });
}

function attributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    flash(old.parentElement);
    return;
  }
  attributes(old, fresh);
  const keyed = new Map([...old.children].filter((one) => one.dataset.key).map((one) => [one.dataset.key, one]));
  let at = old.firstChild;
  for (const wish of [...fresh.childNodes]) {
    const key = wish.dataset?.key;
    const found = key ? keyed.get(key) : at && !at.dataset?.key && at.nodeName === wish.nodeName ? at : null;
    if (!found) {
      old.insertBefore(document.adoptNode(wish), at);
      if (key) flash(wish);
      continue;
    }
    if (found === at) at = at.nextSibling;
    else old.insertBefore(found, at);
    keyed.delete(key);
    morph(found, wish);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// As a document of its own: nothing in it runs, and it is no string that would become markup here.
function ask() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.timeout = 20000;
    request.onload = () => {
      if (new URL(request.responseURL).pathname !== location.pathname) location.reload(); // the login is over
      else if (request.status === 200) resolve(request.response);
      else reject(new Error(request.status));
    };
    request.onerror = request.ontimeout = () => reject(new Error("lost"));
    request.send();
  });
}

async function look() {
  wanted = true;
  if (looking || document.hidden) return;
  looking = true;
  while (wanted && !document.hidden) {
    wanted = false;
    const begun = performance.now();
    let pause = PAUSE_MS;
    try {
      const fresh = await ask();
      for (const part of document.querySelectorAll("[data-part]")) {
        const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
        if (other) morph(part, document.adoptNode(other));
      }
      document.dispatchEvent(new CustomEvent("looked"));
    } catch {
      wanted = true;
      pause = AGAIN_MS;
    }
    const took = performance.now() - begun;
    await new Promise((done) => setTimeout(done, Math.max(pause, 4 * took)));
  }
  looking = false;
}

function told(state) {
  sign.dataset.state = state;
  sign.textContent = sign.dataset[state];
  sign.hidden = false;
}

function alive() {
  told("live");
  clearTimeout(silent);
  silent = setTimeout(reopen, SILENT_MS);
}

function close() {
  clearTimeout(silent);
  clearTimeout(again);
  source?.close();
  source = null;
}

function reopen() {
  close();
  told("lost");
  again = setTimeout(open, AGAIN_MS);
}

function open() {
  close();
  source = new EventSource(main.dataset.live);
  source.addEventListener("open", alive); // `resync` is the first event: whatever happened meanwhile is looked at
  source.addEventListener("error", () => {
    told("lost");
    if (source?.readyState === EventSource.CLOSED) reopen();
  });
  for (const name of ["beat", "resync", ...main.dataset.wants.split(" ")]) {
    source.addEventListener(name, () => {
      alive();
      if (name !== "beat") look();
    });
  }
}

if (main) {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  if (main.dataset.every) setInterval(look, 1000 * main.dataset.every);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}
