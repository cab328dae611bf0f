// Who may import whom: the layer table of docs/architecture.md, kept by a machine. A new folder means a new line here.

const core = '^main/core';
const builtin = ['core'];
const outside = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown', 'core'];

/** Layer `from` may import only paths matching `to` and itself. */
const onlyPaths = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(main|preload|renderer|shared|tests|scripts)/', pathNot: to },
});

/** Layer `from` may import only these packages (and no Node built-ins unless `node`). */
const onlyPackages = (name, from, packages, { node, comment }) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: {
    dependencyTypes: node ? outside.filter((type) => type !== 'core') : outside,
    pathNot: packages.map((pkg) => `(^|node_modules/)(@types/)?${pkg}(/|$)`),
  },
});

const pure = `${core}/(routing|protocols)/`;
const services = 'balance|ledger|accounts|clients|sessions';

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'A cycle has no order of reading and no order of loading.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: { pathNot: '^tests/bench/' },
      to: { couldNotResolve: true, pathNot: '^electron$' },
    },
    {
      name: 'not-to-dev-dep',
      comment: 'What runs at the user must not need a development dependency; electron is supplied by the runtime.',
      severity: 'error',
      from: { path: '^(main|preload|shared)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/(electron|@types)/' },
    },
    {
      name: 'not-to-tests',
      severity: 'error',
      from: { path: '^(main|preload|renderer|shared|scripts)/' },
      to: { path: '^tests/' },
    },

    onlyPaths('shared-imports-nothing-of-ours', '^shared/', ['^shared/'], 'shared is the bottom layer.'),
    onlyPackages('shared-zod-only', '^shared/', ['zod'], {
      node: false,
      comment: 'shared runs in Node, the sandbox and the browser.',
    }),

    {
      name: 'electron-only-in-electron',
      comment: 'The core is an ordinary Node library.',
      severity: 'error',
      from: { pathNot: '^(main/electron|preload|tests/e2e)/' },
      to: { path: '(^|node_modules/)electron(/|$)' },
    },

    onlyPaths(
      'routing-is-alone',
      `${core}/routing/`,
      [`${core}/routing/`, '^shared/'],
      'Deciding is a pure function over values.',
    ),
    onlyPaths(
      'protocols-are-alone',
      `${core}/protocols/`,
      [`${core}/protocols/`, '^shared/'],
      'A wire protocol is a pure function over values.',
    ),
    {
      name: 'protocol-folders-do-not-know-each-other',
      comment: 'One folder per wire protocol; what they share lies beside them.',
      severity: 'error',
      from: { path: `${core}/protocols/([^/]+)/` },
      to: { path: `${core}/protocols/([^/]+)/`, pathNot: `${core}/protocols/(hub|$1)/` },
    },
    onlyPackages('pure-zod-only', pure, ['zod'], {
      node: false,
      comment: 'No Node built-ins, no clock, no randomness, no timers.',
    }),

    onlyPaths(
      'proxy-layer',
      `${core}/proxy/`,
      [`${core}/(proxy|routing|protocols|upstream)/`, `${core}/ports\\.ts$`, '^shared/'],
      'proxy does the I/O of a turn and is told everything else.',
    ),
    onlyPaths(
      'upstream-layer',
      `${core}/upstream/`,
      [`${core}/upstream/`, `${core}/ports\\.ts$`, '^shared/'],
      'One HTTP exchange knows nothing of routing.',
    ),
    onlyPaths('io-layer', `${core}/io/`, [`${core}/io/`, `${core}/ports\\.ts$`, '^shared/'], 'io is the bottom of the core.'),
    onlyPaths(
      'config-layer',
      `${core}/config/`,
      [`${core}/(config|io)/`, `${core}/ports\\.ts$`, '^shared/'],
      'One module owns the configuration file.',
    ),
    {
      name: 'services-layer',
      comment: 'Services use io, upstream and ports; they know neither proxy nor each other.',
      severity: 'error',
      from: { path: `${core}/(${services})/` },
      to: {
        path: '^(main|preload|renderer|tests|scripts)/',
        pathNot: [`${core}/(io|upstream|$1)/`, `${core}/ports\\.ts$`],
      },
    },
    {
      name: 'control-knows-faces-only',
      comment: 'Handlers call the faces of the core; how a turn is proxied is none of their business.',
      severity: 'error',
      from: { path: `${core}/control/` },
      to: { path: `${core}/(proxy|upstream)/` },
    },
    {
      name: 'only-core-ts-wires',
      comment: 'core.ts is the only file that knows all parts; parts only take types from it.',
      severity: 'error',
      from: { path: `${core}/.+/` },
      to: { path: `${core}/core\\.ts$`, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'core-is-below-hosts',
      severity: 'error',
      from: { path: `${core}/` },
      to: { path: '^(main/(cli|control-client|daemon|electron)|preload|renderer)/' },
    },

    onlyPaths(
      'control-client-layer',
      '^main/control-client/',
      ['^main/control-client/', '^shared/'],
      'A client of the contract, not of the core.',
    ),
    onlyPaths(
      'cli-layer',
      '^main/cli/',
      ['^main/(cli|control-client)/', '^shared/'],
      'The CLI is a client of whichever host runs.',
    ),
    onlyPaths(
      'daemon-layer',
      '^main/daemon/',
      ['^main/(daemon|core|control-client)/', '^shared/'],
      'Hosts do not know each other.',
    ),
    onlyPaths(
      'electron-layer',
      '^main/electron/',
      ['^main/(electron|core|control-client)/', '^shared/'],
      'Hosts do not know each other.',
    ),
    {
      name: 'preload-types-only',
      comment: 'The sandboxed bridge loads electron and nothing else at run time.',
      severity: 'error',
      from: { path: '^preload/' },
      to: { pathNot: ['(^|node_modules/)electron(/|$)', '^preload/'], dependencyTypesNot: ['type-only'] },
    },
    onlyPaths('renderer-layer', '^renderer/', ['^renderer/', '^shared/'], 'The window talks through the contract.'),
    {
      name: 'renderer-no-node',
      severity: 'error',
      from: { path: '^renderer/' },
      to: { dependencyTypes: builtin },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(out|dist|tests/bench)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
