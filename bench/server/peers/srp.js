// SRP-6a with the 2048-bit group and SHA-512, the defaults of tssrp6a.
import tssrp6a from 'tssrp6a';

const { createVerifierAndSalt, SRPClientSession, SRPParameters, SRPRoutines, SRPServerSession } = tssrp6a;
const USERNAME = 'alice';
const PASSWORD = 'correct horse battery';
const routines = new SRPRoutines(new SRPParameters());
const toHex = (number) => number.toString(16);
const fromHex = (text) => BigInt(`0x${text}`);

export async function createServer() {
  const { s, v } = await createVerifierAndSalt(routines, USERNAME, PASSWORD);
  const users = new Map([[USERNAME, { s, v }]]);
  return {
    accept() {
      let session;
      return async ({ username, A, M1 }) => {
        if (username !== undefined) {
          const user = users.get(username);
          session = await new SRPServerSession(routines).step1(username, user.s, user.v);
          return { answer: { salt: toHex(user.s), B: toHex(session.B) } };
        }
        return { isDone: true, answer: { M2: toHex(await session.step2(fromHex(A), fromHex(M1))) } };
      };
    },
  };
}

export async function createClient() {
  const first = await new SRPClientSession(routines).step1(USERNAME, PASSWORD);
  return {
    async login(exchange) {
      const { salt, B } = await exchange({ username: USERNAME });
      const session = await first.step2(fromHex(salt), fromHex(B));
      const { M2 } = await exchange({ A: toHex(session.A), M1: toHex(session.M1) });
      await session.step3(fromHex(M2));
    },
  };
}
