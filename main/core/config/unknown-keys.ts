import { z } from 'zod';
import { doubtful, type KeyPath, type ProblemDraft } from './config-problem.js';
import { didYouMean } from './similar-name.js';

/** A warning for every key of a value that its schema does not know; such keys are kept in the file and have no effect. */
export function findUnknownKeys(schema: z.core.$ZodType, value: unknown, path: KeyPath = []): readonly ProblemDraft[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray)
    return Array.isArray(value)
      ? value.flatMap((item: unknown, index) => findUnknownKeys(inner.element, item, [...path, index]))
      : [];
  if (!isTable(value)) return [];
  const entries = Object.entries(value);
  if (inner instanceof z.ZodRecord)
    return entries.flatMap(([key, item]) => findUnknownKeys(inner.valueType, item, [...path, key]));
  if (!(inner instanceof z.ZodObject)) return [];
  const known: Readonly<Record<string, z.core.$ZodType>> = inner.shape;
  return entries.flatMap(([key, item]) => {
    const child = Object.hasOwn(known, key) ? known[key] : undefined;
    if (child) return findUnknownKeys(child, item, [...path, key]);
    return [doubtful([...path, key], `This key is not known and has no effect.${didYouMean(key, Object.keys(known))}`)];
  });
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap());
  return schema;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
