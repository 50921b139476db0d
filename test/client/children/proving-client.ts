// Goes on with the session of a ticket file, or logs in, and proves the password again and again, until it is killed.
import { readFileSync } from 'node:fs';
import { connect, fileTickets, type BlindsaltError } from '../../../src/client/node.js';

const [url, ca, file, username, password] = process.argv.slice(2) as [string, string, string, string, string];
const server = connect(url, { ca: readFileSync(ca, 'utf8'), tickets: fileTickets(file) });
const socket = await server.resume().catch((error: BlindsaltError) => {
  console.log(error.code);
  return server.login({ username, password });
});
console.log(`${socket.session.level} ${socket.session.sessionId}`);
for (;;) {
  await socket.stepUp({ password });
  console.log('proved');
}
