import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../../main/core/config/parse-config.js';
import { configSchema, failureClasses } from '../../../shared/config/schema.js';

const docs = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

interface Key {
  readonly name: string;
  readonly options: readonly string[];
  readonly preset: unknown;
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap());
  return schema;
}

function keysOf(schema: z.core.$ZodType): readonly Key[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return keysOf(inner.element);
  if (inner instanceof z.ZodRecord) return keysOf(inner.valueType);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape as Record<string, z.core.$ZodType>).flatMap(([name, child]) => {
    const value = unwrap(child);
    const options = value instanceof z.ZodEnum ? value.options.map(String) : [];
    const preset: unknown = child instanceof z.ZodDefault ? child.def.defaultValue : undefined;
    return [{ name, options, preset }, ...keysOf(child)];
  });
}

const keys = keysOf(configSchema);
/** Rows that explain keys: the names in the first cell. */
const rows = docs.split('\n').filter((line) => line.startsWith('| `'));
const rowsOf = (name: string): string[] => rows.filter((line) => (line.split('|')[1] ?? '').includes(`\`${name}\``));

describe('docs/configuration.md', () => {
  const sections = [
    'server',
    'routing',
    'retry',
    'providers',
    'routes',
    'clients',
    'codex',
    'notify',
    'log',
    'filters',
    'ui',
    'endpoints',
  ];

  it('sees the whole schema', () => {
    expect(keys.length).toBeGreaterThan(90);
  });

  it.each([...new Map(keys.filter(({ name }) => !sections.includes(name)).map((key) => [key.name, key])).values()])(
    'explains $name in a row of its own',
    ({ name }) => {
      expect(rowsOf(name)).not.toEqual([]);
    },
  );

  it.each(sections)('has a heading for %s', (name) => {
    expect(docs).toMatch(new RegExp(`^#+ .*\\b${name}\\b`, 'm'));
  });

  it.each(keys.filter(({ options }) => options.length > 0))('names every value of $name', ({ options }) => {
    for (const option of options) expect(docs).toMatch(new RegExp(`\`"?${option}"?\``));
  });

  it.each(keys.filter(({ preset }) => ['string', 'number', 'boolean'].includes(typeof preset)))(
    'gives the default of $name',
    ({ name, preset }) => {
      const written = JSON.stringify(preset);
      expect(rowsOf(name).some((row) => row.includes(`\`${written}\``))).toBe(true);
    },
  );

  it('explains every failure class', () => {
    for (const name of failureClasses) expect(rowsOf(name)).not.toEqual([]);
  });

  it('has only examples that are valid by themselves', () => {
    const examples = [...docs.matchAll(/```toml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
    expect(examples.length).toBeGreaterThan(8);
    for (const example of examples) {
      // An example may name providers that stand elsewhere.
      const named = ['work', 'own-server'].filter(
        (name) => example.includes(`"${name}"`) && !example.includes(`[providers.${name}]`),
      );
      const text = example + named.map((name) => `[providers.${name}]\nbase_url = "https://${name}.example"\n`).join('');
      expect(parseConfig(text, { file: 'example', ownAddress: () => ({ ports: [], hosts: [] }) }).problems).toEqual([]);
    }
  });
});
