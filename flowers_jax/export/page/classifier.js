// The model of this folder: `const { description, classify } = await load();`, also from a page of your own.

import { read } from "./photograph.js";
import * as ort from "./runtime/ort.js";

/**
 * Fetch the model and its runtime; nothing is fetched later.
 *
 * @returns {Promise<{description: object, classify: (file: Blob) => Promise<object>}>} `classify` gives `pixels`, RGB
 *   [size, size, 3] as the model sees them, and `probabilities`, float32 [classes] in the order of
 *   `description.classes`; it throws `Refused` of header.js.
 */
export async function load() {
  const [description, model, wasm] = await Promise.all([
    fetched("description.json").then((response) => response.json()),
    fetched("model.onnx").then((response) => response.arrayBuffer()),
    fetched("runtime/ort.wasm").then((response) => response.arrayBuffer()),
  ]);
  ort.env.wasm.wasmBinary = wasm;
  ort.env.wasm.numThreads = 1; // more need headers that many hosts do not send
  const session = await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ["wasm"] });
  const { preprocessing, max_pixels: maxPixels } = description;

  async function classify(file) {
    const pixels = await read(file, preprocessing, maxPixels);
    const shape = [1, preprocessing.size, preprocessing.size, 3];
    const images = new ort.Tensor("uint8", new Uint8Array(pixels.buffer), shape);
    const { probabilities } = await session.run({ images });
    return { pixels, probabilities: probabilities.data };
  }

  return { description, classify };
}

async function fetched(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name}: the server says ${response.status} ${response.statusText}`);
  return response;
}
