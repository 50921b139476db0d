// Import directions of the house. An arrow that is not allowed here, or a cycle, fails `npm run check`.
const only = (name, from, to, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from },
  to: { path: '^(proto|src|certs|test|scripts|bench|assembly)/', pathNot: to },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '\\.generated|^(blindsalt|uWebSockets\\.js)' },
    },
    only('proto-alone', '^proto/', '^proto/', 'the protocol imports itself only'),
    only(
      'crypto-below',
      '^src/crypto/',
      '^(src/crypto|proto)/',
      'the core stands on nothing of ours but the error class',
    ),
    only('opaque-below', '^src/opaque/', '^(src/(opaque|crypto)|proto)/', 'opaque stands on crypto and proto'),
    only('server-side', '^src/server/', '^(src/(server|opaque|crypto)|proto)/', 'the server never imports the client'),
    only('client-side', '^src/client/', '^(src/(client|opaque|crypto)|proto)/', 'the client never imports the server'),
    only('page-on-client', '^src/page/', '^(src/(page|client|opaque|crypto)|proto)/', 'the page uses the client'),
    only(
      'conformance-on-the-wire',
      '^src/conformance/',
      '^src/(conformance|crypto|opaque)/|^proto/(constants|close-codes|errors)\\.ts$',
      'conformance speaks only the wire: nothing of server or client, and not the codec that it tests',
    ),
    only('certs-alone', '^certs/', '^(certs|proto)/', 'the certificate generator stands alone'),
    {
      name: 'no-node-in-shared-code',
      severity: 'error',
      comment: 'what browsers load uses no Node API',
      from: {
        path: '^(proto/|src/crypto/|src/opaque/|src/client/|src/page/)',
        pathNot: '^src/client/(node|.*-node|node-.*|ksf-worker|stretch-thread)\\.ts$',
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'drivers-only-where-needed',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/server/(adapter|store|metrics)/|^src/client/node|^src/cli/' },
      to: { path: 'node_modules/(ws|@photostructure|pino|prom-client|commander|read|selfsigned)/' },
    },
    { name: 'no-tests-in-sources', severity: 'error', from: { path: '^(proto|src|certs)/' }, to: { path: '^test/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|build)/|\\.generated\\.ts$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
