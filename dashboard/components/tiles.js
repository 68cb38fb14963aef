// Numbers with their change, interval and course. Text only: nothing that comes in is read as markup.
function put(parent, name, text, tag = "div") {
  const element = document.createElement(tag);
  element.className = name;
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}

function spark(parent, values) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return;
  const low = Math.min(...known);
  const height = Math.max(...known) - low || 1;
  const path = [];
  let pen = "M";
  values.forEach((value, i) => {
    if (value === null) {
      pen = "M";
      return;
    }
    path.push(`${pen}${((i / (values.length - 1)) * 100).toFixed(2)},${(22 - ((value - low) / height) * 20).toFixed(2)}`);
    pen = "L";
  });
  const name = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(name, "svg");
  svg.setAttribute("viewBox", "0 0 100 24");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(name, "path");
  line.setAttribute("d", path.join(" "));
  svg.appendChild(line);
  parent.appendChild(svg);
}

function leading(root, label, tile) {
  const link = put(label, "", tile.label, "a");
  link.href = tile.href;
  link.addEventListener("click", (event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    root.act();
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".tiles");
  setTones(root, data.colours);
  root.classList.toggle("dim", data.dim);
  root.act = () => setTriggerValue("open", "");
  const drawn = JSON.stringify(data.tiles);
  if (root.drawn === drawn) return;
  root.drawn = drawn;
  const tiles = data.tiles.map((tile) => {
    const box = document.createElement("section");
    box.className = "tile";
    box.dataset.key = tile.key;
    const label = put(box, "label", tile.href ? undefined : tile.label, "h3");
    if (tile.href) leading(root, label, tile);
    const line = put(box, "line");
    if (tile.level) put(line, `dot ${tile.level}`);
    put(line, `value ${tile.severity || ""}`, tile.value);
    if (tile.change) {
      const change = put(line, `change ${tile.change.tone}`, tile.change.text);
      change.title = tile.change.hint;
    }
    put(box, "sub", tile.sub);
    if (tile.foot) put(box, "sub", tile.foot);
    if (tile.spark) spark(box, tile.spark);
    return box;
  });
  root.replaceChildren(...tiles);
}
