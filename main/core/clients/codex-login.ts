import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { CodexPatchStatus } from '../../../shared/control/contract.js';

const authSchema = z.object({
  auth_mode: z.string().nullish(),
  OPENAI_API_KEY: z.string().nullish(),
  tokens: z.object({ id_token: z.string().nullish() }).nullish(),
});

/** How Codex is logged in according to its auth.json, read as Codex reads it; a login in the OS keyring is not seen. */
export async function readCodexLogin(codexHome: string): Promise<CodexPatchStatus['loggedIn']> {
  const auth = authSchema.safeParse(await readJson(join(codexHome, 'auth.json')));
  if (!auth.success) return 'none';
  const { auth_mode: mode, OPENAI_API_KEY: key, tokens } = auth.data;
  const hasKey = typeof key === 'string' && key !== '';
  // Codex takes a login without a JWT-shaped id_token for none.
  const hasTokens = /^[^.]+\.[^.]+\.[^.]+$/.test(tokens?.id_token ?? '');
  const effectiveMode = mode ?? (hasKey ? 'apikey' : 'chatgpt');
  if (effectiveMode === 'apikey') return hasKey ? 'api-key' : 'none';
  return effectiveMode.startsWith('chatgpt') && hasTokens ? 'chatgpt' : 'none';
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
