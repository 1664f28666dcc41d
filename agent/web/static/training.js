// Practice: shows the step, sends what is scanned or pressed, and sounds as a station does.
import { headers } from "./press.js";
import { control, play } from "./sound.js";

const SVG = "http://www.w3.org/2000/svg";
const LOOK_MS = 1000;
const lesson = document.querySelector("[data-practice]");
const station = lesson.dataset.practice;
const name = station || lesson.dataset.prefix + crypto.getRandomValues(new Uint32Array(2)).join("-");
const address = `/api/v1/practice/${name}?lang=${lesson.dataset.language}`;
const told = lesson.querySelector("[data-told]");
let shown = "";

function field(key, value) {
  lesson.querySelector(`[data-field=${key}]`).textContent = value;
}

function barcode(one) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${one.modules} 40`);
  svg.setAttribute("width", `${one.modules * 1.6}`);
  svg.setAttribute("height", "56");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("shape-rendering", "crispEdges");
  svg.setAttribute("aria-hidden", "true");
  for (const [x, width] of one.bars) {
    const bar = document.createElementNS(SVG, "rect");
    for (const [key, value] of Object.entries({ x, width, y: 0, height: 40 })) bar.setAttribute(key, value);
    svg.append(bar);
  }
  return svg;
}

function button(one) {
  const item = document.createElement("li");
  const press = document.createElement("button");
  press.type = "button";
  press.className = "code";
  const label = document.createElement("span");
  label.textContent = one.label;
  press.append(barcode(one), label);
  press.addEventListener("click", () => send({ code: one.code }));
  item.append(press);
  return item;
}

function show(one) {
  const state = JSON.stringify(one);
  if (state === shown) return;
  shown = state;
  lesson.hidden = !one.on;
  field("title", one.title);
  field("count", `${one.step} / ${one.steps}`);
  field("do", one.do);
  field("text", one.text);
  field("said", one.said);
  const bar = lesson.querySelector("[data-bar]");
  bar.max = one.steps;
  bar.value = one.step;
  told.dataset.state = one.answer ?? "ready";
  lesson.querySelector("[data-codes]").replaceChildren(...one.codes.map(button));
}

async function send(body) {
  const answer = await fetch(address, { method: "POST", headers: headers(), body: JSON.stringify(body) });
  if (!answer.ok) return;
  const one = await answer.json();
  show(one);
  if (body.code && one.answer) play(one.answer);
}

// A station's practice moves on with what its scanner reads.
async function look() {
  const answer = await fetch(address).catch(() => null);
  if (answer?.ok) show(await answer.json());
}

lesson.querySelector("[data-scan]").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = event.target.elements.code;
  if (input.value) send({ code: input.value });
  input.value = "";
});
document.querySelector("[data-begin]").addEventListener("click", () => send({}));
for (const one of document.querySelectorAll("button[data-station]")) {
  one.addEventListener("click", async () => {
    const refused = document.querySelector("[data-refused]");
    const body = JSON.stringify({ on: one.dataset.on === "true" });
    const path = `/api/v1/stations/${one.dataset.station}/practice?lang=${lesson.dataset.language}`;
    const answer = await fetch(path, { method: "POST", headers: headers(), body });
    refused.hidden = answer.ok;
    if (!answer.ok) refused.textContent = (await answer.json()).hint;
    else if (one.dataset.on === "true") location.assign(`/training?station=${one.dataset.station}`);
  });
}
const sound = document.querySelector("[data-sound]");
control(sound)({ sound_on: sound.dataset.on, sound_off: sound.dataset.off, sound_blocked: sound.dataset.blocked });
if (station) {
  look();
  setInterval(look, LOOK_MS);
} else send({});
