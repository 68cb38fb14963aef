// Live, paused or past; the clock; the age of the data. Says so itself when no word comes from the dashboard.
const LOST_MS = 12000;

export default function ({ data, parentElement }) {
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
