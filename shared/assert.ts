/** Ends a `switch` over a union: the compiler proves it unreachable; at run time it throws. */
export function assertNever(value: never): never {
  throw new Error(`BUG_UNEXPECTED: unhandled case ${JSON.stringify(value)}`);
}

/** Throws with the reason when something the code relies on does not hold. */
export function invariant(condition: unknown, why: string): asserts condition {
  if (!condition) throw new Error(`BUG_UNEXPECTED: ${why}`);
}
