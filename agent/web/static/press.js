// Presses: a button, a picked item, a scan typed into the page. Each is kept in order until the agent has answered,
// over a lost connection and a closed page, and happens once: its id tells the agent that it comes again.

const KEPT_MAX = 1000;
const AGAIN_MS = 2000;
const WAIT_MS = 15000; // longer than the agent waits for its ledger
const RELOAD_MS = 30000;
const LATER = new Set([401, 403, 408, 429, 500, 502, 503, 504]);

// Writing requests carry what shows that they come from this page.
export function headers() {
  const token = document.querySelector("meta[name=jaego-csrf]")?.content;
  return { "content-type": "application/json", ...(token ? { "x-jaego-csrf": token } : {}) };
}

// told(n): so many are kept and not answered. refused(hint, body): the agent will not have it. full(): no more is taken.
export function presses(station, { told, refused, full }) {
  const prefix = `jaego-press/${station}/`;
  const address = `/api/v1/stations/${station}/scan`;
  let newest = 0;
  let sending = false;
  let again = 0;

  // A key for each, so that two windows of a station never write over each other.
  function kept() {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(prefix))
      .sort();
  }

  function press(body) {
    const waiting = kept().length;
    if (waiting >= KEPT_MAX) {
      full();
      return;
    }
    newest = Math.max(Date.now(), newest + 1);
    const chance = crypto.getRandomValues(new Uint32Array(2)).join("-");
    const id = `${String(newest).padStart(15, "0")}-${chance}`;
    localStorage.setItem(prefix + id, JSON.stringify({ body }));
    if (again) told(waiting + 1);
    else send();
  }

  async function send() {
    clearTimeout(again);
    again = 0;
    if (sending) return;
    sending = true;
    const all = async () => {
      for (let key = kept()[0]; key; key = kept()[0]) if (!(await one(key))) return false;
      return true;
    };
    const done = await (navigator.locks ? navigator.locks.request(prefix, all) : all());
    sending = false;
    told(done ? 0 : kept().length);
    if (!done) again = setTimeout(send, AGAIN_MS);
    else if (kept().length) send(); // pressed between the last look and here
  }

  // False: it stays, and is sent again.
  async function one(key) {
    const held = JSON.parse(localStorage.getItem(key));
    const extra = { "x-jaego-press": key.slice(prefix.length), ...(held.sent ? { "x-jaego-resent": "1" } : {}) };
    localStorage.setItem(key, JSON.stringify({ ...held, sent: true }));
    let answer;
    try {
      answer = await fetch(address, {
        method: "POST",
        headers: { ...headers(), ...extra },
        body: JSON.stringify(held.body),
        signal: AbortSignal.timeout(WAIT_MS),
      });
    } catch {
      return false;
    }
    if (answer.ok) {
      localStorage.removeItem(key);
      return true;
    }
    if (LATER.has(answer.status)) {
      localStorage.setItem(key, JSON.stringify(held)); // it was answered: nothing of it is recorded
      if (answer.status === 401 || answer.status === 403) renew();
      return false;
    }
    localStorage.removeItem(key);
    const said = await answer.json().catch(() => ({}));
    refused(said.hint ?? answer.statusText, held.body);
    return true;
  }

  addEventListener("online", send);
  send();
  return press;
}

// The page's permission has lapsed, or the agent has forgotten it: a page loaded anew has a new one.
function renew() {
  const last = Number(sessionStorage.getItem("jaego-renewed"));
  if (Date.now() - last < RELOAD_MS) return;
  sessionStorage.setItem("jaego-renewed", Date.now());
  location.reload();
}
