// SPDX-License-Identifier: BSL-1.0
// Node: the net module. write() returns false while the socket is full, and reading pauses until then.
'use strict';
const net = require('net');

const words = process.argv.slice(2);
if (words.length === 1 && words[0] === '--version') {
  console.log(process.versions.node);
  process.exit(0);
}
if (words.length > 0) {
  console.error('peer-node: unknown option ' + words[0]);
  process.exit(2);
}

// A socket's end is answered by end() once everything is written: allowHalfOpen is false.
const server = net.createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('data', (data) => {
    if (!socket.write(data)) socket.pause();
  });
  socket.on('drain', () => socket.resume());
  socket.on('error', () => socket.destroy());
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  process.stdout.write(server.address().port + '\n');
});
process.stdin.on('end', () => process.exit(0));
process.stdin.on('error', () => process.exit(0));
process.stdin.resume();
