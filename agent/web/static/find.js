import { fill, listen, rows } from "./live.js";

const finder = document.querySelector("[data-find]");
const others = document.querySelector("[data-others]");
const button = document.querySelector("[data-tone]");

// A tone whose rate rises with nearness: one a second from afar, ten a second before the tag.
const SLOW_MS = 1000;
const FAST_MS = 100;
const IDLE_MS = 300; // how often to look again while there is nothing to say
const STALE_MS = 2000; // not told for so long: better no tone than an old one
const TONE_S = 0.05;
const EDGE_S = 0.008; // without it the speaker clicks
const VOLUME = 0.3;

let near = 0;
let toldAt = 0;
let context = null;
let timer = 0;

function beep() {
  const at = context.currentTime;
  const tone = new OscillatorNode(context, { type: "sine", frequency: 660 + 6 * near });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(VOLUME, at + EDGE_S);
  volume.gain.setValueAtTime(VOLUME, at + TONE_S - EDGE_S);
  volume.gain.linearRampToValueAtTime(0, at + TONE_S);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + TONE_S);
}

function sound() {
  const heard = near > 0 && performance.now() - toldAt < STALE_MS && context.state === "running";
  if (heard) beep();
  timer = setTimeout(sound, heard ? SLOW_MS - ((SLOW_MS - FAST_MS) * near) / 100 : IDLE_MS);
}

button.hidden = false;
button.addEventListener("click", async () => {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  button.textContent = on ? button.dataset.on : button.dataset.off;
  clearTimeout(timer);
  if (!on) return;
  context ??= new AudioContext();
  await context.resume();
  clearTimeout(timer); // pressed again meanwhile
  if (button.getAttribute("aria-pressed") === "true") sound();
});

listen(
  finder.dataset.events,
  {
    find(told) {
      finder.dataset.state = told.nearest.state;
      fill(finder, told.nearest);
      rows(others, told);
      others.hidden = told.others.length === 0;
      near = Number(told.nearest.nearness);
      toldAt = performance.now();
    },
  },
  { pausable: true },
);
