// A scanner that types: keys faster than a hand, closed by Enter, wherever the focus is. What a hand types stays typing.

const GAP_MS = 100;
const SHORTEST = 4;
const LONGEST = 2000;

// A Korean input method swallows the letter, not the key: `KeyA`, `Digit1`.
function letter(event) {
  if (event.ctrlKey) return event.key === "]" ? "\u001d" : ""; // how scanners type FNC1 (ASCII 29)
  if (event.altKey || event.metaKey) return "";
  if (event.key.length === 1 && event.key <= "~") return event.key;
  const found = /^(?:Key([A-Z])|Digit([0-9]))$/.exec(event.code);
  if (!found) return "";
  return found[2] ?? (event.shiftKey ? found[1] : found[1].toLowerCase());
}

export function wedge(scanned) {
  let typed = "";
  let last = 0;

  function keydown(event) {
    const now = event.timeStamp;
    if (now - last > GAP_MS) typed = "";
    if (event.key === "Enter" && typed.length >= SHORTEST) {
      event.preventDefault();
      event.stopImmediatePropagation();
      take(event.target, typed);
      scanned(typed);
      typed = "";
      return;
    }
    const one = letter(event);
    if (one === "") return;
    last = now;
    typed = (typed + one).slice(-LONGEST);
    // Within a scan a space must not press the button that has the focus.
    if (one === " " && typed.length > 1 && !event.target.matches("input, textarea")) event.preventDefault();
  }

  // What the scanner has typed into a field does not stay there.
  function take(field, text) {
    if (!field.matches("input, textarea")) return;
    const at = field.value.lastIndexOf(text);
    if (at < 0) field.value = "";
    else field.value = field.value.slice(0, at) + field.value.slice(at + text.length);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  addEventListener("keydown", keydown, { capture: true });
}
