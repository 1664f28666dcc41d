// Keypad, pickers and shortcuts: each button posts the control code of the printed sheet.

import { search } from "./search.js";

const NUMBER = /^[0-9]{1,5}$/;

export function pad(station, press) {
  const root = document.querySelector("[data-pad]");
  const entry = search(root.querySelector("[data-entry]"), press);

  function write(digits) {
    entry.field.value += digits;
    entry.field.dispatchEvent(new Event("input"));
  }

  async function documents(dialog) {
    const list = dialog.querySelector("[data-choices]");
    const answer = await fetch(`/station/${station}/documents`).catch(() => null);
    const listed = answer?.ok ? await answer.json() : [];
    list.replaceChildren(
      ...listed.map(({ label, note, code }) => {
        const row = document.createElement("li");
        const button = document.createElement("button");
        const detail = document.createElement("span");
        button.type = "button";
        button.dataset.code = code;
        detail.className = "note";
        detail.textContent = note;
        button.append(label, detail);
        row.append(button);
        return row;
      }),
    );
    dialog.querySelector("[data-none]").hidden = listed.length > 0;
  }

  async function open(name) {
    const dialog = document.querySelector(`[data-dialog=${name}]`);
    if (document.querySelector("dialog[open]")) return;
    if (name === "document") await documents(dialog);
    dialog.showModal();
  }

  function act(button) {
    const { code, verb, digit, open: name } = button.dataset;
    if (code) {
      button.closest("dialog")?.close();
      press({ code });
    } else if (verb) {
      const number = entry.field.value.trim();
      if (NUMBER.test(number)) press({ verb, argument: number });
      if (NUMBER.test(number)) entry.clear();
      else entry.field.focus();
    } else if (digit) write(digit);
    else if (name) open(name);
    else if ("erase" in button.dataset) {
      entry.field.value = entry.field.value.slice(0, -1);
      entry.field.dispatchEvent(new Event("input"));
    } else if ("send" in button.dataset) entry.send();
    else if ("close" in button.dataset) button.closest("dialog").close();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) act(button);
  });
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === entry.field.dataset.key) {
      event.preventDefault();
      entry.field.focus();
      return;
    }
    const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
    if (!button) return;
    event.preventDefault();
    act(button);
  });
  root.hidden = false;
}
