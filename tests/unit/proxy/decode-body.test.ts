import { readFileSync } from 'node:fs';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { decodeBody } from '../../../main/core/proxy/stages/decode-body.js';
import { skippableFrame, zstdFrame, type ZstdBlock } from './zstd-frames.js';

const MIB = 1024 * 1024;
const turn = Buffer.from(JSON.stringify({ model: 'gpt-5.5', stream: true, input: 'héllo '.repeat(500) }));

/** A few bytes as zstd without a compressor: raw blocks. */
function zstdOf(bytes: Uint8Array): Buffer {
  const blocks: ZstdBlock[] = [];
  for (let at = 0; at < bytes.length; at += 100_000) blocks.push(bytes.subarray(at, at + 100_000));
  return zstdFrame({ windowLog: 17 }, blocks.length === 0 ? [new Uint8Array()] : blocks);
}

const encoders: Readonly<Record<string, (bytes: Uint8Array) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  'x-gzip': (bytes) => gzipSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  zstd: zstdOf,
  zst: zstdOf,
  identity: (bytes) => Buffer.from(bytes),
};

async function codeOf(body: Uint8Array, encoding: string, limitBytes = MIB): Promise<string> {
  try {
    const decoded = await decodeBody(Buffer.from(body), encoding, limitBytes);
    return `decoded ${decoded.length}`;
  } catch (error) {
    if (!isSwitchyardError(error)) throw error;
    return error.code;
  }
}

function fixture(name: string): Buffer {
  return readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
}

/** What the long fixtures hold: several blocks that refer far back. */
function longText(): string {
  const lines: string[] = [];
  for (let n = 0; n < 9000; n++) lines.push(`${(n * 7919) % 97} said line ${n % 613} of ${(n * n) % 11}`);
  return JSON.stringify({ model: 'gpt-5.5', stream: true, input: lines.join('\n') });
}

describe('a compressed body', () => {
  it.each(Object.keys(encoders))('in %s comes out as it went in', async (name) => {
    expect((await decodeBody(encoders[name]?.(turn) ?? turn, name, MIB)).equals(turn)).toBe(true);
  });

  it('in raw deflate is taken as deflate, as some clients send it', async () => {
    expect((await decodeBody(deflateRawSync(turn), 'deflate', MIB)).equals(turn)).toBe(true);
  });

  it('of any bytes survives any layers, in the order of the header, in any case and spacing', async () => {
    const layer = fc.constantFrom(...Object.keys(encoders), 'GZIP', ' Br ');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1 }), fc.array(layer, { maxLength: 4 }), async (bytes, layers) => {
        const encoded = layers.reduce<Uint8Array>((inner, name) => encoders[name.trim().toLowerCase()]?.(inner) ?? inner, bytes);
        const decoded = await decodeBody(Buffer.from(encoded), layers.join(','), MIB);
        expect(decoded.equals(Buffer.from(bytes))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['as the zstd of Codex writes it, without a size', 'long-stream.zst'],
    ['as a file, with size and checksum', 'long-file.zst'],
  ])('in real zstd, %s, comes out whole', async (_name, file) => {
    expect((await decodeBody(fixture(file), 'zstd', MIB)).toString()).toBe(longText());
  });

  it('may hold several zstd frames and frames to pass over', async () => {
    const body = Buffer.concat([
      skippableFrame(Buffer.from('note')),
      zstdOf(Buffer.from('{"a"')),
      skippableFrame(Buffer.alloc(0)),
      zstdOf(Buffer.from(':1}')),
    ]);
    expect((await decodeBody(body, 'zstd', MIB)).toString()).toBe('{"a":1}');
    const repeated = zstdFrame({ contentBytes: 5 }, [{ byte: 0x61, times: 5 }]);
    expect((await decodeBody(repeated, 'zstd', MIB)).toString()).toBe('aaaaa');
    expect(await codeOf(zstdFrame({ contentBytes: 0 }, [new Uint8Array()]), 'zstd')).toBe('decoded 0');
  });

  it('may be exactly as large as the limit, and not a byte larger', async () => {
    for (const [name, encode] of Object.entries(encoders)) {
      if (name === 'identity') continue;
      expect(await codeOf(encode(turn), name, turn.length)).toBe(`decoded ${turn.length}`);
      expect(await codeOf(encode(turn), name, turn.length - 1)).toBe('INGRESS_BODY_TOO_LARGE');
    }
  });
});

