// The newest headlines. Rows never move under the reader's hand: new ones wait behind "12 new".
// Every text is set as text, never as markup; links open only http and https.
function cell(row, name, text) {
  const element = document.createElement("div");
  element.className = name;
  element.setAttribute("role", "cell");
  if (text !== undefined) element.textContent = text;
  row.appendChild(element);
  return element;
}

function titled(parent, line) {
  const safe = typeof line.url === "string" && /^https?:\/\//i.test(line.url);
  const element = document.createElement(safe ? "a" : "span");
  if (safe) {
    element.href = line.url;
    element.target = "_blank";
    element.rel = "noopener noreferrer nofollow";
  }
  const words = document.createElement("bdi");
  words.textContent = line.title;
  element.appendChild(words);
  element.title = line.title;
  parent.appendChild(element);
}

function rowOf(line) {
  const row = document.createElement("div");
  row.className = "row";
  row.setAttribute("role", "row");
  row.dataset.id = line.id;
  const time = cell(row, "time", line.time);
  time.title = line.when;
  const score = cell(row, `score ${line.tone}`, `${line.mark} ${line.score}`);
  score.setAttribute("aria-label", `${line.label} ${line.score}`);
  score.title = line.label;
  cell(row, "topic", line.topic);
  titled(cell(row, "title"), line);
  const tickers = cell(row, "tickers");
  line.tickers.forEach((ticker) => {
    const tag = document.createElement("span");
    tag.textContent = ticker;
    tickers.appendChild(tag);
  });
  const from = cell(row, "from");
  const source = document.createElement("bdi");
  source.textContent = line.source;
  from.append(source, ` · ${line.lang}`, line.late ? ` · ${line.late}` : "");
  from.title = from.textContent;
  cell(row, "copies", line.copies);
  return row;
}

function show(root) {
  const data = root.latest;
  const body = root.querySelector(".body");
  const drawn = JSON.stringify(data.rows);
  root.querySelector(".new").hidden = true;
  if (root.drawn === drawn) return;
  root.drawn = drawn;
  root.shown = new Set(data.rows.map((line) => line.id));
  body.replaceChildren(...data.rows.map(rowOf));
  if (!data.rows.length) cell(body, "none", data.empty);
}

function busy(root) {
  const body = root.querySelector(".scroll");
  const place = root.getRootNode();
  const selected = place.getSelection ? place.getSelection() : document.getSelection();
  const marking = selected && !selected.isCollapsed && body.contains(selected.anchorNode);
  return root.latest.hold || root.over || root.querySelector(".body").contains(place.activeElement) || marking || body.scrollTop > 4;
}

function settle(root) {
  if (!root.shown || root.view !== root.latest.view || !busy(root)) {
    root.view = root.latest.view;
    show(root);
    return;
  }
  const waiting = root.latest.rows.filter((line) => !root.shown.has(line.id)).length;
  const button = root.querySelector(".new");
  button.hidden = waiting === 0;
  button.textContent = `↑ ${root.latest.waiting.replace("{n}", waiting)}`;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".headlines");
  setTones(root, data.colours);
  root.classList.toggle("dim", data.dim);
  root.latest = data;
  root.querySelector("h3").textContent = data.title;
  const head = root.querySelector(".head");
  const names = ["time", "score", "topic", "title", "tickers", "from", "copies"];
  head.replaceChildren();
  data.columns.forEach((text, i) => cell(head, names[i], text).setAttribute("role", "columnheader"));
  if (!root.listening) {
    root.listening = true;
    root.addEventListener("pointerenter", (event) => {
      root.over = event.pointerType === "mouse";
    });
    root.addEventListener("pointerleave", () => {
      root.over = false;
      settle(root);
    });
    root.querySelector(".new").addEventListener("click", () => {
      root.querySelector(".scroll").scrollTop = 0;
      show(root);
    });
  }
  settle(root);
}
