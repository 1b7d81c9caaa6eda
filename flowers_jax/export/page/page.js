// The page: takes photographs, one after another, and shows what the model says.

import { about, knows } from "./about.js";
import { load } from "./classifier.js";
import { csv } from "./csv.js";
import { Refused } from "./header.js";
import * as results from "./results.js";

const [status, shownResults] = ["status", "results"].map((id) => document.getElementById(id));
const loading = load();
let latest = 0; // photographs that are chosen later take the place of earlier ones

function say(text) {
  status.textContent = text;
}

loading.then(
  ({ description }) => {
    document.getElementById("knows").textContent = knows(description.classes);
    document.getElementById("about").append(...about(description));
    if (!latest) say("Ready.");
  },
  (error) => say(`The model cannot be loaded: ${error.message}`),
);

async function classifyAll(files) {
  const mine = ++latest;
  const { description, classify } = await loading;
  const sure = description.sure_from;
  const many = files.length > 1;
  const rows = many ? results.table() : null;
  shownResults.replaceChildren(...(many ? [results.element("div", { className: "scroll" }, rows)] : []));
  const classified = [];
  const began = performance.now();
  for (const [place, file] of files.entries()) {
    say(many ? `Classifying ${place + 1} of ${files.length}.` : `Classifying ${results.shown(file.name)}.`);
    let made;
    try {
      const { pixels, probabilities } = await classify(file);
      const best = results.likeliest(probabilities, description.classes);
      classified.push({ file, best });
      made = many ? results.row(file, pixels, best, sure) : results.card(file, pixels, best, sure);
    } catch (error) {
      const reason = error instanceof Refused ? error.message : `cannot be classified (${error.message})`;
      made = many ? results.refusedRow(file, reason) : results.refusal(file, reason);
    }
    if (mine !== latest) return;
    (many ? rows.tBodies[0] : shownResults).append(made);
  }
  if (many && classified.length) shownResults.append(downloadButton(csv(classified)));
  say(summary(files, classified, sure, performance.now() - began));
}

function summary(files, classified, sure, milliseconds) {
  if (files.length > 1) {
    const refused = files.length - classified.length;
    const seconds = (milliseconds / 1000).toFixed(1);
    return `${classified.length} classified${refused ? `, ${refused} refused` : ""}, in ${seconds} s.`;
  }
  const said = ({ file, best }) => {
    return `${results.shown(file.name)}: ${results.verdict(best, sure)}, ${results.percent(best[0].probability)}.`;
  };
  return classified.length ? said(classified[0]) : "Refused.";
}

function downloadButton(text) {
  const button = results.element("button", { type: "button" }, "Download as CSV");
  button.addEventListener("click", () => {
    const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    results.element("a", { href, download: "predictions.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  });
  return button;
}

function take(files) {
  if (files.length) classifyAll([...files]);
}

for (const id of ["choose", "take"]) {
  document.getElementById(id).addEventListener("change", ({ target }) => {
    take([...target.files]);
    target.value = ""; // so that the same file can be chosen again
  });
}
document.addEventListener("paste", (event) => take(event.clipboardData.files));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragged");
});
document.addEventListener("dragleave", () => document.body.classList.remove("dragged"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragged");
  take(event.dataTransfer.files);
});
