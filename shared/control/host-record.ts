import { z } from 'zod';

/** Shape of `run/host.json`, by which faces find the running host of a home. */
export const hostRecordSchema = z.looseObject({
  pid: z.int().positive(),
  host: z.string(),
  port: z.int().min(1).max(65535),
  url: z.string().regex(/^https?:\/\//),
  kind: z.enum(['daemon', 'electron']),
  startedAtMs: z.number(),
  listen: z.looseObject({ host: z.string().optional(), port: z.int().optional() }).optional(),
});

/** What `run/host.json` says. */
export type HostRecord = z.infer<typeof hostRecordSchema>;

/** Everything Switchyard answers itself, apart from the model paths, lies below this path. */
export const CONTROL_PREFIX = '/_switchyard';
/** File in the run folder that holds the control token. */
export const CONTROL_TOKEN_FILE = 'control-token';
/** File in the run folder that names the running host. */
export const HOST_FILE = 'host.json';
