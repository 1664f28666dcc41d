import { fill, listen, rows } from "./live.js";

const cards = new Map([...document.querySelectorAll("[data-card]")].map((card) => [card.dataset.card, card]));

function show(name, texts) {
  const card = cards.get(name);
  if (!card) return;
  card.dataset.state = texts.state;
  fill(card, texts);
  rows(card, texts);
  const line = card.querySelector("[data-field=text][lang]");
  if (line && texts.language) line.lang = texts.language;
}

listen(
  document.querySelector("[data-events]").dataset.events,
  {
    overview(all) {
      show("sync", all.sync);
      show("work", all.work);
      show("exceptions", all.exceptions);
      for (const one of all.stations) show(`station/${one.name}`, one);
      for (const one of all.devices) show(`device/${one.name}`, one);
    },
    station: (one) => show(`station/${one.name}`, one),
  },
  { pausable: true },
);
