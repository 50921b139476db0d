// SCRAM-SHA-256 (RFC 5802, RFC 7677) on node:crypto. The client keeps its salted password, as RFC 5802 allows.
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

const USERNAME = 'alice';
const PASSWORD = 'correct horse battery';
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const xor = (a, b) => Buffer.from(a.map((byte, i) => byte ^ b[i]));
/** The fields of a message, by their letters. */
const fields = (text) => Object.fromEntries(text.split(',').map((field) => [field[0], field.slice(2)]));

export const scram = (iterations) => ({
  createServer() {
    const salt = randomBytes(16);
    const salted = pbkdf2Sync(PASSWORD, salt, iterations, 32, 'sha256');
    const users = new Map([
      [
        USERNAME,
        {
          salt: salt.toString('base64'),
          storedKey: sha256(hmac(salted, 'Client Key')),
          serverKey: hmac(salted, 'Server Key'),
        },
      ],
    ]);
    return {
      accept() {
        let user;
        let bare;
        let first;
        return ({ message }) => {
          if (first === undefined) {
            bare = message.slice(3);
            const { n, r } = fields(bare);
            user = users.get(n);
            first = `r=${r}${randomBytes(18).toString('base64')},s=${user.salt},i=${iterations}`;
            return { answer: { message: first } };
          }
          const { c, r, p } = fields(message);
          if (c !== 'biws' || r !== fields(first).r) throw new Error('another nonce');
          const authMessage = `${bare},${first},c=${c},r=${r}`;
          const clientKey = xor(Buffer.from(p, 'base64'), hmac(user.storedKey, authMessage));
          if (!timingSafeEqual(sha256(clientKey), user.storedKey)) throw new Error('login failed');
          return { isDone: true, answer: { message: `v=${hmac(user.serverKey, authMessage).toString('base64')}` } };
        };
      },
    };
  },

  createClient() {
    let kept;
    return {
      async login(exchange) {
        const bare = `n=${USERNAME},r=${randomBytes(18).toString('base64')}`;
        const { message: first } = await exchange({ message: `n,,${bare}` });
        const { r, s, i } = fields(first);
        if (kept?.s !== s) {
          const salted = pbkdf2Sync(PASSWORD, Buffer.from(s, 'base64'), Number(i), 32, 'sha256');
          const clientKey = hmac(salted, 'Client Key');
          kept = { s, clientKey, storedKey: sha256(clientKey), serverKey: hmac(salted, 'Server Key') };
        }
        const authMessage = `${bare},${first},c=biws,r=${r}`;
        const proof = xor(kept.clientKey, hmac(kept.storedKey, authMessage)).toString('base64');
        const { message: last } = await exchange({ message: `c=biws,r=${r},p=${proof}` });
        const expected = hmac(kept.serverKey, authMessage).toString('base64');
        if (last !== `v=${expected}`) throw new Error('the server did not prove itself');
      },
    };
  },
});
