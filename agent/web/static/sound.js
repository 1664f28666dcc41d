// What a clerk hears: a short beep, two tones, or a long one. The newest answer silences the one before.

const TONES = {
  good: [[1320, 0, 0.09, "sine"]],
  look: [
    [880, 0, 0.16, "triangle"],
    [620, 0.2, 0.22, "triangle"],
  ],
  stop: [[196, 0, 1.1, "sawtooth"]],
};
const VOLUME = 0.35;
const EDGE_S = 0.008; // without it the speaker clicks
const KEPT = "jaego-sound";

let context = null;
let playing = [];
let wanted = localStorage.getItem(KEPT) !== "off";

function ready() {
  context ??= new AudioContext();
  return context.state === "running";
}

export function play(answer) {
  if (!wanted || !ready()) return; // a tone that waits would come too late to mean anything
  for (const tone of playing) tone.stop();
  playing = TONES[answer].map(([hertz, start, length, shape]) => {
    const at = context.currentTime + start;
    const tone = new OscillatorNode(context, { type: shape, frequency: hertz });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(VOLUME, at + EDGE_S);
    volume.gain.setValueAtTime(VOLUME, at + length - EDGE_S);
    volume.gain.linearRampToValueAtTime(0, at + length);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + length);
    return tone;
  });
}

// Gives a function that names the button's states anew: {sound_on, sound_off, sound_blocked}.
// A browser lets no page sound before somebody has touched it; the button says so until then.
export function control(button) {
  let texts = {};

  function show() {
    const blocked = wanted && context.state !== "running";
    button.dataset.state = blocked ? "blocked" : wanted ? "on" : "off";
    button.textContent = texts[`sound_${button.dataset.state}`] ?? "";
    button.setAttribute("aria-pressed", String(wanted));
  }
  ready();
  context.addEventListener("statechange", show);
  for (const touch of ["pointerdown", "keydown"]) {
    // On the button itself the click below decides, or it would wake the sound and turn it off in one go.
    addEventListener(touch, (event) => button.contains(event.target) || context.resume());
  }
  button.addEventListener("click", () => {
    if (button.dataset.state !== "blocked") {
      wanted = !wanted;
      localStorage.setItem(KEPT, wanted ? "on" : "off");
    }
    context.resume().then(() => {
      show();
      play("good");
    });
  });
  return (named) => {
    texts = named;
    button.hidden = false;
    show();
  };
}
