"use strict";
const root = document.documentElement;
document.getElementById("theme").onclick = () => {
  const dark = getComputedStyle(root).colorScheme === "dark" ||
    (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "light" : "dark";
};

for (const head of document.querySelectorAll("th[data-sort]")) {
  head.onclick = () => {
    const body = head.closest("table").tBodies[0], column = head.cellIndex;
    const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const up = head.dataset.up = head.dataset.up === "1" ? "" : "1";
    const order = (a, b) => key(a).localeCompare(key(b), undefined, {numeric: true}) * (up ? 1 : -1);
    body.append(...[...body.rows].sort(order));
  };
}

const data = JSON.parse(document.getElementById("wavefront-data")?.textContent ?? "null");
if (data) {
  const names = ["idle", "loading", "multiplying", "padding"];
  const boxes = document.querySelectorAll("#array .pe"), words = document.querySelectorAll("#array .pe-label");
  const slider = document.getElementById("cycle"), play = document.getElementById("play");
  const speed = document.getElementById("speed"), marker = document.querySelector("#occupancy .now");
  const last = data.states.length - 1, pes = data.states[0].length, width = marker.ownerSVGElement.viewBox.baseVal.width;
  const useful = data.states.map(frame => frame.split("2").length - 1);
  const since = useful.reduce((sums, n) => (sums.push((sums.at(-1) ?? 0) + n), sums), []);
  let now = Math.min(data.start, last), timer = null;

  const show = cycle => {
    now = Math.max(0, Math.min(last, cycle));
    const tally = [0, 0, 0, 0];
    for (let i = 0; i < pes; i++) {
      const state = +data.states[now][i];
      tally[state]++;
      boxes[i].setAttribute("class", "pe " + names[state]);
      words[i].textContent = data.labels ? data.labels[now][i] : "";
    }
    slider.value = now;
    const at = (now + 0.5) * width / (last + 1);
    marker.setAttribute("x1", at); marker.setAttribute("x2", at);
    document.getElementById("cycle-number").textContent = `cycle ${now} of ${last}`;
    names.forEach((name, i) => document.getElementById("count-" + name).textContent = tally[i]);
    document.getElementById("so-far").textContent = (since[now] / (pes * (now + 1)) * 100).toFixed(1) + " %";
  };
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; };
  const start = () => {
    if (now === last) now = -1;
    play.textContent = "Pause";
    clearInterval(timer);
    timer = setInterval(() => now < last ? show(now + 1) : stop(), 1000 / +speed.value);
  };
  play.onclick = () => timer ? stop() : start();
  speed.onchange = () => timer && start();
  slider.oninput = () => { stop(); show(+slider.value); };
  document.getElementById("back").onclick = () => { stop(); show(now - 1); };
  document.getElementById("on").onclick = () => { stop(); show(now + 1); };
  document.getElementById("occupancy").onclick = event => {
    const box = event.currentTarget.getBoundingClientRect();
    stop(); show(Math.floor((event.clientX - box.left) / box.width * (last + 1)));
  };
  document.onkeydown = event => {
    if (event.target.matches("input, select, button, summary")) return;
    if (event.key === " ") { event.preventDefault(); play.onclick(); }
    if (event.key === "ArrowRight") { stop(); show(now + 1); }
    if (event.key === "ArrowLeft") { stop(); show(now - 1); }
  };
  show(now);
}
