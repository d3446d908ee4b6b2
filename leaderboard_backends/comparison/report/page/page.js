// What the page carries with it: gzip as base64, in script elements that no browser runs.

async function inflated(name) {
  const packed = Uint8Array.from(atob(document.getElementById(`data-${name}`).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

function offerDownload(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([await inflated("result")], { type: "application/json" }));
    link.download = "result.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}

function offerCopy(button, source) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2_000);
  });
}

const download = document.getElementById("download");
if (download) offerDownload(download);
offerCopy(document.getElementById("copy"), document.getElementById("page-command"));

// The line for a config ends its paragraph: a button that copies it follows.
for (const code of document.querySelectorAll(".lead > p > code:last-child")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.ariaLabel = `Copy ${code.textContent}`;
  code.after(button);
  offerCopy(button, code);
}

// Light and dark: as the system has it, until the reader chooses. Colours are variables, so that charts follow.

const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const themeButton = document.getElementById("theme");

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : darkSystem.matches;
}

function nameTheme() {
  themeButton.textContent = isDark() ? "Light theme" : "Dark theme";
}

function remember(theme) {
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Files may have no storage: the choice then holds for this page.
  }
}

function remembered() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  nameTheme();
}

themeButton.addEventListener("click", () => {
  choose(isDark() ? "light" : "dark");
  remember(document.documentElement.dataset.theme);
});
darkSystem.addEventListener("change", nameTheme);
if (["light", "dark"].includes(remembered())) choose(remembered());
nameTheme();
themeButton.hidden = false;

// The contents are folded where they would push the answer off the screen.
const wide = matchMedia("(min-width: 70rem)");
const contents = document.getElementById("contents");
const unfold = () => (contents.open = wide.matches);
wide.addEventListener("change", unfold);
unfold();

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
