// A chart that keeps zoom and hover while its data changes: Plotly.react on one element that is never replaced.
const LOADING = Symbol.for("barograph.plotly");

function plotly(url) {
  if (!window[LOADING]) {
    window[LOADING] = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => {
        window[LOADING] = undefined;
        reject(new Error("plotly.js did not load"));
      };
      document.head.appendChild(script);
    });
  }
  return window[LOADING];
}

function themeOf(element, palettes) {
  const background = themed(element, "--st-background-color", "#ffffff");
  const text = themed(element, "--st-text-color", "#31333f");
  const tones = tonesOf(element, palettes);
  const accent = themed(element, "--st-primary-color", tones.pos);
  const names = { background, text, accent, few: tones.neu, ...tones };
  return { names, font: themed(element, "--st-font", "sans-serif"), key: [background, text, names.accent, tones.neg].join() };
}

function painted(value, names) {
  if (Array.isArray(value)) return value.map((item) => painted(item, names));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, painted(item, names)]));
  }
  if (typeof value !== "string" || value[0] !== "@") return value;
  const [name, alpha] = value.slice(1).split("/");
  if (name === "grid") return `rgba(${rgb(names.text).join()},0.12)`;
  if (name === "volume") return `rgba(${rgb(names.text).join()},0.38)`;
  return alpha ? `rgba(${rgb(names[name]).join()},${alpha})` : names[name];
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".barograph-chart");
  const plot = root.querySelector(".plot");
  root.setAttribute("aria-label", data.alt);
  root.querySelector(".name").textContent = data.title;
  root.style.minHeight = `${data.figure.layout.height}px`;
  root.classList.toggle("dim", data.dim);
  const note = root.querySelector(".note");
  if (!plot.data) note.textContent = data.loading;
  plotly(data.plotly)
    .then((Plotly) => {
      const { names, font, key } = themeOf(root, data.colours);
      const drawn = key + JSON.stringify(data.figure);
      if (root.drawn === drawn) return undefined;
      root.drawn = drawn;
      const figure = painted(data.figure, names);
      figure.layout.font.family = font;
      const options = {
        displaylogo: false,
        responsive: true,
        // Named one by one: the shipped set has a button that sends the chart to a cloud.
        modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
        locale: "said",
        locales: { said: { dictionary: data.words, format: {} } },
      };
      return Plotly.react(plot, figure.data, figure.layout, options).then(() => {
        note.textContent = "";
        root.dataset.draws = String(Number(root.dataset.draws || 0) + 1);
      });
    })
    .catch(() => {
      if (!plot.data) note.textContent = data.failed;
    });
  return () => window.Plotly && window.Plotly.purge(plot);
}
