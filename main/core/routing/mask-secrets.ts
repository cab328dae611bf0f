const masks: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer)\s+[A-Za-z0-9._~+/=-]{6,}/gi, '$1 ***'],
  [/\b(Basic)\s+[A-Za-z0-9+/=]{16,}/gi, '$1 ***'],
  [/\b(sk|rk|pk|gsk|xai)([-_])[A-Za-z0-9*_-]{6,}/g, '$1$2***'],
  [/\b(sess|rt|at)([-_])[A-Za-z0-9_-]{20,}/g, '$1$2***'],
  [/\bAIza[A-Za-z0-9_-]{10,}/g, 'AIza***'],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?/g, 'eyJ***'],
  [/([?&](?:key|api_key|apikey|token|access_token)=)[^&\s"']+/gi, '$1***'],
  [/((?:x-)?api[-_]?key["']?\s*[:=]\s*["']?)[A-Za-z0-9._~+/=-]{8,}/gi, '$1***'],
];

/** The text with API keys, tokens and Authorization values replaced by `***`. */
export function maskSecrets(text: string): string {
  return masks.reduce((masked, [pattern, replacement]) => masked.replace(pattern, replacement), text);
}
