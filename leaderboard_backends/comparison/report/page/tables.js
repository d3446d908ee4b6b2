// Tables: sorted by a heading's button, up, down, and as they were; wide ones scroll within their own box.

const asMade = new WeakMap();
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

const NUMBER = /^-?(?:[0-9][0-9,]*)?\.?[0-9]+/;
const NOTHING = "-";

// What a cell is sorted by: its attribute, or else its words, or the number that it begins with. Null comes last.
function key(cell, words) {
  if (cell.dataset.last !== undefined) return null;
  if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
  if (cell.dataset.text !== undefined) return cell.dataset.text;
  const text = cell.firstChild?.textContent ?? "";
  if (words) return text === NOTHING ? null : text;
  const told = text.match(NUMBER);
  return told ? Number(told[0].replaceAll(",", "")) : null;
}

function compare(one, two) {
  if (typeof one === typeof two) return typeof one === "number" ? one - two : one.localeCompare(two, "en", { numeric: true });
  return typeof one === "number" ? -1 : 1;
}

function sorted(rows, place, words, direction) {
  if (direction === "none") return rows;
  const keyed = rows.map((row) => [key(row.cells[place], words), row]);
  const last = keyed.filter(([value]) => value === null);
  const rest = keyed.filter(([value]) => value !== null);
  const turn = direction === "ascending" ? 1 : -1;
  return [...rest.sort(([one], [two]) => turn * compare(one, two)), ...last].map(([, row]) => row);
}

function sortBy(heading) {
  const table = heading.closest("table");
  const body = table.tBodies[0];
  if (!asMade.has(table)) asMade.set(table, [...body.rows]);
  const direction = NEXT[heading.getAttribute("aria-sort") ?? "none"];
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  if (direction !== "none") heading.setAttribute("aria-sort", direction);
  const words = table.classList.contains(`w${heading.cellIndex + 1}`);
  body.append(...sorted(asMade.get(table), heading.cellIndex, words, direction));
}

// A box that scrolls has to be reached by the keyboard; one that does not is no stop on the way.
const boxes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

document.addEventListener("click", (event) => {
  const heading = event.target.closest("thead th");
  if (heading && event.target.closest("button")) sortBy(heading);
});
for (const box of document.querySelectorAll(".scroll")) boxes.observe(box);

// How a figure came about: shown beside it under a pointer, or for a whole table by its button.

const hint = document.getElementById("hint");

function show(cell) {
  const box = cell.getBoundingClientRect();
  hint.replaceChildren(...[...cell.querySelectorAll("small")].map((small) => small.textContent));
  hint.classList.add("shown");
  place(hint, box.left, box.bottom + 4, box.top - 4);
}

function place(floating, left, below, above) {
  const fits = below + floating.offsetHeight < innerHeight;
  const rightmost = document.documentElement.clientWidth - floating.offsetWidth - 8;
  floating.style.left = `${Math.max(8, Math.min(left, rightmost)) + scrollX}px`;
  floating.style.top = `${(fits ? below : above - floating.offsetHeight) + scrollY}px`;
}

function hide() {
  hint.classList.remove("shown");
}

function explained(target) {
  const cell = target.closest?.("td, th");
  return cell?.querySelector("small") && !cell.closest("table.explained") ? cell : null;
}

document.addEventListener("pointerover", (event) => {
  const cell = explained(event.target);
  if (cell) show(cell);
  else hide();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
});
document.addEventListener("scroll", hide, { capture: true, passive: true });
document.addEventListener("click", (event) => {
  const button = event.target.closest("button.explain");
  if (!button) return;
  hide();
  const shown = button.closest(".table").querySelector("table").classList.toggle("explained");
  button.setAttribute("aria-pressed", String(shown));
});
