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
