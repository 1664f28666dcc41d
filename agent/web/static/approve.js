// A supervisor allows what was stopped: badge, typed or scanned, and PIN.

import { headers } from "./press.js";

const BADGE = /^STK-LOGIN-(.+)-.$/i;

export function approval(station, done) {
  const dialog = document.querySelector("[data-dialog=approval]");
  const form = dialog.querySelector("form");
  const refused = dialog.querySelector("[data-refused]");
  let seq = 0;

  async function send() {
    const body = { station, seq, badge: form.elements.badge.value.trim(), pin: form.elements.pin.value };
    form.elements.pin.value = "";
    const answer = await fetch("/api/v1/approve", {
      method: "POST",
      headers: headers(),
      body: JSON.stringify(body),
    }).catch(() => null);
    const said = await answer?.json().catch(() => null);
    refused.hidden = answer?.ok ?? false;
    if (answer?.ok) {
      dialog.close();
      done();
      return;
    }
    refused.textContent = said?.hint ?? document.querySelector("[data-link]").textContent;
    form.elements.pin.focus();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  dialog.addEventListener("click", (event) => {
    const digit = event.target.closest("[data-pin]")?.dataset.pin;
    if (digit === undefined) return;
    const pin = form.elements.pin;
    pin.value = digit === "" ? pin.value.slice(0, -1) : pin.value + digit;
  });
  return {
    open(entry) {
      seq = entry.seq;
      form.reset();
      refused.hidden = true;
      dialog.querySelector("[data-about]").textContent = entry.text;
      dialog.showModal();
      form.elements.badge.focus();
    },
    // A badge scanned while the dialog is open is the supervisor's. True: it was taken.
    badge(code) {
      const found = dialog.open && BADGE.exec(code);
      if (!found) return dialog.open;
      form.elements.badge.value = found[1];
      form.elements.pin.focus();
      return true;
    },
  };
}
