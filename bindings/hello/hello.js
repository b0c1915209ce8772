// node hello.js 127.0.0.1:8080: a server in Node.js, by the addon in node_forker.c. It serves in its own process, on the
// event loop of Node.js (workers=0): that does not live through a fork.
const forker = require(process.env.NODE_FORKER || './node_forker.node');

const server = forker.serve(process.argv[2] || ':8080', () => 'hello from Node.js\n');
process.on('SIGTERM', () => server.stop());
