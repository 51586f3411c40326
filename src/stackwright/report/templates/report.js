"use strict";

const figures = JSON.parse(document.getElementById("figures").textContent);
const settings = { displayModeBar: false, responsive: true };

function draw(id) {
  const place = document.getElementById("plot-" + id);
  return Plotly.newPlot(place, figures[id].data, figures[id].layout, settings).then(() => {
    place.dataset.drawn = "yes";
  });
}

function fit(width) {
  for (const id of Object.keys(figures)) {
    const place = document.getElementById("plot-" + id);
    place.style.width = width;
    Plotly.Plots.resize(place);
  }
}

function filterSources() {
  const words = document.getElementById("source-words").value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = document.getElementById("source-kind").value;
  let shown = 0;
  for (const group of document.querySelectorAll("details.group")) {
    let here = 0;
    for (const row of group.querySelectorAll("tbody tr")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(words.every((word) => text.includes(word)) && (!kind || row.dataset.kind === kind));
      here += row.hidden ? 0 : 1;
    }
    group.hidden = here === 0;
    group.open = here > 0 && (words.length > 0 || kind !== "");
    shown += here;
  }
  document.getElementById("source-count").textContent = shown + " shown";
}

Promise.all(Object.keys(figures).map(draw)).then(() => {
  document.body.dataset.drawn = "all";
});
window.addEventListener("beforeprint", () => fit("186mm"));
window.addEventListener("afterprint", () => fit(""));
if (document.getElementById("source-words")) {
  document.getElementById("source-words").addEventListener("input", filterSources);
  document.getElementById("source-kind").addEventListener("change", filterSources);
}
