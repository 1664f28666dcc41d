import { fill, listen } from "./live.js";
import { control, play } from "./sound.js";

const SHOWN = 50;
const now = document.querySelector("[data-now]");
const list = document.querySelector("[data-entries]");
const doing = document.querySelector(".doing");
const counted = document.querySelector("[data-count]");
const stop = document.querySelector("[data-stop]");
const dismiss = document.querySelector("[data-dismiss]");
const name = control(document.querySelector("[data-sound]"));
const SEEN = `jaego-seen-${now.dataset.events}`;

let stops = []; // not dismissed yet, oldest first
let heard = 0; // arrival of the newest entry we know
let seen = Number(sessionStorage.getItem(SEEN)); // arrival of the newest stop that was dismissed, in microseconds

function row(entry) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  const badge = document.createElement("span");
  const line = document.createElement("span");
  item.dataset.state = entry.answer;
  time.textContent = entry.time;
  badge.className = "badge";
  badge.textContent = entry.word;
  line.className = "line";
  line.lang = entry.language;
  line.textContent = entry.text;
  item.append(time, badge, line);
  return item;
}

function showNow(entry) {
  now.dataset.state = entry.answer;
  fill(now, entry);
  fill(doing, entry);
  now.querySelector(".line").lang = entry.language;
}

function showStop() {
  const first = stops[0];
  if (!first) {
    if (stop.open) stop.close();
    return;
  }
  const more = stops.length > 1 ? now.dataset.more.replace("{n}", stops.length - 1) : "";
  fill(stop, { ...first, more });
  stop.querySelector("#stop-text").lang = first.language;
  if (!stop.open) stop.showModal();
  dismiss.focus();
}

function seeStop() {
  const first = stops.shift();
  if (first) {
    seen = first.at_us;
    sessionStorage.setItem(SEEN, seen);
  }
  showStop();
}

// The fixed words of the page, when the session's language changes (LANG-KO, LANG-EN).
function words({ language, texts }) {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]")) {
    element.textContent = texts[element.dataset.word];
  }
  now.dataset.more = texts.more_stops;
  name(texts);
}

function snapshot({ entries, ...spoken }) {
  words(spoken);
  const last = entries.at(-1);
  if (!seen) sessionStorage.setItem(SEEN, (seen = last ? last.at_us - 1 : 1));
  if (last) showNow(last);
  list.replaceChildren(...entries.slice(-SHOWN).reverse().map(row));
  // A screen just opened asks about the newest scan only, not about what somebody saw on another one.
  stops = entries.filter((one) => one.at_us > seen && one.answer === "stop");
  showStop();
  if (heard && last && last.at_us > heard) play(stops.length ? "stop" : last.answer); // scanned while we were away
  heard = last ? last.at_us : 0;
}

function entry(one) {
  play(one.answer);
  heard = one.at_us;
  list.prepend(row(one));
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  showNow(one);
  if (one.answer === "stop") {
    stops = [...stops, one].slice(-SHOWN);
    showStop();
  }
}

// A count by RFID as it stands; null: there is none.
function count(told) {
  counted.hidden = told === null;
  if (told === null) return;
  counted.dataset.state = told.state;
  counted.dataset.size = told.size;
  fill(counted, told);
}

dismiss.addEventListener("click", seeStop);
stop.addEventListener("close", () => stops.length && seeStop()); // Escape dismisses one, as the button does
listen(now.dataset.events, { snapshot, words, entry, count });
