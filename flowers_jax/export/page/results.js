// What the model says of photographs, for a person. Names are text, never HTML.

/** How many of the likeliest classes are shown. */
export const TOP = 3;

/** An element with the text or the elements that it contains. */
export function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A name of a class or a file on one line: control characters, which could turn a text around, are written out. */
export function shown(text) {
  return text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (letter) => {
    return `\\u${letter.codePointAt(0).toString(16).padStart(4, "0")}`;
  });
}

export function percent(share) {
  return `${(100 * share).toFixed(1)}\u00a0%`; // on one line
}

/** The likeliest classes, `[{name, probability}]`; the first of equal ones stays first. */
export function likeliest(probabilities, classes) {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
  return order.slice(0, TOP).map((place) => ({ name: classes[place], probability: probabilities[place] }));
}

/** The likeliest class in words. */
export function verdict([{ name, probability }], sureFrom) {
  return probability < sureFrom ? `not sure, perhaps ${shown(name)}` : shown(name);
}

/** One photograph: what the model saw, and the likeliest classes with bars. */
export function card(file, pixels, best, sureFrom) {
  const unsure = best[0].probability < sureFrom;
  const bars = best.map(({ name, probability }) => {
    const bar = element("div", {});
    bar.style.width = `${100 * probability}%`;
    return element("li", {}, shown(name), element("span", { className: "number" }, percent(probability)),
      element("div", { className: "bar" }, bar));
  });
  return element("div", { className: "one" },
    element("figure", {}, picture(pixels, `${shown(file.name)} as the model sees it`),
      element("figcaption", {}, "What the model saw")),
    element("div", {},
      element("h2", {}, unsure ? "Not sure" : shown(best[0].name)),
      unsure ? element("p", {}, `No class has ${percent(sureFrom)} or more. It may be none that the model knows.`) : "",
      element("ol", {}, ...bars)));
}

/** One photograph that was refused. */
export function refusal(file, reason) {
  return element("p", { className: "bad" }, `${shown(file.name)}: ${reason}`);
}

/** Several photographs. */
export function table() {
  const head = element("tr", {},
    element("th", { scope: "col" }, "Picture"),
    element("th", { scope: "col" }, "Class"),
    element("th", { scope: "col", className: "number" }, "Probability"));
  return element("table", {}, element("thead", {}, head), element("tbody", {}));
}

export function row(file, pixels, best, sureFrom) {
  return element("tr", {},
    element("td", {}, picture(pixels, `${shown(file.name)} as the model sees it`)),
    element("td", {}, verdict(best, sureFrom), fileName(file)),
    element("td", { className: "number" }, percent(best[0].probability)));
}

export function refusedRow(file, reason) {
  return element("tr", {},
    element("td", {}, "-"),
    element("td", { colSpan: 2 }, element("span", { className: "bad" }, reason), fileName(file)));
}

function fileName(file) {
  return element("div", { className: "file" }, shown(file.name));
}

/** RGB [size, size, 3] as a picture. */
function picture(pixels, label) {
  const size = Math.sqrt(pixels.length / 3);
  const image = new ImageData(size, size);
  image.data.fill(255);
  for (let place = 0; place < size * size; place++) {
    image.data.set(pixels.subarray(3 * place, 3 * place + 3), 4 * place);
  }
  const canvas = element("canvas", { width: size, height: size, role: "img", ariaLabel: label });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
