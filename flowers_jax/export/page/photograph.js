// A file to the pixels of the model's input, as `data/decode.py` does for training.

import { check, Refused } from "./header.js";
import { resize } from "./resize.js";

const MOST_BYTES = 50e6;

/**
 * Decode, orient by EXIF, put alpha on white, resize. Colour profiles are not applied, as in training.
 *
 * @param {Blob} file
 * @param {object} preprocessing of the model's description.
 * @param {number} maxPixels
 * @returns {Promise<Uint8ClampedArray>} RGB [size, size, 3].
 * @throws {Refused} it is no photograph, damaged or too large; all but damage is seen before it is decoded.
 */
export async function read(file, { size, resize: how, crop, interpolation }, maxPixels) {
  if (file.size > MOST_BYTES) {
    throw new Refused(`${(file.size / 1e6).toFixed(1)} MB, more than ${MOST_BYTES / 1e6} MB`);
  }
  const bytes = new Uint8Array(await readable(file));
  check(bytes, maxPixels);
  const bitmap = await decode(bytes);
  try {
    return resize(partsOf(bitmap), bitmap, boxOf(bitmap, how, crop), size, interpolation);
  } finally {
    bitmap.close();
  }
}

async function readable(file) {
  try {
    return await file.arrayBuffer();
  } catch {
    throw new Refused("cannot be read: a folder, or a file that has changed");
  }
}

async function decode(bytes) {
  try {
    const options = { imageOrientation: "from-image", colorSpaceConversion: "none" };
    return await createImageBitmap(new Blob([bytes]), options);
  } catch {
    throw new Refused("damaged, or too large for this browser");
  }
}

/** The part of the photograph that the model sees; see `Preprocessing`. */
function boxOf({ width, height }, how, crop) {
  if (how === "stretch") return { left: 0, top: 0, right: width, bottom: height };
  const side = crop * Math.min(width, height);
  const [left, top] = [(width - side) / 2, (height - side) / 2];
  return { left, top, right: left + side, bottom: top + side };
}

/** Gives RGBA of a part at a time, on white. */
function partsOf(bitmap) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true }); // not on the GPU, which rounds
  return (left, top, width, height) => {
    Object.assign(canvas, { width, height }); // which clears it
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, -left, -top);
    return context.getImageData(0, 0, width, height).data;
  };
}
