// Put before the script of every component: which colours are in use on the background in use.
function rgb(colour) {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  return Array.from(probe.getImageData(0, 0, 1, 1).data.slice(0, 3));
}

function themed(element, name, other) {
  return getComputedStyle(element).getPropertyValue(name).trim() || other;
}

function tonesOf(element, palettes) {
  const [r, g, b] = rgb(themed(element, "--st-background-color", "#ffffff"));
  return palettes[r * 0.3 + g * 0.59 + b * 0.11 < 128 ? "dark" : "light"];
}

function setTones(element, palettes) {
  Object.entries(tonesOf(element, palettes)).forEach(([name, colour]) => element.style.setProperty(`--${name}`, colour));
}

