// Checks a file before it is decoded: browsers decode whatever fits their memory, and what is left of a truncated file.

const MOST_SCANS = 100; // each pass of a JPEG over its pixels may have only 14 bytes
const LONGEST_SIDE = 32767; // what browsers draw
const TRUNCATED = "truncated: the end of the file is missing";

/** Why a photograph is not classified, for a person. */
export class Refused extends Error {}

/**
 * @param {Uint8Array} bytes the whole file.
 * @param {number} maxPixels
 * @throws {Refused} it is no whole file of a known format, or has too many pixels.
 */
export function check(bytes, maxPixels) {
  if (!bytes.length) throw new Refused("empty file");
  const format = FORMATS.find(({ begins }) => begins(bytes));
  if (!format) throw new Refused("not a photograph: use JPEG, PNG, WebP or GIF");
  const { width, height, whole, scans = 0 } = read(format, bytes);
  if (!(width && height)) throw new Refused("damaged: the file does not say how large its picture is");
  const pixels = width * height;
  if (pixels > maxPixels) throw new Refused(`${width}x${height} is ${pixels} pixels, more than ${maxPixels}`);
  if (Math.max(width, height) > LONGEST_SIDE) {
    throw new Refused(`${width}x${height} has a side of more than ${LONGEST_SIDE} pixels`);
  }
  if (scans > MOST_SCANS) throw new Refused(`a JPEG of ${scans} passes over its pixels, more than ${MOST_SCANS}`);
  if (!whole) throw new Refused(TRUNCATED);
}

function read(format, bytes) {
  try {
    return format.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), bytes);
  } catch (error) {
    if (error instanceof RangeError) throw new Refused(TRUNCATED); // it is read beyond its end
    throw error;
  }
}

const FORMATS = [
  { begins: (bytes) => has(bytes, 0, "\xff\xd8\xff"), read: readJpeg },
  { begins: (bytes) => has(bytes, 0, "\x89PNG\r\n\x1a\n"), read: readPng },
  { begins: (bytes) => has(bytes, 0, "RIFF") && has(bytes, 8, "WEBP"), read: readWebp },
  { begins: (bytes) => has(bytes, 0, "GIF87a") || has(bytes, 0, "GIF89a"), read: readGif },
];

function has(bytes, start, text) {
  return [...text].every((letter, place) => bytes[start + place] === letter.charCodeAt(0));
}

/** Source: ITU-T T.81, annex B. */
function readJpeg(view, bytes) {
  const found = { width: 0, height: 0, scans: 0, whole: false };
  let at = bytes.indexOf(0xff, 2);
  while (at >= 0 && at + 1 < bytes.length) {
    const marker = bytes[at + 1];
    if (marker === 0xd9) return { ...found, whole: true };
    if (marker === 0xff) {
      at += 1; // a fill byte
    } else if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2; // within coded data
    } else {
      const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
      if (isFrame && !found.width) {
        found.height = view.getUint16(at + 5);
        found.width = view.getUint16(at + 7);
      }
      if (marker === 0xda) found.scans += 1;
      at += 2 + view.getUint16(at + 2);
    }
    at = bytes.indexOf(0xff, at);
  }
  return found;
}

/** Source: W3C, Portable Network Graphics. */
function readPng(view, bytes) {
  const found = { width: view.getUint32(16), height: view.getUint32(20) };
  let at = 8;
  while (at + 12 <= bytes.length && !has(bytes, at + 4, "IEND")) at += 12 + view.getUint32(at);
  return { ...found, whole: at + 12 <= bytes.length };
}

/** Source: RFC 9649. */
function readWebp(view, bytes) {
  const whole = view.getUint32(4, true) + 8 <= bytes.length;
  if (has(bytes, 12, "VP8X")) {
    return { width: (view.getUint32(24, true) & 0xffffff) + 1, height: (view.getUint32(26, true) >>> 8) + 1, whole };
  }
  if (has(bytes, 12, "VP8L")) {
    const sides = view.getUint32(21, true);
    return { width: (sides & 0x3fff) + 1, height: ((sides >>> 14) & 0x3fff) + 1, whole };
  }
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff, whole };
}

/** The larger of the screen and the first frame. Source: CompuServe, GIF89a. */
function readGif(view, bytes) {
  const sides = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  let at = 13 + table(bytes[10]);
  while (view.getUint8(at) === 0x21) at = afterBlocks(view, at + 2); // an extension
  if (view.getUint8(at) !== 0x2c) return { ...sides, whole: false };
  const width = Math.max(sides.width, view.getUint16(at + 1, true) + view.getUint16(at + 5, true));
  const height = Math.max(sides.height, view.getUint16(at + 3, true) + view.getUint16(at + 7, true));
  afterBlocks(view, at + 11 + table(bytes[at + 9])); // a RangeError if the frame is truncated
  return { width, height, whole: true };
}

/** The bytes of the colours that the flags announce. */
function table(flags) {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

function afterBlocks(view, at) {
  while (view.getUint8(at)) at += view.getUint8(at) + 1;
  return at + 1;
}
