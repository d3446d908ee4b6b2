// Which backend, for a need: the answers are in the page, one for each choice that can be made; nothing is computed here.

const OTHERS_IN_VIEW = 3;

const need = document.getElementById("need");
if (need) offerChoice(need, JSON.parse(await inflated("grid")));

function offerChoice(form, grid) {
  const answer = document.getElementById("need-answer");
  const update = () => showAnswer(answer, grid, chosen(form), form.elements.durability.options);
  for (const select of form.querySelectorAll("select")) select.value = nearest(grid.axes[select.name], select);
  form.addEventListener("change", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  update();
  form.hidden = answer.hidden = false;
  document.getElementById("need-table").open = false;
}

// A browser restores what was chosen before a reload; else it is the option that the page marks.
function nearest(values, select) {
  return values.some((value) => String(value) === select.value) ? select.value : String(values[0]);
}

function chosen(form) {
  const selects = [...form.querySelectorAll("select")];
  const words = Object.fromEntries(selects.map((select) => [select.name, select.selectedOptions[0].text]));
  return { words, values: Object.fromEntries(selects.map((select) => [select.name, select.value])) };
}

function lookedUp({ axes, answers, index }, values) {
  const places = Object.entries(axes).map(([name, all]) => [all.length, all.map(String).indexOf(values[name])]);
  return answers[index[places.reduce((sum, [size, place]) => sum * size + place, 0)]];
}

function element(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

// The sentence alone is read out after each change.
function showAnswer(answer, grid, { words, values }, durabilities) {
  const text = (number) => grid.texts[number];
  const [take, config, facts, notes, others] = lookedUp(grid, values);
  const [sentence, rest] = answer.children;
  sentence.replaceChildren(`For ${needWords(words, values)}: `, element("strong", "", text(take)), ".");
  const parts = [];
  if (config !== null && text(config)) parts.push(configLine(text(config)));
  if (facts.length) parts.push(factList(facts, text));
  if (notes.length) parts.push(element("ul", "points note", ...notes.map((note) => element("li", "", text(note)))));
  parts.push(...withOtherDurability(grid, values, durabilities, text));
  if (others.length) parts.push(...whyNot(others, text));
  parts.push(element("p", "note", "On a terminal, for this and for any other need: ", element("code", "", command(values))));
  rest.replaceChildren(...parts);
}

function needWords(words, values) {
  const counted = (name, one) => `${words[name]} ${one}${values[name] === "1" ? "" : one.endsWith("s") ? "es" : "s"}`;
  const processes = `${counted("workers", "process")}${values.servers === "1" ? "" : " each"}`;
  const rates = `${words.updates} updates and ${words.reads} reads per second`;
  return `${words.players} players, ${counted("servers", "server")} with ${processes}, ${rates}, a power cut may take ${words.durability}`;
}

function configLine(line) {
  const code = element("code", "", line);
  const button = element("button", "", "Copy");
  button.type = "button";
  button.ariaLabel = `Copy ${line}`;
  offerCopy(button, code);
  return element("p", "", "In a config: ", code, button);
}

function factList(facts, text) {
  const pairs = facts.map(([name, value]) => element("div", "", element("dt", "", text(name)), element("dd", "", text(value))));
  return element("dl", "facts", ...pairs);
}

function withOtherDurability(grid, values, durabilities, text) {
  const lines = [...durabilities].filter((option) => !option.selected).map((option) => {
    const [take, , facts] = lookedUp(grid, { ...values, durability: option.value });
    const known = new Map(facts.map(([name, value]) => [text(name), text(value)]));
    const p99 = known.has("p99 of an update") && `, p99 ${known.get("p99 of an update")} per update`;
    const said = [p99, known.has("Cost") && `, ${known.get("Cost").split(", on ")[0]}`];
    return element("li", "", `If a power cut may take ${option.text}: `, element("strong", "", text(take)), ...said.filter(Boolean));
  });
  return [element("p", "subtitle", "With other durability"), element("ul", "points durability", ...lines)];
}

function whyNot(others, text) {
  const lines = others.map(([label, why]) => element("li", "", element("strong", "", text(label)), `: ${text(why)}`));
  const list = (some) => element("ul", "points why-not", ...some);
  const rest = lines.slice(OTHERS_IN_VIEW);
  const parts = [element("p", "subtitle", "Why not the next ones"), list(lines.slice(0, OTHERS_IN_VIEW))];
  if (rest.length) parts.push(element("details", "more", element("summary", "", `Why not the other ${rest.length}`), list(rest)));
  return parts;
}

function command({ players, servers, workers, durability, updates, reads }) {
  const load = `--updates ${updates}/s --reads ${reads}/s`;
  return `leaderboard advise result.json --players ${players} ${load} --servers ${servers} --workers ${workers} --durability '${durability}'`;
}
