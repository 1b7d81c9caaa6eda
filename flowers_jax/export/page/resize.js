// Resizes as Pillow 13 does, bit for bit: the filter is as wide as the reduction, its weights are rounded to 22 bits,
// and each of its two passes rounds to 8 bits. Pillow 12 always begins with the rows, which changes some values by one.
// Source: Pillow, src/libImaging/Resample.c.

const BITS = 22;
const HALF = 1 << (BITS - 1);
const BAND = 64; // lines at a time, so that a photograph of 100 million pixels is not copied as a whole

const FILTERS = {
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, weight: cubic },
};

function cubic(at) {
  const x = Math.abs(at);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * -0.5;
  return 0;
}

/**
 * The part `box` of a photograph as a square.
 *
 * @param {(left: number, top: number, width: number, height: number) => Uint8ClampedArray} read gives RGBA
 *   [height, width, 4] of a part of the photograph.
 * @param {{width: number, height: number}} photograph in pixels.
 * @param {{left: number, top: number, right: number, bottom: number}} box in pixels, which may be fractions.
 * @param {number} size of the square in pixels.
 * @param {"bilinear" | "bicubic"} interpolation
 * @returns {Uint8ClampedArray} RGB [size, size, 3].
 */
export function resize(read, { width, height }, box, size, interpolation) {
  const across = weights(FILTERS[interpolation], width, box.left, box.right, size);
  const down = weights(FILTERS[interpolation], height, box.top, box.bottom, size);
  const downFirst = height - size > Math.max(0, 2 * (width - size));
  const [first, second] = downFirst ? [down, across] : [across, down];
  const begin = second[0].first;
  const end = second[size - 1].first + second[size - 1].values.length;
  const lines = new Uint8ClampedArray((end - begin) * size * 3); // rows of the photograph, or columns if downFirst
  for (let line = begin; line < end; line += BAND) {
    const count = Math.min(BAND, end - line);
    const band = downFirst ? read(line, 0, count, height) : read(0, line, width, count);
    for (let place = 0; place < count; place++) {
      const [start, step] = downFirst ? [4 * place, 4 * count] : [4 * place * width, 4];
      sums(first, band, start, step, lines, (line - begin + place) * size * 3, 3);
    }
  }
  const square = new Uint8ClampedArray(size * size * 3);
  const within = second.map((one) => ({ first: one.first - begin, values: one.values }));
  for (let place = 0; place < size; place++) {
    const [start, stride] = downFirst ? [place * size * 3, 3] : [place * 3, size * 3];
    sums(within, lines, place * 3, size * 3, square, start, stride);
  }
  return square;
}

/** For each of `size` pixels the first of the `length` pixels that it is made of, and the weight of each from there. */
function weights({ reach, weight }, length, from, to, size) {
  const start = Math.fround(from); // Pillow holds the box in float32
  const scale = Math.fround(Math.fround(to) - start) / size;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: size }, (_, place) => {
    const centre = start + (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach * stretch + 0.5));
    const end = Math.min(length, Math.trunc(centre + reach * stretch + 0.5));
    const exact = Array.from({ length: end - first }, (_, i) => weight((i + first - centre + 0.5) * (1 / stretch)));
    const sum = exact.reduce((total, one) => total + one, 0);
    return { first, values: Int32Array.from(exact, (one) => rounded((one / sum) * 2 ** BITS)) };
  });
}

function rounded(x) {
  return Math.trunc(x + (x < 0 ? -0.5 : 0.5));
}

/** One row or column of weighted sums of RGB; pixels lie `step` apart. */
function sums(places, source, start, step, target, begin, stride) {
  for (const { first, values } of places) {
    let red = HALF;
    let green = HALF;
    let blue = HALF;
    let at = start + first * step;
    for (const value of values) {
      red += source[at] * value;
      green += source[at + 1] * value;
      blue += source[at + 2] * value;
      at += step;
    }
    target[begin] = red >> BITS; // the array clamps it to 0..255
    target[begin + 1] = green >> BITS;
    target[begin + 2] = blue >> BITS;
    begin += stride;
  }
}
