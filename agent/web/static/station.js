import { approval } from "./approve.js";
import { fill, listen } from "./live.js";
import { pad } from "./pad.js";
import { presses } from "./press.js";
import { control, play } from "./sound.js";
import { wedge } from "./wedge.js";

const SHOWN = 50;
const now = document.querySelector("[data-now]");
const list = document.querySelector("[data-entries]");
const doing = document.querySelectorAll("[data-doing]");
const counted = document.querySelector("[data-count]");
const stop = document.querySelector("[data-stop]");
const dismiss = document.querySelector("[data-dismiss]");
const approve = document.querySelector("[data-approve]");
const kept = document.querySelector("[data-kept]");
const undo = document.querySelector("[data-undo]");
const language = document.querySelector("[data-lang-ko]");
const name = control(document.querySelector("[data-sound]"));
const SEEN = `jaego-seen-${now.dataset.events}`;

let stops = []; // not dismissed yet, oldest first
let heard = 0; // arrival of the newest entry we know
let seen = Number(sessionStorage.getItem(SEEN)); // arrival of the newest stop that was dismissed, in microseconds
let texts = {};

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

function show(texts) {
  for (const part of doing) fill(part, texts);
}

function showNow(entry) {
  now.dataset.state = entry.answer;
  fill(now, entry);
  show(entry);
  for (const part of now.querySelectorAll(".line, .item")) part.lang = entry.language;
}

function showStop() {
  const first = stops[0];
  if (!first) {
    if (stop.open) stop.close();
    return;
  }
  const more = stops.length > 1 ? texts.more_stops.replace("{n}", stops.length - 1) : "";
  fill(stop, { ...first, more });
  stop.querySelector("#stop-text").lang = first.language;
  approve.hidden = !first.approvable;
  if (!stop.open) {
    for (const other of document.querySelectorAll("dialog.choices[open]")) other.close();
    stop.showModal();
  }
  dismiss.focus();
}

function seeStop() {
  const first = stops.shift();
  if (first?.at_us) {
    seen = first.at_us;
    sessionStorage.setItem(SEEN, seen);
  }
  showStop();
}

// The fixed words of the page, when the session's language changes (LANG-KO, LANG-EN).
function words(spoken) {
  texts = spoken.texts;
  document.documentElement.lang = spoken.language;
  for (const element of document.querySelectorAll("[data-word]")) {
    element.textContent = texts[element.dataset.word];
  }
  for (const element of document.querySelectorAll("[data-ko]")) element.textContent = element.dataset[spoken.language];
  const other = spoken.language === "ko" ? "en" : "ko";
  language.dataset.code = other === "ko" ? language.dataset.langKo : language.dataset.langEn;
  language.lang = other;
  name(texts);
}

function snapshot({ entries, doing: told, ...spoken }) {
  words(spoken);
  const last = entries.at(-1);
  if (!seen) sessionStorage.setItem(SEEN, (seen = last ? last.at_us - 1 : 1));
  show(told);
  if (last) showNow(last);
  list.replaceChildren(...entries.slice(-SHOWN).reverse().map(row));
  offerUndo();
  // A screen just opened asks about the newest scan only, not about what somebody saw on another one.
  const ours = stops.filter((one) => !one.at_us); // what the agent would not have: only this page knows of it
  stops = [...ours, ...entries.filter((one) => one.at_us > seen && one.answer === "stop")];
  showStop();
  if (heard && last && last.at_us > heard) play(stops.length ? "stop" : last.answer); // scanned while we were away
  heard = last ? last.at_us : 0;
}

function offerUndo() {
  list.firstElementChild?.append(undo);
  undo.hidden = !list.firstElementChild;
}

function entry(one) {
  play(one.answer);
  heard = one.at_us;
  list.prepend(row(one));
  offerUndo();
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

// The agent will not have it: nothing was recorded, and whoever pressed must know.
function refused(hint, body) {
  play("stop");
  const text = `${hint} ${body.code ?? `${body.verb} ${body.argument}`}`;
  stops = [...stops, { text, time: "", language: document.documentElement.lang }].slice(-SHOWN);
  showStop();
}

const press = presses(now.dataset.station, {
  told(waiting) {
    kept.hidden = waiting === 0;
    if (waiting) kept.textContent = (texts.kept ?? kept.dataset.text).replace("{n}", waiting);
  },
  refused,
  full: () => refused(texts.kept_full ?? kept.dataset.full, {}),
});
// What a supervisor allowed is booked: said here, since no scan says it.
function approved() {
  const [first] = stops;
  play("good");
  list.prepend(row({ ...first, answer: "good", word: texts.good, text: `${texts.approved} · ${first.text}` }));
  offerUndo();
  seeStop();
}
const supervisor = approval(now.dataset.station, approved);

approve.addEventListener("click", () => supervisor.open(stops[0]));
dismiss.addEventListener("click", seeStop);
stop.addEventListener("close", () => stops.length && seeStop()); // Escape dismisses one, as the button does
wedge((code) => supervisor.badge(code) || press({ code }));
pad(now.dataset.station, press);
listen(now.dataset.events, { snapshot, words, entry, count });
