// One incident, written out in blocks: head, figures, tables. A block is drawn anew only when its data changed, so that
// what the reader marked or unfolded stays. Every text is set as text, never as markup; links open only http and https.
function put(parent, name, text, tag = "div") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}

function leading(root, parent, link) {
  const name = put(parent, "name", link.name, link.id ? "a" : "span");
  if (!link.id) return;
  name.href = link.href;
  name.addEventListener("click", (event) => {
    // With a key held the browser opens it elsewhere, by its address.
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    root.act(link.id);
  });
}

function head(root, box, block) {
  put(box, "title", block.title, "h2");
  const badges = put(box, "badges");
  block.badges.forEach((badge) => put(badges, `badge ${badge.tone}`, badge.text, "span"));
  put(box, "text", block.text, "p");
  const notes = block.notes.length ? put(box, "notes", undefined, "ul") : undefined;
  block.notes.forEach((note) => {
    const line = put(notes, "", note.text, "li");
    (note.links || []).forEach((link, i) => {
      line.append(i ? ", " : " ");
      leading(root, line, link);
    });
  });
}

function facts(root, box, block) {
  const list = put(box, "facts", undefined, "dl");
  block.facts.forEach((fact) => {
    const one = put(list, "fact");
    put(one, "", fact.label, "dt");
    put(one, "value", fact.value, "dd");
    if (fact.sub) put(one, "sub", fact.sub, "dd");
  });
}

function words(cell, value) {
  const safe = typeof value.url === "string" && /^https?:\/\//i.test(value.url);
  const holder = put(cell, value.tone || "", undefined, safe ? "a" : "span");
  if (safe) {
    holder.href = value.url;
    holder.target = "_blank";
    holder.rel = "noopener noreferrer nofollow";
  }
  put(holder, "", value.text, "bdi");
  if (value.hint) holder.title = value.hint;
}

function unfolding(root, cell, value) {
  const details = put(cell, "", undefined, "details");
  put(details, "", value.text, "summary");
  value.lines.forEach((line) => put(details, "line", line));
  details.open = root.unfolded.has(value.fold);
  details.addEventListener("toggle", () => {
    if (details.open) root.unfolded.add(value.fold);
    else root.unfolded.delete(value.fold);
  });
}

function table(root, box, block) {
  put(box, "", block.title, "h3");
  if (!block.rows.length) {
    put(box, "none", block.empty);
    return;
  }
  const grid = put(put(box, "around"), "", undefined, "table");
  const names = put(put(grid, "", undefined, "thead"), "", undefined, "tr");
  block.columns.forEach((name) => put(names, "", name, "th").setAttribute("scope", "col"));
  const body = put(grid, "", undefined, "tbody");
  block.rows.forEach((row) => {
    const line = put(body, "", undefined, "tr");
    row.forEach((value, i) => {
      const cell = put(line, value.wide ? "wide" : "", undefined, "td");
      cell.dataset.name = block.columns[i];
      if (value.lines && value.lines.length) unfolding(root, cell, value);
      else words(cell, value);
    });
  });
}

const DRAW = { head, facts, table };

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".sheet");
  setTones(root, data.colours);
  root.classList.toggle("dim", data.dim);
  root.act = (id) => setTriggerValue("open", id);
  root.unfolded = root.unfolded || new Set();
  const known = new Map([...root.children].map((box) => [box.dataset.key, box]));
  data.blocks.forEach((block, i) => {
    const drawn = JSON.stringify(block);
    let box = known.get(block.key);
    known.delete(block.key);
    if (!box || box.drawn !== drawn) {
      const fresh = document.createElement("section");
      fresh.dataset.key = block.key;
      fresh.drawn = drawn;
      DRAW[block.type](root, fresh, block);
      if (box) box.replaceWith(fresh);
      box = fresh;
    }
    if (root.children[i] !== box) root.insertBefore(box, root.children[i] || null);
  });
  known.forEach((box) => box.remove());
}
