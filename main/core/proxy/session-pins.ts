/** Sessions tied to one provider for as long as they are used. */
export interface SessionPins {
  /** The provider a session is pinned to; using it renews the pin. */
  use(session: string, nowMs: number): string | undefined;
  set(session: string, provider: string, nowMs: number): void;
  /** Without a session: all. */
  clear(session?: string): void;
  all(nowMs: number): Readonly<Record<string, string>>;
}

/** A pin nobody used for this long is dropped. */
const IDLE_MS = 30 * 60_000;

/** Makes an empty set of pins. */
export function createSessionPins(): SessionPins {
  const pins = new Map<string, { readonly provider: string; readonly usedAtMs: number }>();
  const live = (session: string, nowMs: number): string | undefined => {
    const pin = pins.get(session);
    if (pin === undefined) return undefined;
    if (nowMs - pin.usedAtMs <= IDLE_MS) return pin.provider;
    pins.delete(session);
    return undefined;
  };
  return {
    use(session, nowMs) {
      if (pins.size === 0) return undefined;
      const provider = live(session, nowMs);
      if (provider !== undefined) pins.set(session, { provider, usedAtMs: nowMs });
      return provider;
    },
    set: (session, provider, nowMs) => void pins.set(session, { provider, usedAtMs: nowMs }),
    clear(session) {
      if (session === undefined) pins.clear();
      else pins.delete(session);
    },
    all(nowMs) {
      const entries = [...pins.keys()].map((session) => [session, live(session, nowMs)] as const);
      return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
    },
  };
}
