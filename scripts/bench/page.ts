/** The page that a browser loads: its text, its images, and what a load of it must have brought. Pure. */

/** As browsers load pages of shops and news: nothing but many small files. */
export const IMAGE_COUNT = 60;
export const PAGE_FOLDER = "page";
/** A row has 16 pixels of 3 bytes, which needs no filling to a multiple of 4. */
const WIDTH = 16;
const ROW_BYTES = WIDTH * 3;
const BITMAP_HEAD_BYTES = 54;
/** Rows of the smallest image; each further one has one more: 1,062 to 3,894 bytes. */
const LEAST_HEIGHT = 21;

/** An image from 0 to IMAGE_COUNT - 1, as a file beside the page. */
export function imageName(number: number): string {
  return `${number}.bmp`;
}

function imageHeight(number: number): number {
  return LEAST_HEIGHT + number;
}

/** A bitmap without compression, so that its length is known: BITMAPFILEHEADER, BITMAPINFOHEADER, pixels of 24 bits. */
export function imageBytes(number: number): Uint8Array {
  const pixelBytes = ROW_BYTES * imageHeight(number);
  const bytes = new Uint8Array(BITMAP_HEAD_BYTES + pixelBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x424d); // BM
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, BITMAP_HEAD_BYTES, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, WIDTH, true);
  view.setInt32(22, imageHeight(number), true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  view.setUint32(34, pixelBytes, true);
  for (let at = 0; at < pixelBytes; at += 1) bytes[BITMAP_HEAD_BYTES + at] = (at * 7 + number * 31) % 251;
  return bytes;
}

/** The page. A browser asks for no icon where the page has one in itself. */
export function pageText(): string {
  const images = Array.from(
    { length: IMAGE_COUNT },
    (_, number) => `<img src="${imageName(number)}" width="${WIDTH}" height="${imageHeight(number)}" alt="">\n`,
  );
  return `<!doctype html><title>Images</title><link rel="icon" href="data:,">\n${images.join("")}`;
}

/** What a browser has measured of one load. */
export interface PageLoad {
  /** From the start of the navigation to the load event. */
  readonly loadMs: number;
  /** The page first. */
  readonly files: readonly { readonly protocol: string; readonly bytes: number }[];
}

/** What gives a PageLoad in the browser. */
export const PAGE_LOAD_SCRIPT = `(() => {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const files = entries.map((entry) => ({ protocol: entry.nextHopProtocol, bytes: entry.decodedBodySize }));
  return { loadMs: entries[0].loadEventStart, files };
})()`;

/** Throws Error unless the page and all images came whole, and by `protocol`, an ALPN name. */
export function checkPageLoad({ loadMs, files }: PageLoad, protocol: string): void {
  const sizes = Array.from({ length: IMAGE_COUNT }, (_, number) => imageBytes(number).length);
  const wanted = [pageText().length, ...sizes].toSorted((a, b) => a - b);
  const came = files.map(({ bytes }) => bytes).toSorted((a, b) => a - b);
  if (came.join() !== wanted.join()) throw new Error(`The page came with ${came.length} files of ${came.join()} bytes`);
  const other = files.find((file) => file.protocol !== protocol);
  if (other !== undefined) throw new Error(`The browser has spoken "${other.protocol}" instead of "${protocol}"`);
  if (!(loadMs > 0)) throw new Error("The page had no load event");
}
