/** One row per error code: what it means, what the user can do, and the HTTP status where it reaches a client. */
export interface ErrorCodeInfo {
  readonly summary: string;
  readonly remedy: string;
  readonly status?: number;
}

/** The only table of error codes; docs/errors.md is generated from it. */
export const errorCodes = {
  CONFIG_SYNTAX: {
    summary: 'The configuration file is not valid TOML.',
    remedy: 'Fix the line and column named in the message; the last good configuration keeps running meanwhile.',
    status: 422,
  },
  CONFIG_INVALID: {
    summary: 'A value in the configuration file has the wrong type, range or reference.',
    remedy: 'Fix the key named in the message; the last good configuration keeps running meanwhile.',
    status: 422,
  },
  CONFIG_READ_ONLY: {
    summary: 'The configuration was written by a newer version and is opened read-only.',
    remedy: 'Update Switchyard, or set `version` back after checking the file by hand.',
    status: 409,
  },
  CONFIG_STALE: {
    summary: 'The configuration changed since it was read, so the edit was refused.',
    remedy: 'Read the configuration again and repeat the edit.',
    status: 409,
  },
  CONFIG_SELF_LOOP: {
    summary: 'A provider points at Switchyard itself.',
    remedy: 'Set the base_url of that provider to the real upstream.',
    status: 422,
  },
  CONFIG_NOT_FOUND: {
    summary: 'The named provider, endpoint or key does not exist in the configuration.',
    remedy: 'List what exists with `switchyard config list`.',
    status: 404,
  },
  CONFIG_IMPORT_FAILED: {
    summary: 'A foreign configuration could not be imported.',
    remedy: 'The message names the file and the reason; nothing was changed.',
    status: 422,
  },
  INGRESS_UNAUTHORIZED: {
    summary: 'The request carries no valid client key.',
    remedy: 'Send one of the keys of `[server] client_keys` as a Bearer token.',
    status: 401,
  },
  INGRESS_HOST_REFUSED: {
    summary: 'The Host or Origin header does not belong to this relay.',
    remedy: 'Call the relay by its own address; add the name to `[server] allowed_hosts` if another one is needed.',
    status: 403,
  },
  INGRESS_BODY_TOO_LARGE: {
    summary: 'The request body is larger than the limit.',
    remedy: 'Send less, or raise `[server] max_body_mb`.',
    status: 413,
  },
  INGRESS_BAD_ENCODING: {
    summary: 'The request body is not valid in the content-encoding it names.',
    remedy: 'Send a well-formed body; for Codex, `[features] enable_request_compression = false` turns compression off.',
    status: 400,
  },
  INGRESS_UNSUPPORTED_ENCODING: {
    summary: 'The content-encoding of the request is not supported.',
    remedy: 'Use zstd, gzip, br, deflate or none.',
    status: 415,
  },
  INGRESS_BAD_JSON: {
    summary: 'The request body is not a JSON object.',
    remedy: 'Send a JSON object.',
    status: 400,
  },
  INGRESS_BAD_REQUEST: {
    summary: 'The request is malformed.',
    remedy: 'Read the message; it names the header or value.',
    status: 400,
  },
  INGRESS_WEBSOCKET_UNSUPPORTED: {
    summary: 'WebSocket transport is not offered on this path.',
    remedy: 'Use HTTP; Codex falls back by itself.',
    status: 426,
  },
  ROUTE_NOT_FOUND: {
    summary: 'No provider speaks the protocol of this request.',
    remedy: 'Add a provider with that protocol, or call another path.',
    status: 404,
  },
  ROUTE_NONE_USABLE: {
    summary: 'Providers exist, but none can be used right now.',
    remedy: 'The message names the reason and the next eligible time of each endpoint.',
    status: 503,
  },
  ROUTE_NO_PROVIDERS: {
    summary: 'No provider is configured yet.',
    remedy: 'Add one with `switchyard config add`, or import with `switchyard config import`.',
    status: 503,
  },
  UPSTREAM_UNREACHABLE: {
    summary: 'The upstream could not be reached or closed the connection before answering.',
    remedy: 'Check the base_url, the network and the outbound proxy of the provider.',
    status: 502,
  },
  UPSTREAM_TIMEOUT: {
    summary: 'The upstream did not answer in time.',
    remedy: 'Try again, or raise the timeout of the provider.',
    status: 504,
  },
  UPSTREAM_STREAM_CUT: {
    summary: 'The upstream ended the stream before its closing event.',
    remedy: 'The client may send the turn again.',
    status: 502,
  },
  UPSTREAM_STREAM_IDLE: {
    summary: 'The upstream sent nothing for longer than the idle limit.',
    remedy: 'The client may send the turn again; `[server] stream_idle_timeout_s` sets the limit.',
    status: 504,
  },
  UPSTREAM_BAD_ANSWER: {
    summary: 'The upstream answered 200 with something that is not an answer of the protocol.',
    remedy: 'Check the base_url and protocol of the provider.',
    status: 502,
  },
  CLIENT_CONFIG_UNREADABLE: {
    summary: "The agent's own configuration file cannot be read or is not valid.",
    remedy: 'Fix the file named in the message; nothing was written.',
    status: 422,
  },
  CLIENT_EDIT_CONFLICT: {
    summary: "The agent's configuration changed while it was being edited.",
    remedy: 'Repeat the command; nothing was written.',
    status: 409,
  },
  CLIENT_EDIT_UNSAFE: {
    summary: "The edit of the agent's configuration could not be proven safe and was not written.",
    remedy: 'The message names the reason; edit the file by hand or report it.',
    status: 422,
  },
  CLIENT_LOCKED: {
    summary: "Another process is editing the agent's configuration.",
    remedy: 'Wait a moment and repeat the command.',
    status: 409,
  },
  CONTROL_UNAUTHORIZED: {
    summary: 'The control token is missing or wrong.',
    remedy: 'Use the token in the control-token file of the Switchyard home.',
    status: 401,
  },
  CONTROL_BAD_REQUEST: {
    summary: 'The control call is malformed.',
    remedy: 'The message names the field.',
    status: 400,
  },
  CONTROL_NOT_FOUND: {
    summary: 'There is no such control call.',
    remedy: 'Check the name; see docs/architecture.md.',
    status: 404,
  },
  CONTROL_NOT_RUNNING: {
    summary: 'No Switchyard is running for this home.',
    remedy: 'Start it with `switchyard start`.',
  },
  STORAGE_LOCKED: {
    summary: 'Another process holds the lock of this file.',
    remedy: 'Wait a moment and try again.',
    status: 409,
  },
  STORAGE_WRITE_FAILED: {
    summary: 'A file could not be written.',
    remedy: 'Check free space and permissions of the folder named in the message.',
    status: 500,
  },
  STORAGE_UNREADABLE: {
    summary: 'A file of the Switchyard home cannot be read or is damaged.',
    remedy: 'Repair the file named in the message or move it away; it was left as it is.',
    status: 500,
  },
  HOST_PORT_IN_USE: {
    summary: 'The port is taken by another program.',
    remedy: 'Stop the holder named in the message, or start with the port it offers.',
  },
  HOST_ALREADY_RUNNING: {
    summary: 'A Switchyard is already running for this home.',
    remedy: 'Use it, or stop it with `switchyard stop`.',
  },
  HOST_BAD_USAGE: {
    summary: 'The command line is wrong.',
    remedy: 'See `switchyard --help`.',
  },
  BUG_UNEXPECTED: {
    summary: 'Something happened that should be impossible.',
    remedy: 'Please report it with the log around the turn id.',
    status: 500,
  },
} as const satisfies Record<string, ErrorCodeInfo>;

/** Every error code there is. */
export type ErrorCode = keyof typeof errorCodes;
