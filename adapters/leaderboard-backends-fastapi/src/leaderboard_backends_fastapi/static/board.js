// Keeps the table of a board as it is: from a stream of events, each the whole of what is to be seen.
"use strict";

const SPEAK_EVERY = 10_000; // milliseconds between two announcements, so that nobody is talked over
const MARKED_FOR = 8_000; // milliseconds for which a move stays marked
const MOVE_TAKES = 350;
const RETRY_FROM = 2_000;
const RETRY_AT_MOST = 60_000;

const byId = (id) => document.getElementById(id);
const table = byId("board");
const body = table.tBodies[0];
const pause = byId("pause");
const still = matchMedia("(prefers-reduced-motion: reduce)");

// ---------------------------------------------------------------------- how fresh it is

const condition = { name: byId("condition").dataset.condition, words: byId("words").textContent, since: null };
let lost = false;

const ageOf = (seconds) => {
  const told = (number, unit) => `${number}\u00a0${unit}`;
  if (seconds < 10 && !Number.isInteger(seconds)) return told(seconds.toFixed(1), "s");
  if (seconds < 120) return told(Math.round(seconds), "s");
  return seconds < 7200 ? told(Math.round(seconds / 60), "min") : told(Math.round(seconds / 3600), "h");
};

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

const setClass = (element, name, on) => {
  if (element.classList.contains(name) !== on) element.classList.toggle(name, on);
};

function showCondition() {
  let name = condition.name;
  let words = condition.words;
  if (pause.getAttribute("aria-pressed") === "true") {
    name = "paused";
    words = waiting ? "Paused, updates are waiting" : "Paused";
  } else if (lost) {
    name = "lost";
    words = `Connection lost ${ageOf(Math.floor((performance.now() - lost) / 1000))} ago, trying again`;
  } else if (condition.since !== null) {
    words += `, ${ageOf(condition.age + (ticks(name) ? (performance.now() - condition.since) / 1000 : 0))} old`;
  }
  byId("condition").dataset.condition = name;
  setText(byId("words"), words);
}

// A stale answer gets older while the storage is away. One from a cache was fresh enough, and is looked at all the time.
const ticks = (name) => name === "stale";

function takeCondition(state) {
  if (condition.name !== state.condition && (state.condition === "stale" || state.condition === "down")) {
    say(state.words);
  }
  condition.name = state.condition;
  condition.words = state.words;
  condition.age = state.age;
  condition.since = state.condition === "live" || state.condition === "down" ? null : performance.now();
}

// ---------------------------------------------------------------------- what is said aloud

let spoken = -SPEAK_EVERY;
let toSay = "";
let speaking = 0;

function say(text) {
  toSay = text;
  if (!speaking) speaking = setTimeout(speak, Math.max(0, spoken + SPEAK_EVERY - performance.now()));
}

function speak() {
  speaking = 0;
  spoken = performance.now();
  byId("news").textContent = toSay;
}

function announce(before, after) {
  if (!after.length) return;
  const [rank, player, , score] = after[0];
  const moved = after.filter(([place, id]) => before.has(id) && before.get(id) !== place).length;
  const joined = after.filter(([, id]) => !before.has(id)).length;
  if (before.get(player) !== rank) say(`${nameOf(after[0])} leads with ${score}.`);
  else if (moved) say(`${moved} ${moved === 1 ? "player" : "players"} moved.`);
  else if (joined) say(`${joined} new in the table.`);
}

// ---------------------------------------------------------------------- the table

const nameOf = (row) => row[2] || "no name";
const rows = new Map([...body.rows].map((row) => [row.dataset.player, row]));
const ranks = new Map([...body.rows].map((row) => [row.dataset.player, Number(row.cells[0].firstChild.textContent)]));
const marks = new WeakMap();
let first = true; // what comes first is what the page was made from, or nearly

function make(player) {
  const row = document.createElement("tr");
  row.dataset.player = player;
  const rank = document.createElement("td");
  rank.append(document.createElement("span"), document.createElement("span"));
  rank.firstChild.className = "rank";
  rank.lastChild.className = "move";
  const name = document.createElement("th");
  name.scope = "row";
  name.append(document.createElement("bdi"));
  row.append(rank, name, document.createElement("td"));
  return row;
}

