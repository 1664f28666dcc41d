// The keypad of the login page. A scanner ends a badge with Enter: then the PIN is next, not the form's end.

const form = document.querySelector("[data-login]");
const { badge, pin } = form.elements;

form.querySelector("[data-keypad]").hidden = false;
form.querySelector("[data-plain]").hidden = true;

form.addEventListener("click", (event) => {
  const digit = event.target.closest("[data-pin]")?.dataset.pin;
  if (digit === undefined) return;
  pin.value = digit === "" ? pin.value.slice(0, -1) : (pin.value + digit).slice(0, pin.maxLength);
});

badge.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  pin.focus();
});
