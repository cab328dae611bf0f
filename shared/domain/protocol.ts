/** The wire formats Switchyard knows; a client speaks one and an endpoint speaks one. */
export const protocols = ['responses', 'chat', 'messages', 'gemini', 'ollama'] as const;

/** One wire format. */
export type Protocol = (typeof protocols)[number];
