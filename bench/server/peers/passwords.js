// The password goes to the server, which checks it with a native password hash on its thread pool.
const USERNAME = 'alice';
const PASSWORD = 'correct horse battery';

const checkedBy = (load) => ({
  async createServer() {
    const { hash, verify } = await load();
    const users = new Map([[USERNAME, await hash(PASSWORD)]]);
    return {
      accept:
        () =>
        async ({ username, password }) => {
          if (!(await verify(password, users.get(username)))) throw new Error('login failed');
          return { isDone: true, answer: { welcome: true } };
        },
    };
  },
  createClient: () => ({
    async login(exchange) {
      const { welcome } = await exchange({ username: USERNAME, password: PASSWORD });
      if (!welcome) throw new Error('not welcome');
    },
  }),
});

export const argon2id = checkedBy(async () => {
  const native = await import('@node-rs/argon2');
  return {
    // argon2id is the default of the package; `verify` reads everything else from the hash.
    hash: (password) => native.hash(password, { memoryCost: 65_536, timeCost: 3, parallelism: 1 }),
    verify: (password, hash) => native.verify(hash, password),
  };
});

export const bcrypt = checkedBy(async () => {
  const { default: native } = await import('bcrypt');
  return { hash: (password) => native.hash(password, 10), verify: (password, hash) => native.compare(password, hash) };
});
