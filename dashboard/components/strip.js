// Live, paused or past; the clock; the age of the data. Says so itself when no word comes from the dashboard.
const LOST_MS = 12000;

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".strip");
  const at = (name) => root.querySelector(`.${name}`);
  root.heard = Date.now();
  root.words = data.lost;
  root.className = `strip ${data.state}`;
  at("label").textContent = data.label;
  at("note").textContent = data.note;
  at("clock").textContent = data.clock;
  at("zone").textContent = data.zone;
  at("age").textContent = data.age;
  at("dot").className = `dot ${data.level}`;
  at("data").title = data.hint;
  setTones(root, data.colours);
  const incidents = at("incidents");
  incidents.hidden = !data.incidents;
  if (data.incidents) {
    incidents.textContent = data.incidents.text;
    incidents.className = `incidents ${data.incidents.severity}`;
    incidents.href = data.incidents.href;
  }
  incidents.onclick = (event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    setTriggerValue("open", "");
  };
  at("demo").hidden = !data.demo;
  at("demo").textContent = data.demo || "";
  document.documentElement.lang = data.lang === "zh" ? "zh-CN" : data.lang;
  Object.entries(data.remember || {}).forEach(([name, value]) => {
    const pair = `${name}=${encodeURIComponent(value)}`;
    if (!document.cookie.split("; ").includes(pair)) {
      document.cookie = `${pair}; path=/; max-age=31536000; samesite=strict`;
    }
  });
  if (!root.timer) {
    root.timer = setInterval(() => {
      if (Date.now() - root.heard < LOST_MS) return;
      root.className = "strip lost";
      root.querySelector(".age").textContent = root.words;
    }, 1000);
  }
  return () => {
    clearInterval(root.timer);
    root.timer = undefined;
  };
}
