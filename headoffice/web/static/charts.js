// Draws the charts marked data-chart from the API's traces, and the same numbers as a table beneath each.

const AGAIN_MS = 15000; // at least so long between two looks, however much happens
const colours = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7", "--c8"];
const dark = matchMedia("(prefers-color-scheme: dark)");
const numbers = new Intl.NumberFormat(document.documentElement.lang);
const still = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };

function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function drawn(told) {
  return told.traces.map((one, at) => {
    const colour = style(colours[at % colours.length]);
    const flat = told.horizontal;
    const trace = { name: one.name, type: "bar", marker: { color: colour }, [flat ? "y" : "x"]: one.x, [flat ? "x" : "y"]: one.y };
    if (flat) trace.orientation = "h";
    if (one.kind === "line") {
      Object.assign(trace, { type: "scatter", mode: "lines+markers", line: { color: colour, width: 2.5 }, connectgaps: true });
    }
    trace.hovertemplate = `%{${flat ? "x" : "y"}:,} ${told.unit}<extra>${told.traces.length > 1 ? one.name : ""}</extra>`;
    return trace;
  });
}

function axis(title, more) {
  return { title: { text: title, font: { size: 13 } }, gridcolor: style("--line"), zerolinecolor: style("--line"), automargin: true, fixedrange: true, ...more };
}

function layout(told, width) {
  const values = axis(told.unit, { rangemode: "tozero", tickformat: "~s", ...(told.range ? { range: told.range, tickformat: "" } : {}) });
  const names = axis("", { type: "category", tickangle: told.horizontal || width > 520 ? 0 : "auto", nticks: width > 520 ? 14 : 5 });
  if (told.horizontal) Object.assign(names, { autorange: "reversed", nticks: 0, dtick: 1, ticksuffix: " " });
  const rows = Math.max(1, ...told.traces.map((one) => one.x.length));
  return {
    barmode: told.stacked ? "stack" : "group",
    height: told.horizontal ? Math.max(160, 70 + 26 * rows) : 290,
    margin: { l: 12, r: 12, t: 8, b: 12 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: style("font-family") || "sans-serif", size: 13, color: style("--ink") },
    colorway: colours.map(style),
    hovermode: told.horizontal ? "closest" : "x unified",
    hoverlabel: { bgcolor: style("--paper"), font: { color: style("--ink") } },
    showlegend: told.traces.length > 1,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, traceorder: "normal" },
    bargap: 0.25,
    xaxis: told.horizontal ? values : names,
    yaxis: told.horizontal ? names : values,
  };
}

function cell(row, name, text) {
  const made = row.appendChild(document.createElement(name));
  if (name === "th") made.scope = row.parentElement.nodeName === "THEAD" ? "col" : "row";
  else made.className = "number";
  made.textContent = text;
}

function tabled(table, told) {
  table.tHead.replaceChildren();
  table.tBodies[0].replaceChildren();
  const head = table.tHead.insertRow();
  cell(head, "th", told.x);
  for (const one of told.traces) cell(head, "th", `${one.name} (${told.unit})`);
  const names = [...new Set(told.traces.flatMap((one) => one.x))];
  for (const name of names) {
    const row = table.tBodies[0].insertRow();
    cell(row, "th", name);
    for (const one of told.traces) {
      const value = one.y[one.x.indexOf(name)];
      cell(row, "td", value === undefined || value === null ? "–" : numbers.format(value));
    }
  }
}

async function draw(figure) {
  const plot = figure.querySelector("[data-plot]");
  const empty = figure.querySelector("[data-empty]");
  try {
    const answer = await fetch(figure.dataset.chart);
    if (!answer.ok) throw new Error(answer.status);
    const told = await answer.json();
    const none = told.traces.every((one) => one.x.length === 0);
    empty.hidden = !none;
    plot.hidden = none;
    const note = figure.querySelector("[data-note]");
    note.textContent = told.note;
    note.hidden = told.note === "";
    tabled(figure.querySelector("table"), told);
    if (!none) await Plotly.react(plot, drawn(told), layout(told, plot.clientWidth), { ...still });
    figure.dataset.drawn = "yes";
  } catch {
    figure.dataset.drawn = "no";
    empty.hidden = false;
  }
}

const figures = [...document.querySelectorAll("[data-chart]")];
let lookedAt = performance.now();
async function all() {
  for (const figure of figures) await draw(figure); // one after the other: the first is there at once
}
document.addEventListener("looked", () => {
  if (performance.now() - lookedAt < AGAIN_MS) return;
  lookedAt = performance.now();
  all();
});
dark.addEventListener("change", all);
all();
