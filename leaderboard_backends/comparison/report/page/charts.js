// Charts: drawn as SVG by Vega, without eval, each laid out for the width that it has; a table of their figures on demand.

const PANEL_AXIS = 60;
const LEAST_PANEL = 60;
const LOW_PANEL = 170;
const LOOKS = 6;

const plots = [...document.querySelectorAll(".plot")];
const drawn = new Map();
const { theme: chartTheme, charts } = plots.length ? JSON.parse(await inflated("charts")) : {};
if (plots.length) await loadVega();

// The page's policy knows this text by its hash.
async function loadVega() {
  const script = document.createElement("script");
  script.textContent = await inflated("vega");
  document.head.append(script);
}

function tooltip(_, event, __, value) {
  const bubble = document.getElementById("hint");
  bubble.classList.toggle("shown", Boolean(value));
  if (!value) return;
  const lines = Object.entries(value).map(([name, told]) => {
    const line = document.createElement("div");
    const label = document.createElement("span");
    label.textContent = `${name} `;
    line.append(label, String(told));
    return line;
  });
  bubble.replaceChildren(...lines);
  place(bubble, event.clientX + 12, event.clientY + 12, event.clientY - 12);
}

function laidOut(chart, width) {
  const { columns, least } = chart.usermeta;
  const across = Math.max(1, Math.min(columns, Math.floor(width / least)));
  const panel = Math.max(LEAST_PANEL, Math.floor(width / across) - PANEL_AXIS);
  if (chart.vconcat) return { ...chart, vconcat: chart.vconcat.map((each) => narrowed(each, panel)) };
  const height = across === 1 ? LOW_PANEL : chart.spec.height;
  return { ...chart, columns: across, spec: { ...chart.spec, width: panel, height } };
}

function narrowed(chart, width) {
  return { ...chart, width, title: { ...chart.title, limit: width } };
}

function configuration(chart, width) {
  const columns = Math.max(1, Math.floor(width / chart.usermeta.entry));
  return { ...chartTheme, legend: { ...chartTheme.legend, columns } };
}

async function draw(plot) {
  const width = plot.clientWidth;
  if (!width || drawn.get(plot)?.width === width) return;
  drawn.get(plot)?.view?.finalize();
  drawn.set(plot, { width });
  const chart = charts[plot.dataset.chart];
  const specification = laidOut(chart, width);
  const options = { config: configuration(chart, width), renderer: "svg", actions: false, ast: true, tooltip };
  // Vega gives its element a role and a name of its own: the plot has better ones.
  const canvas = document.createElement("div");
  plot.replaceChildren(canvas);
  const { view } = await vegaEmbed(canvas, specification, { ...options, defaultStyle: false });
  drawn.set(plot, { width, view });
  await fit(view, plot, width, specification);
  plot.dataset.drawn = "";
}

// Names beside the axes take as much as they need: what they take too much, or leave, is the panels'. What stands out at
// the right moves with the width, if less than it, so that a look or two more may be needed.
async function fit(view, plot, width, specification) {
  const signal = specification.vconcat ? "width" : "child_width";
  for (let look = 0; look < LOOKS; look += 1) {
    const spare = width - plot.querySelector("svg").width.baseVal.value;
    if (look && spare >= 0) return;
    const panel = view.signal(signal) + Math.floor(spare / (specification.columns ?? 1));
    await view.signal(signal, Math.max(LEAST_PANEL, panel)).resize().runAsync();
  }
}

async function drawAll() {
  for (const plot of plots) {
    try {
      await draw(plot);
    } catch (error) {
      plot.textContent = `This chart could not be drawn: ${error.message}`;
      console.error(error);
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  document.documentElement.dataset.charts = "drawn";
}

let drawing = Promise.resolve();

function redraw() {
  drawing = drawing.then(drawAll);
}

function cell(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function figureCell(told, first) {
  const number = typeof told === "number";
  const made = cell(first ? "th" : "td", number ? told.toLocaleString("en", { maximumSignificantDigits: 4 }) : told);
  if (first) made.scope = "row";
  if (number) made.dataset.sort = told;
  return made;
}

function headingCell(title) {
  const made = document.createElement("th");
  made.scope = "col";
  const button = cell("button", title);
  button.type = "button";
  made.append(button);
  return made;
}

function figures(chart) {
  const { table: columns, of } = chart.usermeta;
  const rows = chart.data.values.filter((row) => row.what === of);
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  head.append(...columns.map(([, title]) => headingCell(title)));
  const words = columns.map(([field], place) => (typeof rows[0]?.[field] === "number" ? "" : `w${place + 1}`));
  table.className = words.join(" ");
  const body = table.createTBody();
  for (const row of rows) body.insertRow().append(...columns.map(([field], place) => figureCell(told(row[field]), !place)));
  return table;
}

function told(value) {
  return typeof value === "boolean" ? (value ? "yes" : "no") : value ?? "-";
}

function showFigures(details) {
  const chart = charts[details.closest("figure").querySelector(".plot").dataset.chart];
  const box = document.createElement("div");
  box.className = "scroll";
  box.role = "region";
  box.ariaLabel = `Figures: ${details.closest("figure").querySelector("strong").textContent}`;
  box.append(figures(chart));
  details.append(box);
  boxes.observe(box);
}

document.addEventListener(
  "toggle",
  (event) => {
    if (!event.target.open) return;
    if (event.target.matches(".behind") && !event.target.querySelector("table")) showFigures(event.target);
    else if (plots.length) redraw();
  },
  { capture: true },
);

if (plots.length) {
  let waiting;
  new ResizeObserver(() => {
    clearTimeout(waiting);
    waiting = setTimeout(redraw, 100);
  }).observe(document.querySelector("main"));
  redraw();
}
