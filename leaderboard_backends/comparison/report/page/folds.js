// Folded parts: they open for whoever follows a link into them, looks for something, or prints.

function reveal(target) {
  if (target?.matches("section")) target.querySelector(":scope > details")?.setAttribute("open", "");
  for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}

function followHash() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  reveal(target);
  target.scrollIntoView();
}

const folds = () => document.querySelectorAll("main details:not(.behind)");

function unfoldAll() {
  for (const fold of folds()) fold.open = true;
}

addEventListener("hashchange", followHash);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link?.hash === location.hash) followHash();
});
addEventListener("beforeprint", unfoldAll);

const unfoldButton = document.getElementById("unfold");
if (unfoldButton) {
  unfoldButton.hidden = false;
  unfoldButton.addEventListener("click", unfoldAll);
}
followHash();
