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
