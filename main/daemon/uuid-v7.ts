import { randomUUID } from 'node:crypto';

/** Makes UUIDv7 values (RFC 9562, 6.2 method 1) that sort in the order they were made, also within one millisecond and when the clock steps back. */
export function createUuidV7(now: () => number): () => string {
  let lastMs = 0;
  let sequence = 0;
  return () => {
    // Node draws the randomness of its own UUIDs in bulk, which makes them far cheaper than randomBytes.
    const random = randomUUID();
    const nowMs = now();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      sequence = Number.parseInt(random.slice(0, 3), 16) & 0x7ff;
    } else {
      sequence += 1;
      if (sequence > 0xfff) {
        lastMs += 1;
        sequence = 0;
      }
    }
    const time = lastMs.toString(16).padStart(12, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence.toString(16).padStart(3, '0')}-${random.slice(19)}`;
  };
}
