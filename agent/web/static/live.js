// A stream of server-sent events that looks after itself: it says when it is lost, and comes back.

const SILENT_MS = 30000; // three beats missed
const AGAIN_MS = 3000;

// handlers: {eventName: (data) => void}. pausable: close while nobody looks at the page.
export function listen(address, handlers, { pausable = false } = {}) {
  const lost = document.querySelector("[data-link]");
  let source = null;
  let silent = 0;
  let again = 0;

  function alive() {
    lost.hidden = true;
    clearTimeout(silent);
    silent = setTimeout(reopen, SILENT_MS);
  }

  function close() {
    clearTimeout(silent);
    clearTimeout(again);
    if (source) source.close();
    source = null;
  }

  function reopen() {
    close();
    lost.hidden = false;
    again = setTimeout(open, AGAIN_MS);
  }

  function open() {
    close();
    source = new EventSource(address);
    source.addEventListener("open", alive);
    source.addEventListener("beat", alive);
    source.addEventListener("error", () => {
      lost.hidden = false;
      // A refusal (503: too many screens) closes the source for good; a lost connection it mends by itself.
      if (source && source.readyState === EventSource.CLOSED) reopen();
    });
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        alive();
        handle(JSON.parse(event.data));
      });
    }
  }

  if (pausable) {
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  }
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

// Writes texts into the elements marked data-field, a bar's length in percent. Never markup: the texts hold what
// scanners sent.
export function fill(root, texts) {
  for (const element of root.querySelectorAll("[data-field]")) {
    const text = texts[element.dataset.field];
    if (text === undefined) continue;
    if (element.matches(".bar")) {
      element.setAttribute("aria-valuenow", text);
      element.firstElementChild.setAttribute("width", text);
    } else if (element.textContent !== text) {
      element.textContent = text;
      if (element.matches(".advice, .hint, .warn, .more")) element.hidden = text === "";
    }
  }
}

// Draws the lists marked data-rows within root from lists of texts, each row from the list's own template.
export function rows(root, lists) {
  for (const list of root.querySelectorAll("[data-rows]")) {
    const wanted = lists[list.dataset.rows];
    if (wanted === undefined) continue;
    const [template, ...held] = list.children;
    for (const row of held.splice(wanted.length)) row.remove();
    wanted.forEach((texts, at) => {
      const row = held[at] ?? list.appendChild(template.content.firstElementChild.cloneNode(true));
      if (texts.state) row.dataset.state = texts.state;
      if (texts.language) for (const one of row.querySelectorAll("[lang]:not(.hint)")) one.lang = texts.language;
      fill(row, texts);
    });
    list.hidden = wanted.length === 0;
  }
}