function fill(row, entry) {
  const name = row.cells[1].firstChild;
  setText(row.cells[0].firstChild, String(entry[0]));
  setText(name, nameOf(entry));
  setClass(name, "nameless", !entry[2]);
  setText(row.cells[2], entry[3]);
  setClass(row.cells[2], "many", entry[3].length > Number(table.dataset.many));
}

function mark(row, before, after) {
  const move = row.cells[0].lastChild;
  const by = before === undefined ? 0 : before - after;
  move.className = before === undefined ? "move new" : by > 0 ? "move up" : "move down";
  const [sign, words] = before === undefined ? ["new", ""] : by > 0 ? [`▲${by}`, `up ${by}`] : [`▼${-by}`, `down ${-by}`];
  const seen = document.createElement("span");
  seen.textContent = sign;
  move.replaceChildren(seen);
  if (words) {
    const heard = document.createElement("span");
    seen.setAttribute("aria-hidden", "true");
    heard.className = "unseen";
    heard.textContent = `, ${words}`;
    move.append(heard);
  }
  clearTimeout(marks.get(row));
  marks.set(row, setTimeout(() => unmark(move), MARKED_FOR));
}

function unmark(move) {
  move.className = "move";
  move.replaceChildren();
}

function slide(row, from) {
  for (const running of row.getAnimations()) running.cancel();
  const by = from - row.getBoundingClientRect().top;
  if (by) row.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: MOVE_TAKES, easing: "ease-out" });
}

function forget(shown) {
  for (const [player, row] of rows) {
    if (shown.has(player)) continue;
    row.remove();
    rows.delete(player);
  }
}

function place(entries) {
  forget(new Set(entries.map(([, player]) => player)));
  let next = body.firstElementChild;
  for (const entry of entries) {
    const player = entry[1];
    const row = rows.get(player) ?? make(player);
    rows.set(player, row);
    fill(row, entry);
    if (row === next) next = row.nextElementSibling;
    else body.insertBefore(row, next);
  }
}

function render(entries) {
  const before = new Map(ranks);
  const tops = first || still.matches ? null : new Map([...rows].map(([player, row]) => [player, row.getBoundingClientRect().top]));
  place(entries);
  ranks.clear();
  for (const [rank, player] of entries) {
    ranks.set(player, rank);
    if (first || before.get(player) === rank) continue;
    mark(rows.get(player), before.get(player), rank);
    if (tops?.has(player)) slide(rows.get(player), tops.get(player));
  }
  if (!first) announce(before, entries);
  first = false;
}

function show(state) {
  takeCondition(state);
  if (state.rows) {
    setText(byId("players"), state.count);
    byId("empty").hidden = state.rows.length > 0;
    render(state.rows);
  }
  showCondition();
}

// ---------------------------------------------------------------------- the stream

let source = null;
let waiting = null;
let retry = RETRY_FROM;
let retrying = 0;

function connect() {
  retrying = 0;
  source?.close();
  source = new EventSource(table.dataset.events);
  source.addEventListener("board", (event) => {
    if (lost) say("Connected again.");
    lost = false;
    retry = RETRY_FROM;
    const state = JSON.parse(event.data);
    if (pause.getAttribute("aria-pressed") === "true") waiting = state;
    else show(state);
    showCondition();
  });
  source.addEventListener("error", () => {
    if (!lost) say("Connection lost, trying again.");
    lost ||= performance.now();
    showCondition();
    if (source.readyState === EventSource.CLOSED && !retrying && !document.hidden) {
      retrying = setTimeout(connect, retry * (0.5 + Math.random()));
      retry = Math.min(retry * 2, RETRY_AT_MOST);
    }
  });
}

pause.addEventListener("click", () => {
  const paused = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", String(paused));
  if (!paused && waiting) show(waiting);
  waiting = null;
  showCondition();
});

// A page that nobody sees gives its place at the server to another.
document.addEventListener("visibilitychange", () => {
  clearTimeout(retrying);
  if (document.hidden) source?.close();
  else if (!source || source.readyState === EventSource.CLOSED) connect();
});

pause.hidden = false;
setInterval(showCondition, 1000);
if (!document.hidden) connect();