describe('a body that is not what it says', () => {
  const named = Object.entries(encoders).filter(([name]) => name !== 'identity');

  it.each(named)('cut short in %s is refused wherever it is cut', async (name, encode) => {
    const whole = encode(turn);
    for (const length of [1, 3, 4, 5, 7, 10, whole.length >> 1, whole.length - 5, whole.length - 1]) {
      if (length >= whole.length) continue;
      expect(await codeOf(whole.subarray(0, length), name)).toBe('INGRESS_BAD_ENCODING');
    }
  });

  it('cut short in real zstd is refused at every byte', async () => {
    const whole = fixture('long-file.zst');
    for (let length = 1; length < whole.length; length += 97)
      expect(await codeOf(whole.subarray(0, length), 'zstd')).toBe('INGRESS_BAD_ENCODING');
    expect(await codeOf(whole.subarray(0, whole.length - 1), 'zstd')).toBe('INGRESS_BAD_ENCODING');
  });

  it.each([...named.map(([name]) => name), 'identity'])('never crashes %s, whatever the bytes', async (name) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        expect(await codeOf(bytes, name)).toMatch(/^(decoded \d+|INGRESS_BAD_ENCODING|INGRESS_BODY_TOO_LARGE)$/);
      }),
    );
  });

  it('with flipped bytes in zstd is refused or gives no more than the limit', async () => {
    const whole = fixture('long-stream.zst');
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(whole);
        damaged.writeUInt8(damaged.readUInt8(at) ^ flip, at);
        const found = await codeOf(damaged, 'zstd');
        if (found.startsWith('decoded')) expect(Number(found.slice(8))).toBeLessThanOrEqual(MIB);
        else expect(found).toMatch(/^INGRESS_(BAD_ENCODING|BODY_TOO_LARGE)$/);
      }),
      { numRuns: 60 },
    );
  });

  it('in plain JSON is refused in every encoding', async () => {
    for (const [name] of named) expect(await codeOf(Buffer.from('{"model":"gpt-5.5"}'), name)).toBe('INGRESS_BAD_ENCODING');
  });

  it.each(['compress', 'snappy', 'gzip;q=1', 'constructor', '__proto__', 'gzip, lz4'])('in %s is not supported', async (name) => {
    expect(await codeOf(gzipSync(turn), name)).toBe('INGRESS_UNSUPPORTED_ENCODING');
  });

  it('in more layers than anyone needs is refused before anything is decoded', async () => {
    expect(await codeOf(Buffer.from('x'), 'gzip, gzip, gzip, gzip, gzip')).toBe('INGRESS_BAD_ENCODING');
    expect(await codeOf(Buffer.from('x'), Array.from({ length: 5000 }, () => 'identity').join(','))).toBe('INGRESS_BAD_ENCODING');
  });

  it('needing a zstd dictionary, or using what is reserved, is refused', async () => {
    expect(await codeOf(zstdFrame({ windowLog: 17, dictionaryId: 7 }, [turn]), 'zstd')).toBe('INGRESS_BAD_ENCODING');
    const reserved = zstdOf(turn);
    reserved.writeUInt8(reserved.readUInt8(4) | 8, 4);
    expect(await codeOf(reserved, 'zstd')).toBe('INGRESS_BAD_ENCODING');
  });
});

describe('a bomb', () => {
  const zeros = Buffer.alloc(64 * MIB);
  const blockBytes = 128 * 1024;
  const repeatedBlocks = (count: number): ZstdBlock[] => Array.from({ length: count }, () => ({ byte: 0, times: blockBytes }));
  const bombs: readonly (readonly [string, string, () => Buffer])[] = [
    ['of gzip', 'gzip', () => gzipSync(zeros)],
    ['of gzip in gzip', 'gzip, gzip', () => gzipSync(gzipSync(zeros))],
    ['of many gzip members', 'gzip', () => Buffer.concat(Array.from({ length: 64 }, () => gzipSync(Buffer.alloc(MIB))))],
    ['of brotli', 'br', () => brotliCompressSync(zeros)],
    ['of deflate', 'deflate', () => deflateSync(zeros)],
    ['of raw deflate', 'deflate', () => deflateRawSync(zeros)],
    ['of zstd blocks', 'zstd', () => zstdFrame({ windowLog: 17 }, repeatedBlocks(100_000))],
    [
      'of zstd frames',
      'zstd',
      () => Buffer.concat(Array.from({ length: 5_000 }, () => zstdFrame({ windowLog: 17 }, repeatedBlocks(1)))),
    ],
    ['of a promised zstd size', 'zstd', () => zstdFrame({ contentBytes: 2 ** 31 }, [turn])],
    ['of a promised zstd size beyond all numbers', 'zstd', () => zstdFrame({ contentBytes: 2n ** 64n - 1n }, [turn])],
    ['of a zstd window', 'zstd', () => zstdFrame({ windowLog: 31 }, [turn])],
    ['of a zstd window beyond all numbers', 'zstd', () => zstdFrame({ windowLog: 41 }, [turn])],
    ['of a zstd window in a later frame', 'zstd', () => Buffer.concat([zstdOf(turn), zstdFrame({ windowLog: 31 }, [turn])])],
    [
      'of work: empty zstd blocks in a wide window',
      'zstd',
      () =>
        zstdFrame(
          { windowLog: 27 },
          Array.from({ length: 10_000 }, () => new Uint8Array()),
        ),
    ],
  ];

  it.each(bombs)('%s is refused at the limit, in little memory', async (_name, encoding, make) => {
    const body = make();
    // Of this thread alone, unlike the resident size.
    const reserved = (): number => process.memoryUsage().arrayBuffers;
    const before = reserved();
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, reserved())), 1);
    expect(await codeOf(body, encoding)).toBe('INGRESS_BODY_TOO_LARGE');
    clearInterval(watch);
    expect(Math.max(peak, reserved()) - before).toBeLessThan(16 * MIB);
  });

  it('of more zstd frames than anyone writes is refused', async () => {
    const empty = zstdFrame({ contentBytes: 0 }, [new Uint8Array()]);
    expect(await codeOf(Buffer.concat(Array.from({ length: 20_000 }, () => empty)), 'zstd')).toBe('INGRESS_BAD_ENCODING');
  });

  it('names the limit it ran into', async () => {
    await expect(decodeBody(gzipSync(zeros), 'gzip', MIB / 2)).rejects.toThrow('larger than 0.5 MiB');
  });
});
