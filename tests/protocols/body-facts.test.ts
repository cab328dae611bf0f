import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBodyFacts, readWorkingFolder } from '../../main/core/protocols/body-facts.js';

const optionalText = fc.option(fc.string({ unit: 'binary', minLength: 1 }), { nil: undefined });

const body = fc.record(
  {
    model: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 1 })),
    stream: fc.oneof(fc.boolean(), fc.constantFrom('true', 1, null)),
    prompt_cache_key: fc.string(),
    session_id: fc.oneof(fc.string(), fc.integer()),
    conversation_id: fc.string(),
    metadata: fc.oneof(fc.record({ session_id: fc.string() }), fc.jsonValue({ maxDepth: 1 })),
    reasoning: fc.oneof(fc.record({ effort: fc.constantFrom('low', 'high', null) }), fc.constant(null)),
    instructions: fc.string({ unit: 'binary' }),
    input: fc.array(fc.record({ role: fc.constant('user'), content: fc.string({ unit: 'binary' }) })),
  },
  { requiredKeys: [] },
);

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function inside(value: unknown, key: string): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return text((value as Record<string, unknown>)[key]);
}

describe('what a request body says about itself', () => {
  it('is what parsing all of it would say', () => {
    fc.assert(
      fc.property(body, fc.boolean(), (value, pretty) => {
        const bytes = Buffer.from(JSON.stringify(value, null, pretty ? 2 : undefined));
        const facts = readBodyFacts(bytes);
        const parsed = JSON.parse(bytes.toString()) as Record<string, unknown>;
        expect(facts).toMatchObject({
          model: text(parsed['model']),
          stream: parsed['stream'] === true,
          promptCacheKey: text(parsed['prompt_cache_key']),
          sessionId: text(parsed['session_id']),
          conversationId: text(parsed['conversation_id']),
          metadataSessionId: inside(parsed['metadata'], 'session_id'),
          reasoningEffort: inside(parsed['reasoning'], 'effort'),
          stateBound: false,
        });
      }),
      { numRuns: 300 },
    );
  });

  it('says where the model stands, so that another one can be spliced in and nothing else changes', () => {
    fc.assert(
      fc.property(body, fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (value, model, mapped) => {
        const original = { ...value, model };
        const bytes = Buffer.from(JSON.stringify(original, null, 1));
        const [start, end] = readBodyFacts(bytes)?.modelRange ?? [0, 0];
        const spliced = Buffer.concat([bytes.subarray(0, start), Buffer.from(JSON.stringify(mapped)), bytes.subarray(end)]);
        expect(JSON.parse(spliced.toString())).toEqual(JSON.parse(JSON.stringify({ ...original, model: mapped })));
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['previous_response_id', { previous_response_id: 'resp_1' }],
    ['encrypted reasoning', { input: [{ type: 'reasoning', encrypted_content: 'gAAAA' }] }],
    ['a compaction item', { input: [{ type: 'compaction', summary: 'x' }] }],
    ['a compaction trigger', { input: [{ type: 'compaction_trigger' }] }],
  ])('sees that %s binds a turn to who issued it', (_name, value) => {
    expect(readBodyFacts(Buffer.from(JSON.stringify(value)))?.stateBound).toBe(true);
    expect(readBodyFacts(Buffer.from(pythonStyle(value)))?.stateBound).toBe(true);
  });

  it.each([
    ['asking for encrypted reasoning', { include: ['reasoning.encrypted_content'], input: [] }],
    ['an empty previous_response_id', { previous_response_id: null, input: [] }],
    ['talking about it', { input: [{ role: 'user', content: 'set "encrypted_content":"x" and "type":"compaction"' }] }],
    ['reasoning without content', { input: [{ type: 'reasoning', encrypted_content: null }] }],
  ])('does not take %s for bound state', (_name, value) => {
    expect(readBodyFacts(Buffer.from(JSON.stringify(value)))?.stateBound).toBe(false);
  });

  it.each(['', ' ', '[]', '[{"model":"a"}]', 'null', '"{}"', '{', '{"model":"a"'])('has none for %j', (bad) => {
    expect(readBodyFacts(Buffer.from(bad))).toBeUndefined();
  });
});

describe('the working folder of a session', () => {
  it('is read from the environment context as Codex writes it, whatever the folder is called', () => {
    const folder = fc
      .string({ unit: 'binary', minLength: 1 })
      .filter((name) => !name.includes('</cwd>') && !/[\ud800-\udfff]/.test(name));
    fc.assert(
      fc.property(folder, optionalText, (name, before) => {
        const content = `${before?.replaceAll('<cwd>', '') ?? ''}<environment_context>\n  <cwd>${name}</cwd>\n</environment_context>`;
        expect(readWorkingFolder(Buffer.from(JSON.stringify({ input: [{ content }] })))).toBe(name);
      }),
    );
  });

  it('is unknown when there is none, it never closes, or it is no folder name', () => {
    expect(readWorkingFolder(Buffer.from('{}'))).toBeUndefined();
    expect(readWorkingFolder(Buffer.from('{"a":"<cwd>/home"}'))).toBeUndefined();
    expect(readWorkingFolder(Buffer.from(`{"a":"<cwd>${'x'.repeat(5000)}</cwd>"}`))).toBeUndefined();
    expect(readWorkingFolder(Buffer.from('{"a":"<cwd>\\</cwd>"}'))).toBeUndefined();
  });
});

/** JSON as `json.dumps` of Python writes it. */
function pythonStyle(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonStyle).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}: ${pythonStyle(each)}`)
    .join(', ')}}`;
}
