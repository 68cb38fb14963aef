// A list of incidents. A row is known by its incident's id and never by its place: its text changes where it stands,
// and rows come, go and move only while no hand is over them. Every text is set as text, never as markup.
const FIELDS = ["sev", "series", "z", "share", "state", "who", "time"];

function put(parent, name, text, tag = "span") {
  const element = document.createElement(tag);
  element.className = name;
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function rowOf(root, id) {
  const row = document.createElement("div");
  row.className = "item";
  row.setAttribute("role", "listitem");
  row.dataset.id = id;
  const open = put(row, "open", undefined, "a");
  // The mark is set apart to be larger; both stand in one field.
  FIELDS.forEach((name) => put(open, name, "", name === "series" ? "bdi" : "span"));
  put(open.querySelector(".sev"), "mark", "");
  put(open.querySelector(".sev"), "word", "");
  open.addEventListener("click", (event) => {
    // With a key held the browser opens it elsewhere, by its address.
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    root.act(id);
  });
  const fold = put(row, "fold", "", "button");
  fold.type = "button";
  fold.addEventListener("click", () => {
    if (root.unfolded.has(id)) root.unfolded.delete(id);
    else root.unfolded.add(id);
    folded(root);
  });
  return row;
}

function fill(row, line) {
  const open = row.querySelector(".open");
  const at = (name) => open.querySelector(`.${name}`);
  row.line = line;
  row.classList.toggle("selected", line.selected);
  row.classList.toggle("child", Boolean(line.parent));
  row.classList.toggle("over", line.state === "resolved");
  open.href = line.href;
  open.setAttribute("aria-current", line.selected ? "true" : "false");
  say(at("mark"), line.mark);
  say(at("word"), line.word);
  at("sev").className = `sev ${line.severity}`;
  say(at("series"), line.series);
  at("series").title = line.series;
  say(at("z"), line.z);
  at("z").title = line.peak;
  say(at("share"), line.share);
  say(at("state"), [line.state_word, ...line.tags].join(" · "));
  say(at("who"), line.who);
  at("who").title = line.who;
  say(at("time"), `${line.time} · ${line.age}`);
  at("time").title = line.when;
  const fold = row.querySelector(".fold");
  fold.hidden = !line.children;
}

function folded(root) {
  root.querySelectorAll(".item").forEach((row) => {
    const { line } = row;
    row.hidden = Boolean(line.parent) && !root.unfolded.has(line.parent);
    if (!line.children) return;
    const unfolded = root.unfolded.has(line.id);
    const fold = row.querySelector(".fold");
    fold.setAttribute("aria-expanded", String(unfolded));
    say(fold, `${unfolded ? "▾" : "▸"} ${line.fold}`);
  });
}

function arrange(root) {
  const rows = root.querySelector(".rows");
  const known = new Map([...rows.children].map((row) => [row.dataset.id, row]));
  root.latest.rows.forEach((line, i) => {
    const row = known.get(line.id) || rowOf(root, line.id);
    known.delete(line.id);
    if (rows.children[i] !== row) rows.insertBefore(row, rows.children[i] || null);
  });
  known.forEach((row) => row.remove());
  root.shape = shapeOf(root.latest.rows);
  root.querySelector(".new").hidden = true;
  root.querySelector(".none").hidden = root.latest.rows.length > 0;
  say(root.querySelector(".none"), root.latest.empty);
}

function shapeOf(rows) {
  return rows.map((line) => `${line.id}${line.parent ? `<${line.parent}` : ""}`).join();
}

function busy(root) {
  return root.over || root.querySelector(".rows").contains(root.getRootNode().activeElement) || root.querySelector(".scroll").scrollTop > 4;
}

function settle(root, now = false) {
  const lines = new Map(root.latest.rows.map((line) => [line.id, line]));
  const moved = root.shape !== shapeOf(root.latest.rows);
  if (moved && (now || root.shape === undefined || root.view !== root.latest.view || !busy(root))) arrange(root);
  root.view = root.latest.view;
  root.querySelectorAll(".item").forEach((row) => lines.has(row.dataset.id) && fill(row, lines.get(row.dataset.id)));
  folded(root);
  const button = root.querySelector(".new");
  if (root.shape === shapeOf(root.latest.rows)) {
    button.hidden = true;
    return;
  }
  const shown = new Set([...root.querySelectorAll(".item")].map((row) => row.dataset.id));
  const waiting = root.latest.rows.filter((line) => !shown.has(line.id)).length;
  button.hidden = false;
  say(button, waiting ? `↑ ${root.latest.waiting.replace("{n}", waiting)}` : `↻ ${root.latest.changed}`);
}

function walk(root, event) {
  if (event.metaKey || event.ctrlKey || event.altKey || !["j", "k"].includes(event.key)) return;
  const links = [...root.querySelectorAll(".item:not([hidden]) .open")];
  const at = links.indexOf(root.getRootNode().activeElement);
  const next = links[at + (event.key === "j" ? 1 : -1)];
  if (next) next.focus();
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".incidents");
  setTones(root, data.colours);
  root.latest = data;
  root.act = (id) => setTriggerValue("open", id);
  root.unfolded = root.unfolded || new Set();
  root.classList.toggle("dim", data.dim);
  root.classList.toggle("quiet", !data.rows.length);
  root.classList.toggle("slim", data.slim);
  const title = root.querySelector("h3");
  say(title, data.title);
  title.hidden = !data.title || !data.rows.length;
  const more = root.querySelector(".more");
  more.hidden = !data.more;
  if (data.more) {
    say(more, data.more.text);
    more.href = data.more.href;
  }
  if (!root.listening) {
    root.listening = true;
    const scroll = root.querySelector(".scroll");
    // The whole of it: the button to what waits must not go away as the hand comes near.
    root.addEventListener("pointerenter", (event) => {
      root.over = event.pointerType === "mouse";
    });
    root.addEventListener("pointerleave", () => {
      root.over = false;
      settle(root);
    });
    root.addEventListener("keydown", (event) => walk(root, event));
    root.querySelector(".new").addEventListener("click", () => {
      scroll.scrollTop = 0;
      settle(root, true);
    });
    more.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      root.act("");
    });
  }
  const chosen = data.rows.find((line) => line.selected && line.parent);
  if (chosen && root.chosen !== chosen.id) root.unfolded.add(chosen.parent);
  root.chosen = chosen && chosen.id;
  settle(root);
}
