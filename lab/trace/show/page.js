"use strict";
const hops = [...document.querySelectorAll("details.hop")];
const marked = [...document.querySelectorAll(".sheet [data-hop], .sheet [data-place], details.hop")];
const sheet = document.querySelector(".sheet");
let current = -1;

// Shows on the map where a hop is.
function mark(hop) {
  current = hops.indexOf(hop);
  for (const one of marked) {
    const same = one.dataset.hop ? one.dataset.hop === hop.dataset.hop : one.dataset.place === hop.dataset.place;
    one.classList.toggle("on", same);
  }
  const stop = marked.find((one) => one.matches("circle.on"));
  if (stop) {
    const at = stop.getBoundingClientRect(), frame = sheet.getBoundingClientRect();
    sheet.scrollBy(at.left - frame.left - frame.width / 2, at.top - frame.top - frame.height / 2);
  }
}

function open(hop) {
  if (current >= 0) hops[current].open = false;
  const fold = hop.parentElement.closest("details.fold");
  if (fold) fold.open = true;
  hop.open = true;
  hop.scrollIntoView({ block: "nearest" });
}

// The first hop is that of the request itself, not of the DNS question.
function go(by) {
  const first = Math.max(0, hops.findIndex((hop) => !hop.closest(".fold")));
  const next = current < 0 ? first : current + by;
  if (hops[next]) open(hops[next]);
}

for (const hop of hops) hop.addEventListener("toggle", () => { if (hop.open) mark(hop); });
for (const button of document.querySelectorAll("[data-go]")) {
  button.addEventListener("click", () => go(Number(button.dataset.go)));
}
document.querySelector(".walk").hidden = hops.length === 0;
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowRight") go(1);
  else if (event.key === "ArrowLeft") go(-1);
  else return;
  event.preventDefault();
});
sheet.addEventListener("click", (event) => {
  const box = event.target.closest("[data-place]");
  const there = box && hops.filter((hop) => hop.dataset.place === box.dataset.place);
  const hop = there && (there.find((one) => !one.closest(".fold")) || there[0]);
  if (hop) open(hop);
});

// Where a browser keeps the clipboard from a page, the command is at least selected.
for (const button of document.querySelectorAll(".command button")) {
  button.addEventListener("click", async () => {
    const text = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(text);
      button.textContent = document.execCommand("copy") ? "copied" : "selected";
    }
  });
}
