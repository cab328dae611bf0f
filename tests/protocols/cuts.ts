import fc from 'fast-check';

/** Cuts bytes at arbitrary places: every chunk is a copy of its own, as a socket would deliver it. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): readonly Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks: Buffer[] = [];
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    if (end > start) chunks.push(Buffer.from(bytes.subarray(start, end)));
    start = end;
  }
  return chunks;
}

/** Arbitrary places to cut at. */
export const places = fc.array(fc.nat(), { maxLength: 12 });

/** Every way of cutting once, then one byte at a time: small enough to try them all. */
export function everyCut(bytes: Uint8Array): readonly (readonly Buffer[])[] {
  const once = Array.from({ length: bytes.length }, (_, at) => cutAt(bytes, [at]));
  return [...once, cutAt(bytes, [...bytes.keys()])];
}
