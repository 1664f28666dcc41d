// The one field of a station: an item by name, SKU or code, or a number for the keys beside it.

const PAUSE_MS = 120; // while somebody types
const SHOWN = 8;
const CODE = /^(?:[0-9]{8}|[0-9]{12,14}|[0-9A-Za-z()]{16,}|STK-.+|\].+|https?:.+)$/i; // what is no word of a name

export function search(form, press) {
  const field = form.querySelector("input");
  const list = form.querySelector("[role=listbox]");
  const none = form.querySelector("[data-none]");
  let found = [];
  let marked = 0;
  let timer = 0;
  let asked = 0;

  function show() {
    const korean = document.documentElement.lang === "ko";
    list.replaceChildren(
      ...found.map((item, at) => {
        const row = document.createElement("li");
        const name = document.createElement("strong");
        const sku = document.createElement("code");
        row.role = "option";
        row.id = `found-${at}`;
        row.ariaSelected = String(at === marked);
        name.textContent = (korean ? item.name.ko ?? item.name.en : item.name.en ?? item.name.ko) ?? item.sku;
        sku.textContent = item.sku;
        row.append(name, sku);
        row.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
        row.addEventListener("click", () => pick(item));
        return row;
      }),
    );
    list.hidden = found.length === 0;
    field.ariaExpanded = String(!list.hidden);
    if (list.hidden) field.removeAttribute("aria-activedescendant");
    else {
      field.setAttribute("aria-activedescendant", `found-${marked}`);
      list.children[marked].scrollIntoView({ block: "nearest" });
    }
  }

  function clear() {
    clearTimeout(timer);
    asked += 1; // an answer on its way comes too late
    field.value = "";
    found = [];
    none.hidden = true;
    show();
  }

  function pick(item) {
    const code = item.gtins.find((one) => one.units === 1)?.gtin ?? item.sku;
    clear();
    press({ code });
  }

  async function ask() {
    const text = field.value.trim();
    const mine = (asked += 1);
    let items = [];
    if (text && !/^[0-9]{1,5}$/.test(text)) {
      try {
        const answer = await fetch(`/api/v1/items?limit=${SHOWN}&q=${encodeURIComponent(text)}`);
        if (answer.ok) items = (await answer.json()).items;
      } catch {
        // away: the page says so elsewhere
      }
    }
    if (mine !== asked) return;
    found = items;
    marked = 0;
    none.hidden = items.length > 0 || !text || /^[0-9]*$/.test(text);
    show();
  }

  async function send() {
    const text = field.value.trim();
    if (!text) return;
    if (CODE.test(text)) {
      clear();
      press({ code: text });
      return;
    }
    clearTimeout(timer);
    if (!found.length) await ask();
    if (found.length) pick(found[marked]);
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") clear();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !found.length) return;
    event.preventDefault();
    marked = (marked + step + found.length) % found.length;
    show();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  return { field, clear, send };
}
