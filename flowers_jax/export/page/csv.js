// The CSV that `predict.py` prints.

import { TOP } from "./results.js";

/** `[{file, best}]`, as `likeliest` gives `best`, to text; a model of fewer classes has empty cells. */
export function csv(classified) {
  const header = ["path", "label", "probability"];
  for (let place = 2; place <= TOP; place++) header.push(`label_${place}`, `probability_${place}`);
  const rows = classified.map(({ file, best }) => {
    const cells = best.flatMap(({ name, probability }) => [name, probability.toFixed(6)]);
    return [file.name, ...cells, ...Array(header.length - 1 - cells.length).fill("")];
  });
  return [header, ...rows].map((cells) => `${cells.map(quoted).join(",")}\n`).join("");
}

function quoted(cell) {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
