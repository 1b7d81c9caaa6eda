// What a reader must know of the model to trust it or not, from its description.

import { element, percent, shown } from "./results.js";

const NAMED = 5;

/** The classes in a sentence, at most `NAMED` of them by name. */
export function knows(classes) {
  const names = classes.slice(0, NAMED).map(shown);
  const more = classes.length - names.length;
  if (more) names.push(`${more} more`);
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names.join();
}

/** The terms and what is said of them, for a `dl`. */
export function about({ classes, test, written, model, model_sha256: sha256, licence, flowers_jax: version }) {
  const summary = element("summary", {}, `${classes.length}, by name`);
  return [
    ["Classes", element("details", {}, summary, classes.map(shown).join(", "))],
    ["Accuracy", accuracy(test)],
    ["Model", `${shown(model)}, written on ${written} by flowers_jax ${version}`],
    ["SHA-256 of model.onnx", element("code", {}, sha256)],
    ["Licence", shown(licence)],
    ["Runs with", element("a", { href: "runtime/LICENSE" }, "ONNX Runtime Web (MIT licence)")],
  ].flatMap(([term, said]) => [element("dt", {}, term), element("dd", {}, said)]);
}

function accuracy(test) {
  if (!test) return "not measured: the run has no test result";
  const [low, high] = test.interval.map(percent);
  return `${percent(test.accuracy)} of ${test.examples} test photographs (95 % interval: ${low} to ${high})`;
}
