import type { Clock } from '../../ports.js';

/** One stream under watch. */
export interface WatchedStream {
  /** 0 = never. */
  readonly idleLimitMs: number;
  /** 0 = never. */
  readonly keepaliveMs: number;
  /** True while the client holds the stream back. */
  readonly isPaused: () => boolean;
  readonly keepalive: () => void;
  readonly idle: () => void;
  lastMs: number;
  lastKeepaliveMs: number;
}

/** Watches all streams with one timer, which runs only while there are any. */
export interface StreamWatch {
  add(stream: WatchedStream): () => void;
  /** The upstream sent something. */
  touch(stream: WatchedStream): void;
}

const TICK_MS = 500;

/** Makes a watch on a monotonic clock; accurate to half a second, which is enough for limits of seconds. */
export function createStreamWatch(clock: Clock): StreamWatch {
  const streams = new Set<WatchedStream>();
  let nowMs = clock.monotonicMs();
  let stop: (() => void) | undefined;
  const tick = (): void => {
    stop = undefined;
    nowMs = clock.monotonicMs();
    for (const stream of streams) check(stream, nowMs);
    schedule();
  };
  const schedule = (): void => {
    if (streams.size > 0) stop ??= clock.after(TICK_MS, tick);
  };
  return {
    add(stream) {
      nowMs = clock.monotonicMs();
      stream.lastMs = nowMs;
      stream.lastKeepaliveMs = nowMs;
      streams.add(stream);
      schedule();
      return () => {
        streams.delete(stream);
        if (streams.size > 0) return;
        stop?.();
        stop = undefined;
      };
    },
    touch(stream) {
      stream.lastMs = nowMs;
    },
  };
}

function check(stream: WatchedStream, nowMs: number): void {
  if (stream.isPaused()) {
    stream.lastMs = nowMs;
    return;
  }
  if (stream.idleLimitMs > 0 && nowMs - stream.lastMs >= stream.idleLimitMs) {
    stream.idle();
    return;
  }
  const quietSinceMs = Math.max(stream.lastMs, stream.lastKeepaliveMs);
  if (stream.keepaliveMs > 0 && nowMs - quietSinceMs >= stream.keepaliveMs) {
    stream.lastKeepaliveMs = nowMs;
    stream.keepalive();
  }
}
