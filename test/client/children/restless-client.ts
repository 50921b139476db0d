// Goes on with the session of a ticket file and replaces its ticket as fast as it can, until it is killed.
import { readFileSync } from 'node:fs';
import { connect, fileTickets } from '../../../src/client/node.js';

const [url, ca, file] = process.argv.slice(2);
const server = connect(url!, { ca: readFileSync(ca!, 'utf8'), tickets: fileTickets(file!) });
for (;;) {
  const socket = await server.resume();
  console.log(`resumed ${socket.session.sessionId}`);
  for (let i = 0; i < 3; i++) await socket.refresh();
  socket.close();
}
